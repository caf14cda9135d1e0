"""The ring of live changes by itself: who is woken for what, and how often."""

from __future__ import annotations

import asyncio
from typing import Any

from api.caller import Caller
from api.live_ring import Audience, Heard, Ring, Told
from incidents.lifecycle import Role

LEAD = Audience.of(Caller("lead", Role.SHIFT_LEAD), mine=False)


def fact(name: str, **incident: Any) -> Told:
    view = {"number": name, "state": "open", "version": 1, "category": "c", "text": "t", "media": [],
            "source": "device:d", "department": None, "cell_code": None, "community": None, "inspector": None,
            **incident}  # fmt: skip
    return Told(
        f"{name}/1", "incident_opened", name, 1, "2026-11-24T00:00:00Z", "system", None, view
    )


def waiting(ring: Ring, audience: Audience) -> Heard:
    heard: Heard = asyncio.get_running_loop().create_future()
    ring.listen(audience.circle, heard)
    return heard


async def test_nobody_is_woken_for_what_does_not_concern_him() -> None:
    ring = Ring(100)
    crew = Audience.of(Caller("crew", Role.DEPARTMENT, "A"), mine=False)
    li = Audience.of(Caller("li", Role.INSPECTOR), mine=True)
    hers, his, everybodys = waiting(ring, crew), waiting(ring, li), waiting(ring, LEAD)
    ring.add(0, fact("a", department="B"))
    ring.add(1, fact("b", department="B", source="person:li"))
    ring.announce()
    assert everybodys.result() == 0
    assert his.result() == 1
    assert not hers.done()
    assert ring.told(0, crew, ring.group(crew)) == (b"", 2)
    assert ring.told(0, li, ring.group(li))[0].count(b"\nevent: incident\n") == 1


async def test_who_helps_a_department_hears_of_it_too() -> None:
    ring = Ring(100)
    helping = Audience.of(Caller("crew", Role.DEPARTMENT, "A"), mine=False)
    heard = waiting(ring, helping)
    ring.add(0, fact("a", department="B", assisting=["A"]))
    ring.announce()
    assert heard.result() == 0
    assert b'"a"' in ring.told(0, helping, ring.group(helping))[0]


async def test_what_comes_in_a_burst_is_told_together() -> None:
    ring = Ring(100)
    first = waiting(ring, LEAD)
    ring.add(0, fact("first"))
    ring.announce()
    assert first.done()
    second = waiting(ring, LEAD)
    for n in range(1, 5):
        ring.add(n, fact(f"burst-{n}"))
        ring.announce()
    assert not second.done()
    assert ring.told(1, LEAD, ring.group(LEAD)) == (
        b"",
        1,
    )  # nobody runs ahead of the others either
    assert await second == 1
    chunk, behind = ring.told(1, LEAD, ring.group(LEAD))
    assert (chunk.count(b"\nevent: incident\n"), behind) == (4, 5)
    assert (
        ring.told(1, LEAD, ring.group(LEAD))[0] is chunk
    )  # written out once for all who walk in step


async def test_changes_that_are_forgotten_leave_nothing_behind() -> None:
    ring = Ring(100)
    for n in range(1000):
        ring.add(n, fact(f"n-{n}", inspector=f"i-{n}"))
    assert len(ring._places) == 100
    li = Audience.of(Caller("i-950", Role.INSPECTOR), mine=True)
    ring.announce()
    assert ring.told(ring.first, li, ring.group(li))[0].count(b"\nevent: incident\n") == 1
    assert ring.after(899) == ring.first
    assert ring.after(800) is None


async def test_at_the_end_everybody_is_let_go() -> None:
    ring = Ring(100)
    heard = waiting(ring, LEAD)
    ring.close()
    assert heard.result() is None
    assert ring.closed
