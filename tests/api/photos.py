"""Photos to send, made on the spot: good ones, and the kinds that are refused."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from api.objects import Objects
from tests.api.town import token

TAKEN = "2026:11:20 09:30:00"


def exif(
    orientation: int = 1, taken: str | None = TAKEN, offset: str | None = None, place: Any = None
) -> Image.Exif:
    """What a camera writes; `place` is ((degrees, minutes, seconds) north, the same east)."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "SecretPhone"
    if taken is not None:
        tags.get_ifd(0x8769)[0x9003] = taken
    if offset is not None:
        tags.get_ifd(0x8769)[0x9011] = offset
    if place is not None:
        tags.get_ifd(0x8825).update({1: "N", 2: place[0], 3: "E", 4: place[1]})
    return tags


def a_photo(
    width: int = 640,
    height: int = 480,
    form: str = "JPEG",
    colour: tuple[int, int, int] = (200, 30, 30),
    **more: Any,
) -> bytes:
    """A picture whose left half is of one colour and whose right half is white."""
    image = Image.new("RGB", (width, height), "white")
    image.paste(colour, (0, 0, width // 2, height))
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """The picture of what was served."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def animated(form: str) -> bytes:
    """Two frames."""
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of that size whose pixels are all the same: small to send, large to open."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    row = b"\x00" * (width // 8 + 2)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to a gigabyte."""
    packer = zlib.compressobj(9)
    text = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
    data = b"Comment\x00\x00" + text
    chunk = (
        struct.pack(">I", len(data))
        + b"zTXt"
        + data
        + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    )
    whole = a_photo(8, 8, "PNG")
    return whole[:33] + chunk + whole[33:]


def send(
    client: TestClient, data: bytes, who: str = "inspector", kind: str = "scene", **more: Any
) -> Any:
    """Send a photo as the body itself; the answer."""
    headers = {**token(who), "Content-Type": "image/jpeg", **more.pop("headers", {})}
    return client.post(
        "/api/v1/media", params={"kind": kind, **more}, content=data, headers=headers
    )


def sent(client: TestClient, data: bytes | None = None, who: str = "inspector", **more: Any) -> str:
    """Send a photo; its id."""
    answer = send(client, a_photo() if data is None else data, who, **more)
    assert answer.status_code in {200, 201}, answer.text
    id_: str = answer.json()["id"]
    return id_


_number = itertools.count()


def fresh(**more: Any) -> bytes:
    """A photo that nobody sent before."""
    return a_photo(64, 48, comment=f"{next(_number)}".encode(), **more)


def files_of(objects: Objects) -> set[str]:
    """Names of the files that lie in a store's folder."""
    folder = objects._folder
    assert folder is not None
    return {path.name for path in folder.rglob("*") if path.is_file()}
