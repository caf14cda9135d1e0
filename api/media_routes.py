"""照片: taken in, shown to those who may see the incident, and listed as its evidence.

Machines send theirs here too, and not at the gateway: whoever reads pictures keeps processes, memory and the store of
photos ready for it, and the machines' door stays the small thing that answers as soon as Kafka has what it was told. The
event that follows names the id it got (docs/media.md).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import answers
from api.access import READERS, STAFF, Caller, R, allow
from api.idempotency import Key, once
from api.parts import Opened, Parts, now
from api.pictures import REASONS, Developed, Unfit
from api.problems import Problem
from api.schemas import IncidentPhoto, PhotoKept
from api.uploads import Upload, described, read_upload
from incidents.errors import MoveRefused
from incidents.postgres import media_store
from incidents.postgres.connection import Connection
from incidents.postgres.media_store import NewPhoto, Photo, TakenAt, Use

router = APIRouter(prefix="/api/v1", tags=["media 照片"])

Kind = Literal["before", "after", "scene"]
PhotoId = Annotated[str, Path(max_length=64, examples=["5f0c2b1e9d7a4c3f8b6a1d2e3f405162"])]
Seen = Annotated[str | None, Header(alias="If-None-Match")]
_HEADERS = {
    # A photo is opened by pages of ours and by itself; nothing in it may run, whatever it turned out to be.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie",
}
_MACHINES_NAME_EVENTS = (
    "设备的图片不能直接附于案件；请把所得编号写入上报信息的 media",
    "a machine's picture is not sent to an incident; name the id you get in `media` of the event",
)
_UNSUPPORTED = frozenset({"heic", "markup", "format"})


@router.post(
    "/media",
    status_code=201,
    response_model=PhotoKept,
    summary="上传照片 Send a photo",
    openapi_extra={"requestBody": described()},
    responses={200: {"model": PhotoKept, "description": "同一账户已传过同一文件 sent before"}},
)
async def send(
    request: Request,
    caller: Annotated[Caller, allow(STAFF, R.INGEST)],
    parts: Opened,
    kind: Annotated[
        Kind | None,
        Query(
            description="before 处置前 · after 处置后 · scene 现场（设备的缺省值 what a machine's is）"
        ),
    ] = None,
    incident: Annotated[str | None, Query(max_length=40, description="直接附于该案件")] = None,
    key: Key = None,
) -> Response:
    """JPEG, PNG or WebP, as the body itself or as part `file` of a form; kept as a clean JPEG without metadata.

    The `id` goes into `media` of a report, a move, or a machine's event. The same bytes from the same account are the
    same photo.
    """
    usual = "scene" if caller.role is R.INGEST else None
    upload = await read_upload(request, parts.settings.media_largest, kind, incident, usual)
    return await run_in_threadpool(_taken_in, parts, caller, key, upload)


@router.get(
    "/media/{id}",
    summary="照片 A photo",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def photo(
    id: PhotoId,  # noqa: A002 - the address's own word
    caller: Annotated[Caller, allow(READERS)],
    parts: Opened,
    seen: Seen = None,
) -> Response:
    """The kept JPEG: for who may see an incident it belongs to, and for who sent it."""
    return _shown(parts, caller, id, seen, small=False)


@router.get(
    "/media/{id}/thumbnail",
    summary="缩略图 Its thumbnail",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def thumbnail(
    id: PhotoId,  # noqa: A002
    caller: Annotated[Caller, allow(READERS)],
    parts: Opened,
    seen: Seen = None,
) -> Response:
    """At most 320 pixels wide and high."""
    return _shown(parts, caller, id, seen, small=True)


@router.get(
    "/incidents/{number}/media",
    response_model=list[IncidentPhoto],
    summary="案件的照片 An incident's photos",
)
def evidence(
    number: Annotated[str, Path(max_length=40)],
    caller: Annotated[Caller, allow(READERS)],
    parts: Opened,
) -> Response:
    """In the order they came, with stage and move; the desk also sees when and where each was taken."""
    with parts.connection() as connection:
        parts.ledger(connection, caller).load(number)
        photos = media_store.of_incident(connection, number)
        told = media_store.taken_of_incident(connection, number) if caller.sees_reporter else {}
    listed = [
        {
            **_view(each),
            "incident": each.incident,
            "device": each.device,
            "device_name": each.device_name,
            "stage": each.stage,
            "move": each.move,
            "by": each.by,
            "at": each.at,
            "lost": each.lost_at is not None,
            **_camera(told.get(each.id)),
        }
        for each in photos
    ]
    return answers.json(listed, headers={"Cache-Control": "private, no-cache"})


def _taken_in(parts: Parts, caller: Caller, key: str | None, upload: Upload) -> Response:
    received = hashlib.sha256(upload.data).digest()
    machine = caller.role is R.INGEST
    if machine and upload.incident is not None:
        raise Problem(403, "forbidden", _MACHINES_NAME_EVENTS)
    with parts.connection() as connection:
        _refuse_ended(parts, connection, caller, upload.incident)
        known = media_store.sent_before(connection, caller.name, received, upload.kind)
        if known is None:
            most = media_store.MOST_OF_MACHINES if machine else media_store.MOST_UNATTACHED
            media_store.refuse_hoard(connection, caller.name, most)
    if known is not None and known.lost_at is None:
        developed, id_ = None, known.id
    else:  # new, or its files were lost: then this brings them back under their old name
        developed, id_ = (
            _developed(parts, upload.data, machine=machine),
            known.id if known else secrets.token_hex(16),
        )
        if known is not None:
            parts.objects.remove(id_)
        parts.objects.put(id_, developed.picture, developed.thumbnail)
    return _kept(parts, caller, key, (upload, received, developed, id_, known is None))


def _developed(parts: Parts, data: bytes, *, machine: bool) -> Developed:
    room = parts.darkroom
    try:
        return room.develop_of_machine(data) if machine else room.develop(data)
    except Unfit as unfit:
        status = 415 if unfit.reason in _UNSUPPORTED else 422
        raise Problem(status, "photo_unfit", REASONS[unfit.reason], reason=unfit.reason) from unfit


def _kept(
    parts: Parts,
    caller: Caller,
    key: str | None,
    what: tuple[Upload, bytes, Developed | None, str, bool],
) -> Response:
    """The row beside the files; files that got no row are taken away again."""
    upload, received, developed, id_, new = what
    added = False

    def act(connection: Connection) -> Response:
        nonlocal added
        if developed is not None and new:
            added = _add(connection, caller, upload, (id_, received, developed))
        elif developed is not None:
            media_store.found_again(connection, [id_])
        found = media_store.sent_before(connection, caller.name, received, upload.kind)
        assert found is not None  # its row was just written or seen
        return _answer(parts, connection, caller, upload, found, 201 if added else 200)

    try:
        with parts.connection() as connection:
            request = (f"POST /media {upload.kind} {upload.incident}", received)
            return once(connection, caller, key, request, lambda: act(connection))
    except BaseException:
        added = False
        raise
    finally:
        if new and developed is not None and not added:
            parts.objects.remove(id_)


def _add(
    connection: Connection, caller: Caller, upload: Upload, what: tuple[str, bytes, Developed]
) -> bool:
    id_, received, developed = what
    kept = NewPhoto(
        id_,
        caller.name,
        upload.kind,
        received,
        hashlib.sha256(developed.picture).digest(),
        len(developed.picture),
        developed.width,
        developed.height,
    )
    taken = developed.taken
    return media_store.add(connection, kept, (taken.at, taken.lon, taken.lat))


def _answer(
    parts: Parts,
    connection: Connection,
    caller: Caller,
    upload: Upload,
    found: Photo,
    status: int,
) -> Response:
    if upload.incident is not None:
        stage = str(parts.ledger(connection, caller).load(upload.incident).state)
        use = Use(upload.incident, stage, "add", caller.name, now())
        media_store.attach(connection, [found.id], use, parts.in_force.decisions.policy.max_photos)
    camera = media_store.taken(connection, found.id) if caller.sees_reporter else None
    body = {**_view(found), "incident": upload.incident, **_camera(camera)}
    return answers.json(body, status, {"Location": body["url"]})


def _refuse_ended(parts: Parts, connection: Connection, caller: Caller, number: str | None) -> None:
    """An incident that has ended takes no more evidence; one the caller may not see is refused as everywhere."""
    if number is None:
        return
    incident = parts.ledger(connection, caller).load(number)
    if incident.state.ended:
        raise MoveRefused(
            zh=f"案件 {number} 已{incident.state.zh}，不能再附照片",
            en=f"incident {number} has ended and takes no more photos",
        )


def _shown(parts: Parts, caller: Caller, id_: str, seen: str | None, *, small: bool) -> Response:
    with parts.connection() as connection:
        found = media_store.find(connection, id_)
        if found is None:
            raise Problem(404, "unknown", ("没有这张照片", "there is no such photo"))
        if found.account != caller.name:
            _refuse_stranger(parts, connection, caller, id_)
    tag = f'"{found.sha256.hex()[:32]}{"s" if small else ""}"'
    headers = {**_HEADERS, "ETag": tag}
    if seen is not None and tag in {each.strip().removeprefix("W/") for each in seen.split(",")}:
        return Response(status_code=304, headers=headers)
    data = parts.objects.get(id_, small=small)
    if data is None:
        raise Problem(
            404,
            "photo_lost",
            (
                "照片文件已遗失，请管理员从备份恢复",
                "the file of this photo is lost; restore it from a backup",
            ),
        )
    name = f"{id_}{'.small' if small else ''}.jpg"
    headers["Content-Disposition"] = f'inline; filename="{name}"'
    return Response(data, 200, headers, media_type="image/jpeg")


def _refuse_stranger(parts: Parts, connection: Connection, caller: Caller, id_: str) -> None:
    """403 unless the caller may see one of the incidents that the photo belongs to."""
    ledger = parts.ledger(connection, caller)
    for number in media_store.incidents_of(connection, id_):
        try:
            ledger.load(number)
        except Problem:
            continue
        return
    raise Problem(
        403,
        "forbidden",
        ("这张照片不属于您可查看的案件", "this photo belongs to no incident that you may see"),
    )


def _view(found: Photo) -> dict[str, Any]:
    url = f"/api/v1/media/{found.id}"
    return {
        "id": found.id,
        "url": url,
        "thumbnail": f"{url}/thumbnail",
        "kind": found.kind,
        "kind_zh": media_store.KINDS[found.kind],
        "sha256": found.sha256.hex(),
        "size": found.size,
        "width": found.width,
        "height": found.height,
    }


def _camera(told: TakenAt | None) -> dict[str, Any]:
    """What the camera wrote, in answers to the desk; nothing otherwise."""
    if told is None:
        return {}
    place = None if told.lon is None else {"lon": told.lon, "lat": told.lat}
    return {"taken_at": told.taken_at, "taken_where": place, "metres_away": told.metres}
