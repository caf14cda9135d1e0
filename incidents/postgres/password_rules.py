"""What a password must be 口令规则: long, of several kinds, nobody's first guess. Hashes nothing, keeps nothing."""

from __future__ import annotations

import unicodedata

SHORTEST, LONGEST = 10, 128
KINDS = 3
_GUESSED = (
    "password", "passw0rd", "p@ssw0rd", "admin", "administrator", "qwerty", "1qaz2wsx", "123456", "abcdef", "letmein",
    "welcome", "woaini", "yiwang",
)  # fmt: skip
"""What stands at the top of every list of leaked passwords, and our own name."""

Fault = tuple[str, str, str]
"""A code, and the reason in Chinese and English."""


def spelled(password: str) -> str:
    """The password in the one spelling that is hashed, however a keyboard composed its characters."""
    return unicodedata.normalize("NFC", password)


def faults(password: str, name: str) -> list[Fault]:
    """Everything that is wrong with a password for the account of that name; empty when it may be used."""
    found: list[Fault] = []
    if not SHORTEST <= len(password) <= LONGEST:
        found.append(
            (
                "length",
                f"须为 {SHORTEST} 至 {LONGEST} 个字符",
                f"{SHORTEST} to {LONGEST} characters",
            )
        )
    if len(_kinds(password)) < KINDS:
        found.append(
            (
                "kinds",
                f"须含大写字母、小写字母、数字、其他字符中的至少 {KINDS} 种",
                f"at least {KINDS} of: capitals, small letters, digits, others",
            )
        )
    lowered = password.casefold()
    if len(name) >= 3 and name.casefold() in lowered:
        found.append(("name", "不能包含账户名", "must not contain the account's name"))
    if any(word in lowered for word in _GUESSED):
        found.append(("guessed", "含有最常被猜到的字串", "contains what everybody guesses first"))
    if any(unicodedata.category(each) == "Cc" for each in password):
        found.append(("control", "不能含控制字符", "no control characters"))
    return found


def _kinds(password: str) -> set[str]:
    return {_kind(each) for each in password}


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isupper():
        return "upper"
    return "lower" if character.islower() else "other"
