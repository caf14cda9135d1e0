"""Figures and rates as a city writes them, as objects: read, refused whole with row and reason, seeded."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from incidents.evaluation import SUMS, Book, Figure, Flag, Moment, Rate
from incidents.standards.rows import Faults, Row, only_once, rows_of

_UNITS = ("ratio", "s", "score")


def read(body: object) -> Book:
    """A body `{figures, rates, exclude}` as a book; DecisionRefused whose `faults` are all (row, reason) pairs."""
    faults = Faults()
    figures = [(row, _figure(row)) for row in rows_of(body, "figures", faults)]
    only_once([(row, figure.key) for row, figure in figures], faults, "key")
    keys = {figure.key: figure for _, figure in figures}
    rates = [(row, _rate(row, keys)) for row in rows_of(body, "rates", faults)]
    only_once([(row, rate.key) for row, rate in rates], faults, "key")
    left_out = _excluded(body, keys, faults)
    if len(figures) > _MOST:
        faults.add("figures", f"最多 {_MOST} 项", f"{_MOST} at most")
    faults.refuse("evaluation")
    return Book(
        tuple(_without(figure, left_out.get(figure.key, 0)) for _, figure in figures),
        tuple(rate for _, rate in rates),
    )


_MOST = 100
"""Figures: every one is a row of each subject's month, and a column of the sheet."""


def seed() -> dict[str, Any]:
    """The body of the file beside this module."""
    text = (files("incidents.standards") / "evaluation.toml").read_text(encoding="utf-8")
    return body_of(tomllib.loads(text))


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A file's tables as a body: TOML says `[[figure]]` for one row, a body `figures` for all."""
    plural = {"figure": "figures", "rate": "rates"}
    return {plural.get(name, name): rows for name, rows in given.items()}


def _figure(row: Row) -> Figure:
    figure = Figure(
        key=row.text("key"),
        zh=row.text("zh"),
        en=row.text("en", ""),
        at=_moment(row),
        having=_flags(row, "having"),
        without=_flags(row, "without"),
        sums=row.optional("sums"),
    )
    if figure.sums is not None and figure.sums not in SUMS:
        row.wrong(f"sums 应为 {'、'.join(SUMS)}", f"sums is one of {', '.join(SUMS)}")
    if figure.having & figure.without:
        row.wrong("having 与 without 相矛盾", "having and without contradict each other")
    row.end()
    return figure


def _rate(row: Row, figures: Mapping[str, Figure]) -> Rate:
    rate = Rate(
        key=row.text("key"),
        zh=row.text("zh"),
        en=row.text("en", ""),
        of=row.text("of"),
        over=row.optional("over"),
        unit=row.text("unit", "ratio"),
    )
    for key in (rate.of, rate.over):
        if key is not None and key not in figures:
            row.wrong(f"没有指标 {key}", f"no figure is called {key}")
    if rate.unit not in _UNITS or (rate.unit == "ratio") != (rate.over is not None):
        row.wrong(
            "unit 为 ratio 时须有 over，为 s 或 score 时不得有",
            "a ratio has an over, a mean in s or score has none",
        )
    of = figures.get(rate.of)
    if rate.over is None and of is not None and of.sums is None:
        row.wrong(f"{rate.of} 没有 sums，求不出平均", f"{rate.of} sums nothing up: no mean of it")
    row.end()
    return rate


def _excluded(body: object, figures: Mapping[str, Figure], faults: Faults) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows_of(body, "exclude", faults):
        flag = _flag(row, row.text("flag"))
        row.text("zh", "")
        row.text("en", "")
        for key in row.texts("figures"):
            if key not in figures:
                row.wrong(f"没有指标 {key}", f"no figure is called {key}")
            elif figures[key].having & flag:
                row.wrong(f"{key} 要求有此标志", f"{key} asks for this very flag")
            found[key] = found.get(key, 0) | flag
        row.end()
    return found


def _without(figure: Figure, left_out: int) -> Figure:
    return Figure(
        figure.key,
        figure.zh,
        figure.en,
        figure.at,
        figure.having,
        figure.without | left_out,
        figure.sums,
    )


def _moment(row: Row) -> Moment:
    name = row.text("at")
    found = Moment.__members__.get(name.upper())
    if found is None:
        if name:
            known = [m.lower() for m in Moment.__members__]
            row.wrong(f"at 应为 {'、'.join(known)}", f"at is one of {', '.join(known)}")
        return Moment.REPORTED
    return found


def _flags(row: Row, member: str) -> int:
    found = 0
    for name in row.texts(member):
        found |= _flag(row, name)
    return found


def _flag(row: Row, name: str) -> int:
    found = Flag.__members__.get(name.upper())
    if found is None:
        if name:
            row.wrong(f"没有标志 {name}", f"no flag is called {name}")
        return 0
    return found
