"""What is made of a photo somebody sent: a clean JPEG, a small one for lists, and the place and time its camera wrote.

A pure function of bytes. It is meant to run in a process of its own (api.developing): pictures are read by C code,
and what is sent in may have been made to hurt it.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from api.picture_tails import foreign_words, tail_of

MOST_PIXELS = 40_000_000
LONGEST_EDGE = 2560
"""Pixels of the kept picture's longer side: a number plate across a street stays legible, a folder stays small."""
THUMBNAIL_EDGE = 320
QUALITY, THUMBNAIL_QUALITY = 85, 75

_ORIGINAL_TIME, _TIME, _ORIGINAL_OFFSET, _OFFSET = 0x9003, 0x0132, 0x9011, 0x9010
_EXIF, _GPS = 0x8769, 0x8825  # the two inner directories, Exif 2.32 table 4
_FORMATS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}
"""Opened by name and never by trial: a decoder that nobody named cannot be reached."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What the camera wrote of time and place: personal data. `at` has an offset only if the camera told one."""

    at: str | None = None
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class Developed:
    """The clean picture (JPEG, sRGB, upright, without any metadata), its small copy, and what was taken out."""

    picture: bytes
    thumbnail: bytes
    width: int
    height: int
    taken: Taken


class Unfit(Exception):
    """The bytes are not a picture we keep; `reason` is a key of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


REASONS: dict[str, tuple[str, str]] = {
    "empty": ("没有收到照片内容", "there is no picture in the request"),
    "heic": (
        "HEIC/HEIF/AVIF 照片不能接收；请在手机“设置 › 相机 › 格式”选“兼容性最佳”（JPEG），或先转为 JPEG",
        "HEIC, HEIF and AVIF are not taken; choose 'Most compatible' (JPEG) in the phone's camera settings",
    ),
    "markup": (
        "这是网页或矢量图（HTML/SVG/XML），不是照片；请发送 JPEG、PNG 或 WebP",
        "this is a page or a drawing (HTML, SVG, XML), not a photo; send JPEG, PNG or WebP",
    ),
    "format": (
        "只接收 JPEG、PNG、WebP 照片；请转换后再发送",
        "only JPEG, PNG and WebP are taken; convert it first",
    ),
    "animated": (
        "动图不能作为凭证；请发送单张照片",
        "a moving picture is no evidence; send a single photo",
    ),
    "pixels": (
        f"照片超过 {MOST_PIXELS // 1_000_000} 百万像素（4000 万）；请把相机设为标准分辨率或先缩小",
        f"more than {MOST_PIXELS // 1_000_000} megapixels; set the camera to its standard resolution or scale it down",
    ),
    "damaged": (
        "照片不完整或已损坏；请重新拍摄或重新上传",
        "the picture is cut off or damaged; take it or send it again",
    ),
    "hidden": (
        "照片里藏有别的文件（网页、脚本、压缩包等）；请用相机原图或截图重新发送",
        "another file (page, script, archive) hides in the picture; send the camera's own file or a screenshot",
    ),
    "costly": (
        "照片无法在限定的时间和内存内处理；请另存为普通 JPEG 后再发送",
        "the picture cannot be read within the limits of time and memory; save it as a plain JPEG first",
    ),
}
"""Why a picture is refused, in words the sender can act on."""


def develop(data: bytes) -> Developed:
    """The clean picture of what was sent; Unfit with its reason otherwise."""
    kind = _kind(data)
    _refuse_hidden(kind, data)
    try:
        with _FORMATS[kind](io.BytesIO(data)) as opened:
            _refuse_unsound(opened)
            return _developed(opened)
    except Unfit:
        raise
    except MemoryError as fault:
        raise Unfit("costly") from fault
    except (
        Exception
    ) as fault:  # decoders fail in a dozen ways: all of them mean the same to the sender
        raise Unfit("damaged") from fault


def _kind(data: bytes) -> str:
    head = data[:4096]
    if not head:
        raise Unfit("empty")
    for kind, magic in (
        ("jpeg", rb"\xff\xd8\xff"),
        ("png", rb"\x89PNG\r\n\x1a\n"),
        ("webp", rb"RIFF....WEBP"),
    ):
        if re.match(magic, head, re.DOTALL):
            return kind
    if head[4:8] == b"ftyp" and re.match(rb"hei[cfms]|hev[cx]|mif1|msf1|avi[fs]", head[8:12]):
        raise Unfit("heic")
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<[!?a-zA-Z]", head) or re.search(
        rb"<svg[\s>]", head, re.IGNORECASE
    ):
        raise Unfit("markup")
    raise Unfit("animated" if head.startswith(b"GIF8") else "format")


def _refuse_hidden(kind: str, data: bytes) -> None:
    tail = tail_of(kind, data)
    if tail is None:
        raise Unfit("damaged")
    if foreign_words(kind, data, tail):
        raise Unfit("hidden")


def _refuse_unsound(opened: Image.Image) -> None:
    """Before a single pixel is read: too many of them, or more pictures than one."""
    width, height = opened.size
    if width * height > MOST_PIXELS:
        raise Unfit("pixels")
    if getattr(opened, "is_animated", False):
        raise Unfit("animated")


def _developed(opened: Image.Image) -> Developed:
    taken = _taken(opened.getexif())
    opened.draft("RGB", (LONGEST_EDGE, LONGEST_EDGE))  # JPEG: decode only as finely as is kept
    opened.load()
    picture = _plain(ImageOps.exif_transpose(opened))
    picture.thumbnail((LONGEST_EDGE, LONGEST_EDGE), Image.Resampling.LANCZOS)
    small = picture.copy()
    small.thumbnail((THUMBNAIL_EDGE, THUMBNAIL_EDGE), Image.Resampling.LANCZOS)
    return Developed(
        _jpeg(picture, QUALITY),
        _jpeg(small, THUMBNAIL_QUALITY),
        picture.width,
        picture.height,
        taken,
    )


def _plain(picture: Image.Image) -> Image.Image:
    """The same in sRGB on white, eight bits a channel, and nothing but pixels."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value / 256).convert("L")
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        shown = picture.convert("RGBA")
        picture = Image.new("RGB", shown.size, "white")
        picture.paste(shown, mask=shown.getchannel("A"))
    if profile and picture.mode in {"RGB", "CMYK", "L"}:
        with contextlib.suppress(
            Exception
        ):  # a broken profile costs a shade of colour, not the photo
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            picture = converted or picture
    plain = picture.convert("RGB")
    plain.info.clear()
    return plain


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _taken(exif: Image.Exif) -> Taken:
    """Time and place, each only if it makes sense; a camera's nonsense is no reason to refuse its photo."""
    at: str | None = None
    lon: float | None = None
    lat: float | None = None
    with contextlib.suppress(Exception):
        at = _time({**exif, **exif.get_ifd(_EXIF)})
    with contextlib.suppress(Exception):
        gps = exif.get_ifd(_GPS)
        lat = _degrees(gps.get(2), gps.get(1), "S", 90)
        lon = _degrees(gps.get(4), gps.get(3), "W", 180)
    if lon is None or lat is None or (lon, lat) == (0, 0):
        lon = lat = None
    return Taken(at, lon, lat)


def _time(tags: Mapping[int, Any]) -> str | None:
    said = str(tags.get(_ORIGINAL_TIME) or tags.get(_TIME) or "").strip("\x00 ")
    offset = str(tags.get(_ORIGINAL_OFFSET) or tags.get(_OFFSET) or "").strip("\x00 ")
    at = datetime.strptime(said, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - the camera's own clock, zone unknown
    if not 1990 <= at.year <= 2200:
        return None
    if re.fullmatch(r"[+-]\d\d:\d\d", offset):
        told = datetime.fromisoformat(at.isoformat() + offset)
        if abs(told.utcoffset() or timedelta()) <= timedelta(hours=14):
            return told.isoformat()
    return at.isoformat()


def _degrees(parts: Any, reference: Any, negative: str, most: int) -> float | None:
    """Degrees, minutes and seconds as one number; None for what cannot be."""
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if not 0 <= value <= most:  # also false for NaN
        return None
    return -value if str(reference).strip("\x00 ").upper() == negative else value
