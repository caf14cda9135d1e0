"""申诉 as SQL: appeals that wait for their reviews, however old, and what a department may still appeal against.

The second says of a closed incident what `incidents.standing.appealable` says, of the departments that are asked about.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Appeals:
    """Which: `waiting` for a review; of these `review` for the reviewer's own, `second` for another's; or `open` to the
    departments until their time since the closing is over.

    `reviewer` is who has no part in what waits for him: he neither appealed nor reviewed it. `departments` are those it is
    asked for, None all (only of what waits). `hears` is what the city hears appeals about, `closed_since` when the earliest
    of those in time was closed.
    """

    which: Literal["waiting", "review", "second", "open"]
    departments: tuple[str, ...] | None
    reviewer: str = ""
    hears: tuple[str, ...] = ()
    closed_since: datetime | None = None


_HOLDER = "coalesce(i.department, i.returned ->> 'from')"
_WAITING = "i.state = 'closed' and incident_appeal_waits(i.appeal)"
_CONCERNS = f"({_HOLDER} = any(%(parties)s) or i.appeal -> 'heard' ?| %(parties)s)"
_NO_PART = "@.by != $who && !(@.reviews[*].by == $who)"
_REVIEW = f"""(i.appeal is not null and (
  jsonb_path_exists(i.appeal, '$.heard.* ? (@.outcome == null && {_NO_PART})', %(reviewer)s::jsonb)
  or jsonb_path_exists(i.appeal, '$ ? (exists (@.by) && @.outcome == null && {_NO_PART})', %(reviewer)s::jsonb)))"""
_IN_TIME = "i.state = 'closed' and i.closed_at >= %(closed_since)s"
_HELD = "i.appeal is not null and i.closed_at is not null and i.appeal -> 'marks' ?| %(parties)s"
_BRANCHES = (
    "i.department = any(%(parties)s)",
    "i.department is null and i.returned is not null and i.returned ->> 'from' = any(%(parties)s)",
    f"not coalesce({_HOLDER} = any(%(parties)s), false) and {_HELD}",
)
"""Whoever has it, gave it back last, or had it before; each has its index."""

_CLOCK = "(i.clocks -> 'handling')"
_LAST = f"({_CLOCK} -> 'spans' -> -1 ->> 'to')::timestamptz"
_LATE = f"""case when {_CLOCK} is null then coalesce(coalesce(i.handled_at, i.closed_at) > i.due_at, false)
                 when {_CLOCK} ->> 'state' = 'running' then coalesce(({_CLOCK} ->> 'due_at')::timestamptz < now(), false)
                 else ({_CLOCK} ->> 'late')::boolean
                      and not coalesce({_CLOCK} ->> 'state' = 'stopped' and {_LAST} <= i.dispatched_at, false) end"""
_COUNTS = " or ".join(
    f"('{mark}' = any(%(hears)s) and i.{column} > coalesce((i.appeal -> 'counted' ->> '{mark}')::int, 0))"
    for mark, column in (("rework", "reworks"), ("send_back", "send_backs"), ("urge", "urges"))
)
_SILENT = f"""not coalesce(i.appeal -> 'heard' ? party.code, false)
         and not (coalesce(i.appeal ? 'by', false) and party.code = {_HOLDER})"""
_APPEALABLE = f"""exists (
  select from unnest(%(parties)s::text[]) party(code)
   where {_SILENT}
     and (party.code = {_HOLDER} and ('anything' = any(%(hears)s) or {_COUNTS} or ('overdue' = any(%(hears)s) and {_LATE}))
          or coalesce(i.appeal -> 'marks' -> party.code ?| %(hears)s, false)
          or 'anything' = any(%(hears)s) and coalesce(i.appeal -> 'marks' ? party.code, false)))"""


def branches(appeals: Appeals) -> list[str]:
    """The question in disjoint conditions on a row of `incident i`, each on an index of its own."""
    if appeals.which == "open":
        return [f"({one}) and {_IN_TIME} and {_APPEALABLE}" for one in _BRANCHES]
    asked = {"waiting": "", "review": f" and {_REVIEW}", "second": f" and not {_REVIEW}"}[
        appeals.which
    ]
    return [_WAITING + asked + ("" if appeals.departments is None else f" and {_CONCERNS}")]


def values(appeals: Appeals) -> dict[str, Any]:
    """What the conditions ask for by name."""
    return {
        "parties": list(appeals.departments or ()),
        "reviewer": json.dumps({"who": appeals.reviewer}),
        "hears": list(appeals.hears),
        "closed_since": appeals.closed_since,
    }
