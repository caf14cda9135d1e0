"""Where a picture ends inside its file, and whether something else hides in it: a page, a script, an archive.

What is kept is written anew from pixels, so nothing hidden survives; it is refused all the same, because
whoever sends such a file means harm or was used for it.
"""

from __future__ import annotations

import re

_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length: RSTn, SOI, TEM
_SCRIPTS = re.compile(
    rb"<script[\s>]|<iframe[\s>]|<!doctype\s+html|<html[\s>]|<\?php\s|javascript:", re.IGNORECASE
)
"""Long enough that compressed pixels say none of it by chance: below 1e-5 in ten megabytes."""
_FILES = re.compile(
    rb"PK\x03\x04|PK\x05\x06|%PDF-|\x7fELF|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|#!/|MZ.{58}|<svg[\s>]|<\?xml|\x1f\x8b\x08",
    re.IGNORECASE | re.DOTALL,
)


def tail_of(kind: str, data: bytes) -> int | None:
    """The offset of the first byte after the picture; None when it has no end, because it was cut off."""
    return {"jpeg": _end_of_jpeg, "png": _end_of_png, "webp": _end_of_webp}[kind](data)


def foreign_words(kind: str, data: bytes, tail: int) -> bool:
    """Whether something that is no picture hides in the file.

    Cameras put things behind a JPEG (further pictures, a moment of film): only what can be run, opened or
    shown elsewhere is taken amiss there. Nothing stands behind a PNG or a WebP.
    """
    rest = data[tail:]
    if kind != "jpeg" and rest.strip(b"\x00\r\n"):
        return True
    if (
        _FILES.match(rest) or b"PK\x05\x06" in rest[-65_558:]
    ):  # an archive's directory stands at its end
        return True
    return _SCRIPTS.search(data) is not None


def _end_of_jpeg(data: bytes) -> int | None:
    """After EOI of the first picture (ITU-T T.81 annex B): segments by their length, scans by their next marker."""
    at = 2
    while True:
        found = _MARKER.match(data, at) or _MARKER.search(data, at)
        if found is None:
            return None
        marker, at = found[1][0], found.end()
        if marker == 0xD9:
            return at
        if marker not in _BARE:
            length = int.from_bytes(data[at : at + 2], "big")
            if length < 2 or at + length > len(data):
                return None
            at += length


def _end_of_png(data: bytes) -> int | None:
    """After IEND: chunks by their length."""
    at = 8
    while at + 12 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + length
        if name == b"IEND":
            return at if at <= len(data) else None
    return None


def _end_of_webp(data: bytes) -> int | None:
    """By the length in its RIFF header."""
    end = 8 + int.from_bytes(data[4:8], "little")
    return end if end <= len(data) else None
