"""What a camera of the demo city sends with its event: a drawn scene that says so, never a photo of anybody.

Drawn by hand from lines and boxes, with the words 演示画面 in strokes of our own: no font of the machine is needed for them.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from PIL import Image, ImageDraw, ImageFont

SIZE = (480, 270)
QUALITY = 45
"""A few kB: what a camera's sub-stream gives."""
CITY_TIME = timezone(timedelta(hours=8))

_Box = tuple[int, int, int, int]
_SKY, _WALL, _PAVEMENT, _ROAD = (176, 196, 206), (150, 140, 128), (178, 176, 170), (92, 96, 100)
_FRAME, _INK, _DARK = (255, 196, 0), (255, 255, 255), (20, 24, 28)

# 演示画面, each character as strokes in a square of a hundred by a hundred.
_STROKES: tuple[tuple[tuple[tuple[int, int], ...], ...], ...] = (
    (
        ((8, 12), (20, 24)),
        ((4, 40), (17, 50)),
        ((4, 92), (22, 62)),
        ((62, 3), (68, 13)),
        ((36, 30), (36, 18), (95, 18), (95, 30)),
        ((48, 34), (84, 34)),
        ((44, 46), (88, 46), (88, 74), (44, 74), (44, 46)),
        ((44, 60), (88, 60)),
        ((66, 34), (66, 74)),
        ((56, 78), (36, 96)),
        ((76, 78), (96, 96)),
    ),
    (
        ((22, 15), (78, 15)),
        ((6, 40), (94, 40)),
        ((50, 40), (50, 92), (38, 84)),
        ((30, 56), (12, 82)),
        ((70, 56), (88, 82)),
    ),
    (
        ((6, 8), (94, 8)),
        ((28, 24), (72, 24), (72, 66), (28, 66), (28, 24)),
        ((28, 45), (72, 45)),
        ((50, 8), (50, 66)),
        ((10, 34), (10, 90), (90, 90), (90, 34)),
    ),
    (
        ((4, 8), (96, 8)),
        ((50, 8), (42, 28)),
        ((14, 28), (86, 28), (86, 92), (14, 92), (14, 28)),
        ((38, 28), (38, 92)),
        ((62, 28), (62, 92)),
        ((38, 48), (62, 48)),
        ((38, 68), (62, 68)),
    ),
)


def draw(camera: str, kind: str, score: float, at_ms: int) -> bytes:
    """A JPEG of a street with the trouble in a frame; the same for the same event, byte for byte."""
    dice = random.Random(camera)  # a camera sees the same street for ever
    image = Image.new("RGB", SIZE, _SKY)
    pen = ImageDraw.Draw(image)
    _street(pen, dice)
    box = (180 + dice.randint(-60, 60), 150, 330 + dice.randint(-20, 60), 232)
    THINGS.get(kind, _boxes)(pen, box)
    pen.rectangle(_around(box), outline=_FRAME, width=2)
    face = ImageFont.load_default(13)
    at = box[0] - 8, box[1] - 24
    pen.rectangle((*at, at[0] + pen.textlength(f"{kind} {score:.2f}", face) + 8, at[1] + 18), _DARK)
    pen.text((at[0] + 4, at[1] + 1), f"{kind} {score:.2f}", _FRAME, face)
    _words(pen, camera, at_ms)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _street(pen: ImageDraw.ImageDraw, dice: random.Random) -> None:
    left = -20
    while left < SIZE[0]:
        wide, high = dice.randint(50, 110), dice.randint(40, 95)
        grey = dice.randint(-18, 18)
        pen.rectangle((left, 130 - high, left + wide, 130), tuple(part + grey for part in _WALL))
        for x in range(left + 8, left + wide - 10, 18):
            for y in range(138 - high, 118, 20):
                pen.rectangle((x, y, x + 8, y + 10), (120, 134, 146))
        left += wide
    pen.rectangle((0, 130, SIZE[0], 212), _PAVEMENT)
    pen.rectangle((0, 212, *SIZE), _ROAD)
    for x in range(dice.randint(0, 40), SIZE[0], 70):
        pen.rectangle((x, 246, x + 36, 249), (226, 226, 220))


