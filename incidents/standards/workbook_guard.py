"""Is an .xlsx safe to hand to a reader? Looked at before anything is believed: size, entries, macros, cells far out.

A workbook is a ZIP of XML. A few kilobytes may unpack to gigabytes, one cell at XFD1048576 makes a reader allocate
billions, and a formula or an error shows a value that is not what it seems: all refused, each with its reason.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from xml.parsers import expat

from incidents.errors import DecisionRefused

MOST_UNPACKED = 48 * 1024 * 1024
MOST_ENTRIES = 500
MOST_ROWS, MOST_COLUMNS = 50_000, 64
_CHUNK = 1 << 16
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII)
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError)
"""What a damaged ZIP raises; ValueError where a name said to be UTF-8 is none."""
_MACRO = re.compile(r"vbaproject|macrosheets/|activex", re.IGNORECASE)


def inspect(data: bytes) -> None:
    """DecisionRefused for a workbook that is broken, hides macros, or is larger inside than any table needs to be."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _entries(archive)
            left = MOST_UNPACKED
            for entry in archive.infolist():
                left -= _unpacked(archive, entry, left)
    except _BROKEN as fault:
        raise _refused(
            f"不是完好的 .xlsx（{fault}）；请用 Excel 打开后另存",
            f"not a whole .xlsx ({fault}): open it in Excel and save it again",
        ) from fault


def _entries(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > MOST_ENTRIES:
        raise _refused(
            f"压缩包内有 {len(entries)} 个文件，不像工作簿",
            f"{len(entries)} files inside: not a workbook",
        )
    if any(_MACRO.search(name) for name in names):
        raise _refused(
            "含有宏；请另存为不含宏的 .xlsx", "it holds macros: save it as a plain .xlsx"
        )
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise _refused(
            "是压缩包但不是 .xlsx 工作簿（.xlsb、.ods、.docx 等请另存为 .xlsx）",
            "a ZIP but no .xlsx workbook: save .xlsb, .ods and the like as .xlsx",
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise _refused("文件加了密码", "the file has a password")


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> int:
    """Bytes the entry really unpacks to, counted while they come; its XML is looked through on the way."""
    look = _Look(entry.filename) if entry.filename.endswith((".xml", ".rels")) else None
    size = 0
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            if look is None and size == 0:
                _no_sheet(entry.filename, chunk)
            size += len(chunk)
            if size > left:
                most = MOST_UNPACKED >> 20
                raise _refused(
                    f"解压后大于 {most} MiB，拒绝读取", f"unpacks to more than {most} MiB"
                )
            if look is not None:
                look.feed(chunk)
    if look is not None:
        look.feed(b"", last=True)
    return size


def _no_sheet(name: str, first: bytes) -> None:
    """A sheet under a name that is not looked through is refused: pictures and printer settings are not XML."""
    text = first.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<") and not text.startswith(
        b"<xml"
    ):  # <xml: the drawing of a comment, .vml
        raise _refused(f"{name} 不应是 XML", f"{name} should not be XML")


class _Look:
    """Looks through one part's XML as it comes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._place = ""
        # whatever it declares: the reader behind takes everything for UTF-8 too
        self._parser = expat.ParserCreate("UTF-8")
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._begin
        self._row = self._column = 0

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        """The next bytes."""
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as fault:
            raise _refused(
                f"{self._name} 不是合法的 XML（{fault}）", f"{self._name} is not XML ({fault})"
            ) from fault

    def _doctype(self, *_: object) -> None:
        raise _refused(f"{self._name} 含 DOCTYPE", f"{self._name} declares a DOCTYPE")

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "row":
            self._row, self._column = self._whole(given.get("r")) or self._row + 1, 0
            self._bounds(self._row, 1)
        elif "chart" in self._name:
            return
        elif name == "c":
            self._cell(given)
        elif name == "f":
            raise _refused(
                f"单元格 {self._place} 是公式；请复制后“选择性粘贴”为数值",
                f"cell {self._place} is a formula: paste its value in its place",
                self._place,
            )

    def _cell(self, given: dict[str, str]) -> None:
        place = given.get("r")
        found = _PLACE.fullmatch(place or "")
        if found is not None:
            self._row, self._column = int(found[2]), _number(found[1])
        elif place is None:
            self._column += 1
        else:
            raise _refused(f"单元格位置 {place!r} 无效", f"no cell is called {place!r}")
        self._place = place or f"R{self._row}C{self._column}"
        self._bounds(self._row, self._column)
        if given.get("t") == "e":
            raise _refused(
                f"单元格 {self._place} 是错误值", f"cell {self._place} holds an error", self._place
            )

    def _bounds(self, row: int, column: int) -> None:
        if row > MOST_ROWS or column > MOST_COLUMNS:
            raise _refused(
                f"有内容远在第 {row} 行第 {column} 列；至多 {MOST_ROWS} 行 {MOST_COLUMNS} 列",
                f"a cell stands at row {row}, column {column}; at most {MOST_ROWS} by {MOST_COLUMNS}",
            )

    @staticmethod
    def _whole(text: str | None) -> int:
        return int(text) if text and text.isdecimal() and len(text) < 9 else 0


def _number(letters: str) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - ord("A") + 1
    return found


def _refused(zh: str, en: str, place: str = "") -> DecisionRefused:
    faults = ((place, f"{zh} / {en}"),) if place else ()
    return DecisionRefused(zh=zh, en=en, kind="standards", faults=faults)
