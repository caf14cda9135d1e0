"""Which second of a demo comes next, kept in a file, so that a start goes on where the last stop was."""

from __future__ import annotations

import json
from pathlib import Path


class Progress:
    """Which second of the demo comes next, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.second = self._read()

    def save(self) -> None:
        """Keep it; whole or not at all."""
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps({"second": self.second}), encoding="utf-8")
        beside.replace(self._file)

    def _read(self) -> int:
        try:
            return int(json.loads(self._file.read_text(encoding="utf-8"))["second"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0
