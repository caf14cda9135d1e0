"""Which of the forms we have a client prefers (RFC 9110 §12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from api.problems import Problem


def preferred(accept: str | None, have: Sequence[str]) -> str:
    """The form the client likes best, the first of ours when it does not care; 406 when it wants none of them."""
    if accept is None or not accept.strip():
        return have[0]
    wishes = [_wish(part) for part in accept.split(",") if part.strip()]
    best = max(have, key=lambda form: (_liking(form, wishes), -have.index(form)))
    if _liking(best, wishes) <= 0:
        raise Problem(
            406,
            "not_acceptable",
            (f"可提供的格式：{'、'.join(have)}", f"to be had as {', '.join(have)}"),
            have=list(have),
        )
    return best


def _wish(part: str) -> tuple[str, float]:
    form, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return form, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return form, 0.0


def _liking(form: str, wishes: Sequence[tuple[str, float]]) -> float:
    """The quality of the most exact wish that covers the form."""
    kind = form.partition("/")[0]
    for pattern in (form, f"{kind}/*", "*/*"):
        found = [quality for wish, quality in wishes if wish == pattern]
        if found:
            return max(found)
    return 0.0
