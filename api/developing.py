"""The process in which one photo is developed: bytes in on stdin, result out on stdout, then it ends.

Before it reads a byte it gives up what a picture has no need of: memory, time, files, sockets, children.
"""

from __future__ import annotations

import io
import resource
import struct
import sys

import msgspec
from PIL import Image, ImageCms

from api.pictures import Developed, Taken, Unfit, develop

MEMORY = 1 << 30
"""Bytes of address space: forty megapixels take about a quarter of it."""
CPU_S = 10
HEAD = struct.Struct(">III")
"""Lengths of the three parts of the answer: what is said, the picture, the thumbnail."""


class Said(msgspec.Struct, frozen=True):
    """What the process says of the picture: refused with a reason, or its size and what the camera wrote."""

    refused: str | None = None
    width: int = 0
    height: int = 0
    at: str | None = None
    lon: float | None = None
    lat: float | None = None


def packed(result: Developed | str) -> bytes:
    """The answer as bytes; a text is the reason of a refusal."""
    if isinstance(result, str):
        said, parts = Said(refused=result), (b"", b"")
    else:
        taken = result.taken
        said = Said(None, result.width, result.height, taken.at, taken.lon, taken.lat)
        parts = (result.picture, result.thumbnail)
    head = msgspec.json.encode(said)
    return HEAD.pack(len(head), *map(len, parts)) + head + b"".join(parts)


def unpacked(answer: bytes) -> Developed:
    """The developed picture; Unfit when it was refused, ValueError when this is no whole answer."""
    if len(answer) < HEAD.size:
        raise ValueError("no answer")
    said_n, picture_n, small_n = HEAD.unpack_from(answer)
    if len(answer) != HEAD.size + said_n + picture_n + small_n:
        raise ValueError("the answer is cut off")
    said = msgspec.json.decode(answer[HEAD.size : HEAD.size + said_n], type=Said)
    if said.refused is not None:
        raise Unfit(said.refused)
    begin = HEAD.size + said_n
    picture, small = answer[begin : begin + picture_n], answer[begin + picture_n :]
    return Developed(picture, small, said.width, said.height, Taken(said.at, said.lon, said.lat))


def give_up() -> None:
    """Limit this process to what developing needs; from here it opens nothing, not even a file to read."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(what, (most, most))


def rehearse() -> None:
    """Develop a dot of each format, so that everything a picture may need is loaded before files are given up."""
    dot = Image.new("RGB", (2, 2))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:11:24 08:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0), 3: "E", 4: (1.0, 2.0, 3.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for form in ("JPEG", "PNG", "WEBP"):
        out = io.BytesIO()
        dot.save(out, form, exif=exif, icc_profile=profile)
        develop(out.getvalue())


def main() -> None:
    """Develop what comes on stdin."""
    rehearse()
    give_up()
    data = sys.stdin.buffer.read()
    try:
        answer = packed(develop(data))
    except Unfit as unfit:
        answer = packed(unfit.reason)
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
