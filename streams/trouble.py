"""What ends a process on purpose, as one sentence a person can act on, in both languages."""

from __future__ import annotations

EX_REFUSED = 1
EX_ENDED = 70
"""Ended by ourselves so that the supervisor starts us again (sysexits: internal software error)."""


class Trouble(Exception):
    """Something a person has to know; `str()` is the sentence."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
