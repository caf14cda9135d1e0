"""Editions of the grid in the store: kept whole or not at all, read back with the same digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import numpy as np
import shapely

from grid.coordinates import Datum
from grid.edition import Edition
from grid.errors import GridError
from grid.unit_grid import ResponsibleGrid, UnitGridCode
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("grid_store.sql")
_CELL_TYPES = [
    "int4",
    "int4",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "float8",
    "float8",
    "float8",
    "bytea",
]
_LEVELS = ("district", "street", "community")


class EditionUnknown(GridError):
    """No edition of the grid holds on that day."""

    code = "edition_unknown"


class EditionTaken(GridError):
    """Another edition holds from the same day; incidents may have used it, so it stays."""

    code = "edition_taken"


class KeptEdition(NamedTuple):
    """An edition's row; `first_cell` + index in code order = unit_grid.id, `datum` that of the file it came from."""

    id: int
    digest: str
    first_cell: int
    name: str
    holds_from: date
    datum: str


def keep_edition(conn: Connection, edition: Edition, datum: Datum = Datum.WGS84) -> int:
    """Keep an edition with its cells and areas in one transaction; returns its id.

    The same cells as those in force on its day are no new edition: only changed names are taken over.
    EditionTaken when another edition holds from that very day. `datum` is that of the file; polygons are WGS-84.
    """
    with conn.transaction():
        conn.execute(_SQL["guard"])
        there = edition_in_force(conn, edition.holds_from)
        if there is not None and there.digest == edition.digest:
            _rename(conn, there.id, edition)
            return there.id
        if there is not None and there.holds_from == edition.holds_from:
            raise EditionTaken(
                zh=f"已有自 {edition.holds_from} 起施行的网格版本“{there.name}”，内容不同；请给新版本另定日期",
                en=f"edition {there.name!r} with other cells holds from {edition.holds_from}; give this one another day",
                holds_from=edition.holds_from.isoformat(),
            )
        return _add(conn, edition, datum)


def edition_in_force(conn: Connection, on: date | None = None) -> KeptEdition | None:
    """The edition that holds on a day (None: today in the city), or None before the first."""
    row = conn.execute(_SQL["in_force"], {"day": on}).fetchone()
    return KeptEdition(*row) if row else None


def editions(conn: Connection) -> list[KeptEdition]:
    """Every edition, the newest first."""
    return [KeptEdition(*row) for row in conn.execute(_SQL["editions"])]


def load_edition(conn: Connection, on: date | None = None) -> tuple[int, int, Edition]:
    """Id, first cell and the edition that holds on a day (None: today in the city); EditionUnknown."""
    kept = edition_in_force(conn, on)
    if kept is None:
        raise EditionUnknown(
            zh=f"没有{f'在 {on} ' if on else '当前'}施行的网格版本；请先 python -m grid load",
            en=f"no edition of the grid holds {f'on {on}' if on else 'today'}; python -m grid load brings one",
        )
    rows = conn.execute(_SQL["cells"], {"edition": kept.id}).fetchall()
    areas = conn.execute(_SQL["areas"], {"edition": kept.id}).fetchall()
    titles = {(level, code): name for level, code, name, _ in areas}
    edition = Edition.of(
        kept.name,
        kept.holds_from,
        ([row[0] for row in rows], shapely.from_wkb([row[3] for row in rows])),
        names=[row[1] for row in rows],
        area_names={code: name for (level, code), name in titles.items() if level in _LEVELS},
        responsible=_responsible(((row[2], row[0]) for row in rows), titles),
    )
    return kept.id, kept.first_cell, edition


def area_ids(conn: Connection, edition: int, level: str) -> dict[str, int]:
    """grid_area.id of each area of a level (`district`, `street`, `community`, `responsible`) by its code."""
    rows = conn.execute(_SQL["areas"], {"edition": edition})
    return {code: number for found, code, _, number in rows if found == level}


def _add(conn: Connection, edition: Edition, datum: Datum) -> int:
    row = conn.execute(
        _SQL["add_edition"],
        {
            "name": edition.name,
            "holds_from": edition.holds_from,
            "digest": edition.digest,
            "datum": str(datum),
            "cells": len(edition),
        },
    ).fetchone()
    assert row is not None
    number, first_cell = row
    with conn.cursor() as cursor, cursor.copy(_SQL["copy_cells"]) as copy:
        copy.set_types(_CELL_TYPES)
        for cell in _cells(edition, number, first_cell):
            copy.write_row(cell)
    _keep_areas(conn, number, edition)
    return int(number)


def _cells(edition: Edition, number: int, first_cell: int) -> Iterator[tuple[object, ...]]:
    """The rows of unit_grid in the order of `_CELL_TYPES`."""
    inside = shapely.point_on_surface(edition.polygons)
    of = {cell: grid.code for grid in edition.responsible.values() for cell in grid.cells}
    columns = zip(
        edition.codes.tolist(),
        edition.names.tolist(),
        edition.communities.tolist(),
        edition.streets.tolist(),
        edition.districts.tolist(),
        edition.areas_m2.tolist(),
        shapely.get_x(inside).tolist(),
        shapely.get_y(inside).tolist(),
        shapely.to_wkb(edition.polygons, byte_order=1, output_dimension=2).tolist(),
        strict=True,
    )
    for index, (code, name, community, street, district, area, lon, lat, wkb) in enumerate(columns):
        parents = (community, street, district, of.get(UnitGridCode(code)))
        yield (first_cell + index, number, code, name or None, *parents, area, lon, lat, wkb)


def _keep_areas(conn: Connection, number: int, edition: Edition) -> None:
    rows = [
        {"edition": number, "level": level, "code": code, "name": name}
        for level, code, name in _areas(edition)
    ]
    with conn.cursor() as cursor:
        cursor.executemany(_SQL["keep_area"], rows)


def _areas(edition: Edition) -> Iterator[tuple[str, str, str]]:
    """Level, code and name (the code where nobody named it) of every area the cells lie in."""
    parents = (edition.districts, edition.streets, edition.communities)
    for level, codes in zip(_LEVELS, parents, strict=True):
        for code in np.unique(codes).tolist():
            yield level, code, edition.area_names.get(code, code)
    for grid in edition.responsible.values():
        yield "responsible", grid.code, grid.name


def _rename(conn: Connection, number: int, edition: Edition) -> None:
    conn.execute(
        _SQL["rename_cells"],
        {
            "edition": number,
            "codes": edition.codes.tolist(),
            "names": edition.names.tolist(),
        },
    )
    _keep_areas(conn, number, edition)


def _responsible(
    pairs: Iterable[tuple[str | None, str]], titles: dict[tuple[str, str], str]
) -> dict[str, ResponsibleGrid]:
    cells: dict[str, list[UnitGridCode]] = {}
    for code, cell in pairs:
        if code is not None:
            cells.setdefault(code, []).append(UnitGridCode(cell))
    return {
        code: ResponsibleGrid(code, titles.get(("responsible", code), code), tuple(inside))
        for code, inside in cells.items()
    }