def _around(box: _Box) -> _Box:
    return box[0] - 8, box[1] - 6, box[2] + 8, box[3] + 8


def _stall(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    left, top, right, bottom = box
    for n, x in enumerate(range(left, right, 14)):
        pen.rectangle((x, top, min(x + 14, right), top + 20), (196, 60, 52) if n % 2 else _INK)
    pen.line((left + 3, top, left + 3, bottom), (80, 80, 80), 3)
    pen.line((right - 3, top, right - 3, bottom), (80, 80, 80), 3)
    pen.rectangle((left + 8, bottom - 26, right - 8, bottom - 8), (134, 96, 60))


def _car(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    left, top, right, bottom = box
    middle = (top + bottom) // 2
    pen.polygon(((left + 26, middle), (left + 44, top + 12), (right - 40, top + 12), (right - 22, middle)), (70, 90, 120))  # fmt: skip
    pen.rectangle((left, middle, right, bottom - 12), (52, 98, 160))
    for x in (left + 28, right - 28):
        pen.ellipse((x - 13, bottom - 26, x + 13, bottom), (30, 30, 30))


def _blocked(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    for x in range(box[0], box[2] - 20, 24):
        pen.line((x, box[3], x + 20, box[1] + 30), (240, 210, 60), 5)
    _car(pen, box)


def _bikes(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    left, _, right, bottom = box
    for x in range(left + 16, right - 40, 34):
        for wheel in (x, x + 34):
            pen.ellipse((wheel - 15, bottom - 32, wheel + 15, bottom - 2), outline=(30, 30, 30), width=3)  # fmt: skip
        pen.line(((x, bottom - 17), (x + 12, bottom - 42), (x + 28, bottom - 42), (x + 34, bottom - 17)), (230, 120, 30), 3)  # fmt: skip


def _bags(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    left, top, right, bottom = box
    for n, x in enumerate(range(left, right - 36, 30)):
        pen.ellipse((x, top + 26 + n % 2 * 8, x + 42, bottom), (54 + n * 12, 60, 58))
        pen.line((x + 21, top + 30, x + 26, top + 18), (54, 60, 58), 4)


def _boxes(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    left, top, _, bottom = box
    for n in range(3):
        x = left + n * 46
        pen.rectangle((x, top + 24 - n % 2 * 20, x + 40, bottom), (168, 128, 84), (90, 66, 40), 2)


def _spill(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    left, top, right, bottom = box
    pen.ellipse((left, top + 40, right, bottom), (58, 50, 40))
    for x in range(left + 12, right - 12, 18):
        pen.ellipse((x, top + 46 + x % 13, x + 12, top + 54 + x % 13), (120, 104, 80))


THINGS: dict[str, Callable[[ImageDraw.ImageDraw, _Box], None]] = {
    "street_trading": _stall,
    "shop_overflow": _boxes,
    "itinerant_vendor": _stall,
    "illegal_parking": _car,
    "bike_parking": _bikes,
    "exposed_litter": _bags,
    "piled_clutter": _boxes,
    "fire_lane_blocked": _blocked,
    "spillage": _spill,
}


def _words(pen: ImageDraw.ImageDraw, camera: str, at_ms: int) -> None:
    """演示画面 DEMO PICTURE, and as a camera writes them its code and the time."""
    pen.rectangle((0, 0, SIZE[0], 30), _DARK)
    for n, strokes in enumerate(_STROKES):
        for stroke in strokes:
            points = [(10 + n * 24 + x * 0.2, 5 + y * 0.2) for x, y in stroke]
            pen.line(points, _INK, 2)
    face = ImageFont.load_default(15)
    pen.text((114, 6), "DEMO PICTURE", _INK, face)
    at = datetime.fromtimestamp(at_ms / 1000, CITY_TIME)
    pen.text((SIZE[0] - 10, 6), f"{at:%Y-%m-%d %H:%M:%S}", _INK, face, anchor="ra")
    pen.text((10, SIZE[1] - 22), camera, _INK, face)
