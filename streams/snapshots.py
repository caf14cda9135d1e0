"""Snapshots 抓拍图片 that machines' events name: which may be used, and how they become evidence of the incident.

An event is never lost because of its pictures: one that cannot be used is left out, and the event keeps the note of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from incidents.event import Event, Origin
from incidents.incident import Incident
from incidents.postgres import media_store
from incidents.postgres.connection import Connection
from incidents.postgres.media_store import Named, Use
from streams.message import Message
from streams.sightings import Sighting

ACCOUNT = "x-account"
"""The header of a message that names the account whose token opened the gateway. A message written to Kafka by other
means has none: who may write there is trusted to name any machine's pictures."""
MOST = 20
"""Pictures of one event, as many as a person's report may have."""
LEFT_OUT = "media_left_out"
"""The member of an event's `raw` that says which pictures it named in vain, and why."""
REASONS = {
    "unknown": "没有这张图片，请先上传（POST /api/v1/media） / there is no such picture; send it first",
    "of_another": "这张图片是别的账户上传的 / another account sent this picture",
    "lost": "图片文件已遗失，请重新上传 / its file is lost; send it again",
    "elsewhere": "不是图片编号；别处的地址不读取 / not the id of a picture; what lies elsewhere is not fetched",
    "too_many": f"一条上报信息至多 {MOST} 张图片 / an event has at most {MOST} pictures",
    "incident_full": "案件的抓拍已满，这张不附 / the incident has as many snapshots as the city keeps",
}
_ID = re.compile(r"[0-9a-f]{32}")


def is_id(named: str) -> bool:
    """Whether it can be the id of a picture kept here."""
    return _ID.fullmatch(named) is not None


def fault(named: str, found: Mapping[str, Named], account: str | None) -> str | None:
    """Why a picture cannot be used, a key of `REASONS`; None when it can. `account` None: any machine's."""
    if not is_id(named):
        return "elsewhere"
    one = found.get(named)
    if one is None:
        return "unknown"
    if not (one.of_machine if account is None else one.account == account):
        return "of_another"
    return "lost" if one.lost else None


def settled(
    connection: Connection, messages: Sequence[Message], sightings: Iterable[Sighting]
) -> list[Sighting]:
    """The same with the pictures that can be used as their `media`, and a note of the others; those stay until the end."""
    given = list(sightings)
    ids = {named for one in given for named in one.event.media if is_id(named)}
    found = media_store.named_by_events(connection, sorted(ids)) if ids else {}
    return [
        replace(one, event=_sorted_out(one.event, found, _account_of(messages[one.place])))
        if one.event.media
        else one
        for one in given
    ]


def attach(connection: Connection, event: Event, incident: Incident | None, most: int) -> None:
    """Make the pictures of an event the evidence of the incident it opened, joined, or had joined when first told.

    An incident that has `most` snapshots takes no more: the event keeps the note.
    """
    if not event.media or incident is None or incident.state.ended or event.origin != Origin.STREAM:
        return
    by = camera_of(event) or event.source
    use = Use(incident.number, str(incident.state), media_store.BY_EVENT, by, event.at)
    over = media_store.attach_seen(connection, event.media, use, most)
    if over:
        media_store.leave_out(connection, (event.source, event.id), over, "incident_full")


def camera_of(event: Event) -> str | None:
    """The code of the camera that saw it: the device it is about, or `camera` in what it brought besides."""
    about = event.subject or ""
    if about.startswith("device:"):
        return about.removeprefix("device:")
    told = (event.raw or {}).get("camera")
    return told if isinstance(told, str) and 0 < len(told) <= 128 and "\x00" not in told else None


def _sorted_out(event: Event, found: Mapping[str, Named], account: str | None) -> Event:
    used: list[str] = []
    left_out: list[dict[str, Any]] = []
    for named in dict.fromkeys(event.media):
        reason = fault(named, found, account)
        if reason is None and len(used) == MOST:
            reason = "too_many"
        if reason is None:
            used.append(named)
        else:
            left_out.append({"media": named, "reason": reason})
    raw = {**(event.raw or {}), LEFT_OUT: left_out} if left_out else event.raw
    return replace(event, media=tuple(used), raw=raw)


def _account_of(message: Message) -> str | None:
    for name, value in message.headers:
        if name == ACCOUNT:
            return value.decode(errors="replace")
    return None
