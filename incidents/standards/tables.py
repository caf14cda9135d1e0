"""The city's decisions as bodies (plain JSON, one per kind) and as objects: read, refused with reasons, written, seeded.

Four kinds: `rules`, `routes`, `standards` (categories, nearness, departments), `calendar`. A body is refused whole.
That they fit each other is asked by `decide`; what they mean is the judgement's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, overload
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidents.category import Category
from incidents.decisions import Decisions, Department
from incidents.dispatching import Route, RouteBook
from incidents.duplicates import Nearby
from incidents.equivalents import Correspondence
from incidents.errors import DecisionRefused
from incidents.policy import Policy
from incidents.rules_book import ReportRule, Rule, matches
from incidents.standards import seeds
from incidents.standards.calendar_table import CalendarTable, read_calendar, write_calendar
from incidents.standards.category_tables import (
    by_old,
    clean,
    read_categories,
    read_correspondences,
    write_category,
    write_correspondence,
)
from incidents.standards.policy_table import changed, read_policy
from incidents.standards.route_tables import check_routes, read_routes, write_routes
from incidents.standards.rows import Faults, Row, only_once, rows_of
from incidents.standards.rule_tables import read_rules, write_rules

Kind = Literal["rules", "routes", "standards", "calendar"]
KINDS: tuple[Kind, ...] = ("rules", "routes", "standards", "calendar")
DEMO_REGION, DEMO_TIME_ZONE = "990100", "Asia/Shanghai"
_REGION = re.compile(r"[0-9A-Z]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Nearness:
    """One row of nearness: categories by pattern, and how near and soon; None: never."""

    categories: tuple[str, ...]
    nearby: Nearby | None


@dataclass(frozen=True, slots=True)
class Standards:
    """Categories by key, nearness rows in order, departments by code, the unsorted, what replaced which code."""

    categories: Mapping[str, Category]
    nearness: tuple[Nearness, ...]
    departments: Mapping[str, Department]
    unsorted: str
    correspondences: tuple[Correspondence, ...] = ()
    policy: Policy = field(default_factory=Policy)

    def nearby(self) -> dict[str, Nearby | None]:
        """Nearness of every category: its first row that fits; None without one."""
        return {key: self._nearby_of(key) for key in self.categories}

    def _nearby_of(self, key: str) -> Nearby | None:
        for row in self.nearness:
            if any(matches(pattern, key) for pattern in row.categories):
                return row.nearby
        return None


Parsed = tuple[Rule, ...] | tuple[Route, ...] | Standards | CalendarTable
"""What a body of one of the kinds is read into."""


@overload
def read(kind: Literal["rules"], body: object) -> tuple[Rule, ...]: ...
@overload
def read(kind: Literal["routes"], body: object) -> tuple[Route, ...]: ...
@overload
def read(kind: Literal["standards"], body: object) -> Standards: ...
@overload
def read(kind: Literal["calendar"], body: object) -> CalendarTable: ...
@overload
def read(kind: str, body: object) -> Parsed: ...
def read(kind: str, body: object) -> Parsed:
    """A body as objects; DecisionRefused whose `faults` are all (row, reason) pairs."""
    if not isinstance(body, Mapping):
        raise DecisionRefused(
            zh=f"{kind} 应为 JSON 对象", en=f"{kind} should be a JSON object", kind=kind, faults=()
        )
    if kind == "rules":
        return read_rules(body)
    if kind == "routes":
        return read_routes(body)
    if kind == "standards":
        return _read_standards(body)
    if kind == "calendar":
        return read_calendar(body)
    raise DecisionRefused(
        zh=f"没有名为 {kind!r} 的决策表", en=f"no kind of decision is called {kind!r}", faults=()
    )


def write(kind: str, parsed: Parsed) -> dict[str, Any]:
    """The body that `read` of the same kind turns into the same objects again."""
    if isinstance(parsed, CalendarTable):
        return write_calendar(parsed)
    if isinstance(parsed, Standards):
        return _written_standards(parsed)
    if kind == "routes":
        return write_routes([row for row in parsed if isinstance(row, Route)])
    return write_rules([row for row in parsed if not isinstance(row, Route)])


def decide(
    bodies: Mapping[str, object],
    editions: Mapping[str, int],
    region: str | None = None,
    time_zone: str | None = None,
) -> Decisions:
    """The decisions in force together; DecisionRefused when one is not sound or they do not fit each other.

    Without a city of its own, region and time zone are the demonstration city's; so is the calendar without a body.
    """
    region, time_zone = region or DEMO_REGION, time_zone or DEMO_TIME_ZONE
    rules, routes = read("rules", bodies["rules"]), read("routes", bodies["routes"])
    standards = read("standards", bodies["standards"])
    own = bodies["calendar"] if "calendar" in bodies else seeds.calendar()
    working_time = read("calendar", own)
    faults = Faults()
    _check_city(region, time_zone, faults)
    _check_rules(rules, standards, faults)
    check_routes(routes, standards.departments, standards.categories, faults)
    faults.refuse("decisions")
    names = {code: one.name_zh for code, one in standards.departments.items()}
    in_english = {code: one.name_en for code, one in standards.departments.items() if one.name_en}
    return Decisions(
        rules=rules,
        routes=RouteBook(editions.get("routes", 0), routes, names, time_zone, in_english),
        categories=standards.categories,
        nearby=standards.nearby(),
        region=region,
        time_zone=time_zone,
        unsorted=standards.unsorted,
        correspondences=by_old(standards.correspondences),
        departments=standards.departments,
        editions=dict(editions),
        calendar=working_time.calendar(ZoneInfo(time_zone)),
        policy=standards.policy,
    )


def seed() -> dict[str, dict[str, Any]]:
    """The bodies of the demonstration city by kind, from the TOML files beside this module."""
    return seeds.bodies()


def _read_standards(body: Mapping[str, Any]) -> Standards:
    faults = Faults()
    by_key = read_categories(body, faults)
    nearness = tuple(_nearness(row) for row in rows_of(body, "nearby", faults))
    departments = [(row, _department(row)) for row in rows_of(body, "departments", faults)]
    only_once([(row, d.code) for row, d in departments], faults)
    codes = {d.code for _, d in departments}
    for row, department in departments:
        if department.parent is not None and department.parent not in codes:
            row.wrong(f"没有上级部门 {department.parent}", f"no department {department.parent}")
    for n, category in enumerate(by_key.values()):
        if category.responsible is not None and category.responsible not in codes:
            faults.add(
                f"categories[{n}] {category.key}",
                f"没有主管部门 {category.responsible}",
                f"no department {category.responsible}",
            )
    rows = read_correspondences(body, by_key, faults)
    unsorted = body.get("unsorted")
    if not isinstance(unsorted, str) or unsorted not in by_key:
        faults.add("unsorted", "须为一个已有类别", "should be one of the categories")
    policy = read_policy(body.get("policy"), by_key, faults)
    faults.refuse("standards")
    by_code = {d.code: d for _, d in departments}
    return Standards(by_key, nearness, by_code, str(unsorted), rows, policy)


def _nearness(row: Row) -> Nearness:
    categories = row.texts("categories")
    if row.flag("never"):
        row.end()
        return Nearness(categories, None)
    metres = row.number("metres")
    minutes = row.whole("within_minutes", least=1)
    if not 0 < metres <= 1000:
        row.wrong("metres 应大于 0、不大于 1000", "metres should be over 0 and at most 1000")
    row.end()
    return Nearness(categories, Nearby(metres, timedelta(minutes=minutes)))


def _department(row: Row) -> Department:
    department = Department(
        clean(row, "code"), clean(row, "zh"), clean(row, "en", ""), row.optional("parent")
    )
    row.end()
    return department


def _written_standards(standards: Standards) -> dict[str, Any]:
    departments = [
        {"code": d.code, "zh": d.name_zh, "en": d.name_en, "parent": d.parent}
        for d in standards.departments.values()
    ]
    body = {
        "categories": [write_category(one) for one in standards.categories.values()],
        "correspondences": [write_correspondence(one) for one in standards.correspondences],
        "nearby": [_written_nearness(row) for row in standards.nearness],
        "departments": [{k: v for k, v in d.items() if v} for d in departments],
        "unsorted": standards.unsorted,
    }
    return changed(body, standards.policy)


def _written_nearness(row: Nearness) -> dict[str, Any]:
    categories = list(row.categories)
    if row.nearby is None:
        return {"categories": categories, "never": True}
    minutes = int(row.nearby.within / timedelta(minutes=1))
    return {"categories": categories, "metres": row.nearby.metres, "within_minutes": minutes}


def _check_city(region: str, time_zone: str, faults: Faults) -> None:
    if not _REGION.fullmatch(region):
        faults.add("region", "须为 6 位数字或大写字母", "six characters 0-9 A-Z are needed")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        faults.add("time_zone", f"没有时区 {time_zone}", f"no time zone is called {time_zone}")


def _check_rules(rules: Sequence[Rule], standards: Standards, faults: Faults) -> None:
    for n, rule in enumerate(rules):
        row = f"rules[{n}] {rule.code}"
        if rule.category is not None and rule.category not in standards.categories:
            faults.add(row, f"没有类别 {rule.category}", f"no category {rule.category}")
        patterns = rule.categories if isinstance(rule, ReportRule) else ()
        for pattern in patterns:
            if not any(matches(pattern, key) for key in standards.categories):
                faults.add(row, f"没有类别符合 {pattern}", f"no category fits {pattern}")
