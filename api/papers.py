"""Papers 纸面: headings, text, tables and photos as a PDF in Chinese, with who took it out and when at the foot of every page.

The typeface is named, not carried: STSong-Light is one of the faces every reader of PDF has or stands in for
(docs/decisions/paper-by-reportlab.md). What people wrote is text here and never markup.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import CondPageBreak, LongTable, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Image as Drawn

from api.taken import Cell, Taken

_FACE = "STSong-Light"
_MISSING = "〓"
"""Stands for what the face has no glyph for: characters beyond the first plane, such as emoji."""
_MARGIN = 14 * mm
_FOOT = 8 * mm
_ABREAST = 3
"""Photos in a row."""
_HIGHEST = 62 * mm
"""Of a photo, so that one taken upright leaves room for others."""
_PIXELS, _QUALITY = 640, 72
"""Of a photo on paper: some 270 to an inch in a third of a page's width, and about 60 KB at most."""
pdfmetrics.registerFont(UnicodeCIDFont(_FACE))
_BODY = ParagraphStyle("body", fontName=_FACE, fontSize=9.5, leading=14, wordWrap="CJK")
_CELL = ParagraphStyle("cell", parent=_BODY, fontSize=8, leading=11)
_TEXT = ParagraphStyle("text", parent=_BODY, leftIndent=-6)
"""Beside tables: a page holds words six points further in than tables."""
_TITLE = ParagraphStyle("title", parent=_TEXT, fontSize=16, leading=24)
_HEAD = ParagraphStyle("head", parent=_TEXT, fontSize=11.5, leading=20)
_GRID = [
    ("FONT", (0, 0), (-1, -1), _FACE, 8, 11),
    ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
]
_HEADED = [*_GRID, ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e8eef5"))]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within the paper; with less than `room` millimetres below it on the page it begins the next."""

    words: str
    room: float = 30


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody wrote, however long."""

    words: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of one thing, two facts to a line."""

    pairs: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `widths` in millimetres, `long` the columns whose words may need several lines."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    widths: Sequence[float]
    long: frozenset[int]


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo with the lines below it; `data` is a JPEG, or None where there is none, and `missing` says why."""

    data: bytes | None
    lines: Sequence[str]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Photos:
    """Photos side by side, each drawn as small as it is read on paper."""

    rows: Sequence[Photo]


Block = Heading | Text | Facts | Grid | Photos


def paper(taken: Taken, blocks: Sequence[Block], *, wide: bool = False) -> bytes:
    """The blocks on A4 under the title, upright or `wide`."""
    out = io.BytesIO()
    size = landscape(A4) if wide else A4
    document = SimpleDocTemplate(
        out,
        pagesize=size,
        title=taken.title,
        author=taken.who,
        subject=taken.mark,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN + _FOOT,
    )
    mark = plain(taken.mark)

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont(_FACE, 7.5)
        canvas.drawString(_MARGIN, _FOOT, mark)
        canvas.drawRightString(size[0] - _MARGIN, _FOOT, f"第 {canvas.getPageNumber()} 页")

    story = [_flowing(taken.title, _TITLE)]
    for block in blocks:
        story += _laid(block, taken, size[0] - 2 * _MARGIN)
    story += [Spacer(1, 4), _flowing("— 完 —", _CELL)]
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def plain(words: str) -> str:
    """The words with a mark for every character that the face cannot show."""
    return "".join(_MISSING if not _shown(sign) else sign for sign in words.replace("\t", " "))


def _shown(sign: str) -> bool:
    return sign == "\n" or (sign <= "\uffff" and unicodedata.category(sign)[0] != "C")


def _flowing(words: str, style: Any) -> Any:
    return Paragraph(escape(plain(words)).replace("\n", "<br/>"), style)


def _laid(block: Block, taken: Taken, width: float) -> list[Any]:
    if isinstance(block, Heading):
        return [CondPageBreak(block.room * mm), Spacer(1, 4), _flowing(block.words, _HEAD)]
    if isinstance(block, Text):
        return [_flowing(block.words, _TEXT), Spacer(1, 3)]
    if isinstance(block, Facts):
        return [_facts(block, taken, width)]
    if isinstance(block, Photos):
        return [_photos(block, width)]
    return [_grid(block, taken)]


def _facts(block: Facts, taken: Taken, width: float) -> Any:
    cells = [
        cell
        for label, value in block.pairs
        for cell in (_flowing(label, _CELL), _flowing(taken.words(value), _CELL))
    ]
    cells += [""] * (-len(cells) % 4)
    rows = [cells[at : at + 4] for at in range(0, len(cells), 4)]
    shares = (0.14, 0.36, 0.14, 0.36)
    return LongTable(rows, [width * share for share in shares], style=_GRID, splitInRow=1)


def _grid(block: Grid, taken: Taken) -> Any:
    def cell(column: int, value: Cell) -> Any:
        words = taken.words(value)
        return _flowing(words, _CELL) if column in block.long else plain(words)

    rows = [[_flowing(head, _CELL) for head in block.heads]]
    rows += [[cell(column, value) for column, value in enumerate(row)] for row in block.rows]
    widths = [width * mm for width in block.widths]
    return LongTable(rows, widths, style=_HEADED, repeatRows=1, splitInRow=1)


def _photos(block: Photos, width: float) -> Any:
    wide = width / _ABREAST
    cells = [_photo(each, wide - 2 * mm) for each in block.rows]
    cells += [[]] * (-len(cells) % _ABREAST)
    rows = [cells[at : at + _ABREAST] for at in range(0, len(cells), _ABREAST)]
    return LongTable(rows, [wide] * _ABREAST, style=_GRID)


def _photo(photo: Photo, wide: float) -> list[Any]:
    """What stands in one place of a row: the photo, or a line that says why there is none."""
    below = [_flowing(line, _CELL) for line in photo.lines]
    if photo.data is None:
        return [_flowing(f"〔无图 no photo〕{photo.missing}", _CELL), *below]
    try:
        data, shape = _smaller(photo.data)
    except (OSError, Image.DecompressionBombError):
        return [_flowing("〔无图 no photo〕照片文件已损坏 the file is damaged", _CELL), *below]
    shrunk = min(wide / shape[0], _HIGHEST / shape[1])
    return [Drawn(io.BytesIO(data), shape[0] * shrunk, shape[1] * shrunk), *below]


def _smaller(data: bytes) -> tuple[bytes, tuple[int, int]]:
    """A JPEG of the size that paper needs, with its width and height; OSError if it cannot be read."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        opened.draft("RGB", (_PIXELS, _PIXELS))
        small = opened.convert("RGB")
    small.thumbnail((_PIXELS, _PIXELS))
    small.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue(), small.size
