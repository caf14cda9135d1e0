"""The standards in the store as an operator changes them: first the difference, then a new edition in one transaction.

A proposal is a file (.xlsx, .csv) laid over the edition in force, or a whole body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incidents.errors import DecisionRefused
from incidents.postgres import city, decision_store
from incidents.postgres.connection import Connection
from incidents.postgres.references import Kept
from incidents.standards import grids, seeds, tables
from incidents.standards.difference import Difference, difference
from incidents.standards.revision import Terms, revise
from incidents.standards.sheets import FORMS, Form, table

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """How a change is meant.

    It begins to hold at `holds_from` (None: now), rows a file does not have stay if it is `partial`, and `base` is
    the edition it was decided on (None: whichever holds).
    """

    holds_from: datetime | None = None
    partial: bool = False
    base: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The edition changed (0: the built-in one), the body it would become, and what differs."""

    base: int
    body: Body
    difference: Difference


def in_force(conn: Connection, at: datetime | None = None) -> tuple[int, Body]:
    """The edition that holds at an instant and its body; 0 and the built-in one where the city decided none."""
    kept = decision_store.editions_in_force(conn, at).get("standards")
    return (kept.id, kept.body) if kept else (0, seeds.bodies()["standards"])


def propose(conn: Connection, given: bytes | Mapping[str, Any], asked: Asked) -> Proposal:
    """What would change, nothing changed; DecisionRefused exactly where adopting it would be."""
    with conn.transaction(force_rollback=True):
        return _adopt(conn, given, "preview", asked)[1]


def adopt(
    conn: Connection, given: bytes | Mapping[str, Any], author: str, asked: Asked
) -> tuple[int | None, Proposal]:
    """The new edition's id, or None where nothing would change: then none is made. DecisionRefused leaves nothing."""
    with conn.transaction():
        return _adopt(conn, given, author, asked)


def put(conn: Connection, body: Mapping[str, Any], author: str, asked: Asked) -> int:
    """The whole body as a new edition, whether it differs or not; its id."""
    with conn.transaction():
        decision_store.guard(conn)
        _refuse_outdated(asked.base, in_force(conn, asked.holds_from)[0])
        return decision_store.keep(conn, "standards", body, author, asked.holds_from)


def export(body: Mapping[str, Any], sheet: Form | None = None) -> bytes:
    """The whole as an .xlsx, or one sheet as CSV; reading it again changes nothing."""
    if sheet is not None:
        return grids.as_csv(table(body, sheet))
    return grids.as_workbook({one.zh: table(body, one) for one in FORMS})


def _adopt(
    conn: Connection, given: bytes | Mapping[str, Any], author: str, asked: Asked
) -> tuple[int | None, Proposal]:
    decision_store.guard(conn)
    base, before = in_force(conn, asked.holds_from)
    _refuse_outdated(asked.base, base)
    body = _body(conn, before, given, asked)
    tables.read("standards", body)
    proposal = Proposal(base, body, difference(before, body))
    if proposal.difference.nothing:
        return None, proposal
    return decision_store.keep(conn, "standards", body, author, asked.holds_from), proposal


def _refuse_outdated(decided_on: int | None, base: int) -> None:
    if decided_on is not None and decided_on != base:
        raise DecisionRefused(
            zh=f"所据版本 {decided_on} 已被版本 {base} 取代，请重新比较后再提交",
            en=f"decided on edition {decided_on}, but {base} holds now: look at the difference again",
            kind="standards",
            faults=(),
        )


def _body(conn: Connection, before: Body, given: bytes | Mapping[str, Any], asked: Asked) -> Body:
    if not isinstance(given, bytes):
        return dict(given)
    here = city.get(conn)
    zone = ZoneInfo(here.time_zone if here else tables.DEMO_TIME_ZONE)
    begins = asked.holds_from or decision_store.clock(conn)
    last_day = begins.astimezone(zone).date() - timedelta(days=1)
    sound = tables.write("standards", tables.read("standards", before))
    return revise(
        {**before, **sound}, grids.read(given), Terms(Kept(conn), last_day, asked.partial)
    )
