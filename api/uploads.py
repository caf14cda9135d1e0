"""How a file comes in over HTTP: as the body itself or as part of a form, read only as far as it may be long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.problems import Problem

FORM_ROOM = 64 * 1024
"""Bytes of a form beside its file."""
_KINDS = ("before", "after", "scene")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file with what was said of it."""

    data: bytes
    kind: str
    incident: str | None


async def read_upload(
    request: Request, largest: int, kind: str | None, incident: str | None, usual: str | None = None
) -> Upload:
    """The file, its kind (or the usual one) and incident from the form or the address. Problem 413 over `largest` bytes, 422, 400."""
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        data, told = await _of_form(request, largest)
        kind, incident = kind or told.get("kind"), incident or told.get("incident") or None
    else:
        data = await _of_body(request, largest)
    kind = kind or usual
    if kind not in _KINDS:
        raise _wanting("kind", f"须为 {'、'.join(_KINDS)} 之一 / one of {', '.join(_KINDS)}")
    if incident is not None and (len(incident) > 40 or "\x00" in incident):
        raise _wanting("incident", "不是案件编号 / not an incident's number")
    return Upload(data, kind, incident)


async def _of_body(request: Request, largest: int) -> bytes:
    heard = bytearray()
    async for chunk in request.stream():
        heard += chunk
        if len(heard) > largest:
            raise too_large(largest)
    return bytes(heard)


async def _of_form(request: Request, largest: int) -> tuple[bytes, dict[str, str]]:
    try:
        form = await request.form(max_files=1, max_fields=4, max_part_size=1024)
    except HTTPException as fault:  # the parser's refusal of a broken or overlong form
        raise _wanting("file", f"表单无法读取 / the form cannot be read: {fault.detail}") from fault
    try:
        files = [part for part in form.values() if isinstance(part, UploadFile)]
        if len(files) != 1:
            raise _wanting("file", "表单须有一个文件 / the form needs one file")
        data = await files[0].read(largest + 1)
        if len(data) > largest:
            raise too_large(largest)
        return data, {name: part for name, part in form.items() if isinstance(part, str)}
    finally:
        await form.close()


def too_large(largest: int) -> Problem:
    """413 with what to do."""
    megabytes = largest / (1024 * 1024)
    return Problem(
        413,
        "too_large",
        (
            f"照片超过 {megabytes:g} MiB；请用标准分辨率拍摄或先缩小",
            f"the photo is larger than {megabytes:g} MiB; scale it down first",
        ),
        {"Connection": "close"},
    )


def described() -> dict[str, Any]:
    """The body in OpenAPI: what the framework cannot see, because it is read as it comes."""
    file = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": file,
            "kind": {"type": "string", "enum": list(_KINDS)},
            "incident": {"type": "string", "maxLength": 40},
        },
    }
    kinds = ("image/jpeg", "image/png", "image/webp")
    content = {
        "multipart/form-data": {"schema": form},
        **{kind: {"schema": file} for kind in kinds},
    }
    return {"required": True, "content": content}


def _wanting(name: str, reason: str) -> Problem:
    return Problem(
        422,
        "invalid",
        (f"以下内容不合要求：{name}", "see errors: each names its place and reason"),
        errors=[{"in": "body", "pointer": f"/{name}", "code": "unfit", "detail": reason}],
    )
