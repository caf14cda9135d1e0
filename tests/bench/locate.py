"""How fast and how right `Atlas.locate` is against shapely's STRtree: `python -m tests.bench.locate`.

Ten thousand cells of about 73 vertices, batches of 10,000 places, every method in turn within each
round, so that a busy machine slows all alike: trust the ratios, not the rates. Seconds are those of
the processor in this thread; nothing measured here waits or uses another.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.atlas import Atlas
from tests.grid import cities
from tests.grid.cities import Floats

ROUNDS = 15
BATCH = 10_000
ONE_BY_ONE = 500

Places = tuple[Floats, Floats]
Method = Callable[[Floats, Floats], Any]


def bulk(tree: shapely.STRtree) -> Method:
    """The usual way: all points at once, then the lowest cell of each."""

    def locate(x: Floats, y: Floats) -> NDArray[np.int32]:
        found = np.full(len(x), -1, dtype=np.int32)
        point, cell = tree.query(shapely.points(x, y), predicate="intersects")
        lowest_last = np.lexsort((-cell, point))
        found[point[lowest_last]] = cell[lowest_last]
        return found

    return locate


def bulk_prepared(tree: shapely.STRtree, polygons: NDArray[Any]) -> Method:
    """The faster usual way: boxes by the tree, then prepared polygons."""
    shapely.prepare(polygons)

    def locate(x: Floats, y: Floats) -> NDArray[np.int32]:
        found = np.full(len(x), -1, dtype=np.int32)
        point, cell = tree.query(shapely.points(x, y))
        hit = shapely.intersects_xy(polygons[cell], x[point], y[point])
        point, cell = point[hit], cell[hit]
        lowest_last = np.lexsort((-cell, point))
        found[point[lowest_last]] = cell[lowest_last]
        return found

    return locate


def one_by_one(locate: Callable[[float, float], Any]) -> Method:
    """A method that takes one place at a time."""

    def each(x: Floats, y: Floats) -> None:
        for lon, lat in zip(x[:ONE_BY_ONE].tolist(), y[:ONE_BY_ONE].tolist(), strict=True):
            locate(lon, lat)

    return each


def in_turns(methods: dict[str, Method], places: Places) -> dict[str, float]:
    """Median seconds of each method; each round takes other places, and every method the same."""
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for nth in range(ROUNDS):
        batch = slice(nth * BATCH, (nth + 1) * BATCH)
        x, y = places[0][batch].copy(), places[1][batch].copy()
        for name, method in methods.items():
            begin = time.thread_time()
            method(x, y)
            taken[name].append(time.thread_time() - begin)
    return {name: median(seconds) for name, seconds in taken.items()}


def ratio(name: str, ours: float, theirs: float, gate: float, count: int) -> dict[str, Any]:
    """One line of the report: how many times faster we are than the peer."""
    return {
        "name": name,
        "ratio": round(theirs / ours, 2),
        "gate": gate,
        "ok": theirs / ours >= gate,
        "ours_per_s": round(count / ours),
        "theirs_per_s": round(count / theirs),
        "rounds": ROUNDS,
    }


def wrong_answers() -> dict[str, Any]:
    """Every hard city asked everywhere, along streets and on its limits, against shapely."""
    wrong, asked = 0, 0
    for make in cities.HARD.values():
        polygons = make()
        atlas = Atlas.of(cities.edition_of(polygons))
        plain = bulk(shapely.STRtree(polygons))
        for x, y in (
            cities.uniform(polygons, 50_000),
            cities.along_streets(polygons, 50_000),
            cities.evil(polygons),
        ):
            found = atlas.locate(x, y)
            wrong += int(np.count_nonzero(np.where(found < 0, -1, found) != plain(x, y)))
            asked += len(x)
    name = f"locate: wrong answers on {len(cities.HARD)} hard cities"
    return {"name": name, "value": wrong, "of": asked, "gate": 0, "ok": wrong == 0}


def speed() -> list[dict[str, Any]]:
    """Ratios on ten thousand cells, and the wrong answers on the way."""
    polygons = cities.block(100, 100, bend=18)
    begin = time.thread_time()
    atlas = Atlas.of(cities.edition_of(polygons))
    built = time.thread_time() - begin
    tree = shapely.STRtree(polygons)
    plain = bulk(tree)
    many: dict[str, Method] = {
        "ours": atlas.locate,
        "bulk": plain,
        "prepared": bulk_prepared(tree, shapely.from_wkb(shapely.to_wkb(polygons))),
    }

    def query(lon: float, lat: float) -> Any:
        return tree.query(shapely.Point(lon, lat), predicate="intersects").min(initial=10**9)

    single = {"ours": one_by_one(atlas.locate_one), "query": one_by_one(query)}
    report: list[dict[str, Any]] = []
    gates = {"uniform": (11.0, 6.0), "street": (5.5, 4.0)}
    for kind, places in (
        ("uniform", cities.uniform(polygons, ROUNDS * BATCH)),
        ("street", cities.along_streets(polygons, ROUNDS * BATCH)),
    ):
        found = atlas.locate(*places)
        wrong = int(np.count_nonzero(np.where(found < 0, -1, found) != plain(*places)))
        of = len(places[0])
        name = f"locate: wrong answers of 10k cells, {kind}"
        report.append({"name": name, "value": wrong, "of": of, "gate": 0, "ok": wrong == 0})
        taken = in_turns(many, places)
        best = min(taken["bulk"], taken["prepared"])
        name = f"locate / best STRtree bulk, batch 10k, {kind}"
        report.append(ratio(name, taken["ours"], best, gates[kind][0], BATCH))
        taken = in_turns(single, places)
        name = f"locate_one / STRtree.query per place, {kind}"
        report.append(ratio(name, taken["ours"], taken["query"], gates[kind][1], ONE_BY_ONE))
    report.append(
        {"name": "build of the atlas, 10k cells, processor seconds", "value": round(built, 2)}
    )
    return report


def run() -> list[dict[str, Any]]:
    """All lines of the report; `ok` says whether a line keeps its gate."""
    return [*speed(), wrong_answers()]


if __name__ == "__main__":
    lines = run()
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))
    sys.exit(0 if all(line.get("ok", True) for line in lines) else 1)
