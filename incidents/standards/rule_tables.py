"""The body of a rules edition as rule objects and back; soundness is asked row by row (docs/rules.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from incidents.category import CategoryKey
from incidents.errors import CategoryUnknown
from incidents.rules_book import (
    MAX_SETTLE_S,
    CountEventsRule,
    CountRule,
    Direction,
    ReportRule,
    Rule,
    Scope,
    ThresholdRule,
)
from incidents.standards.rows import Faults, Row, only_once, rows_of

MOST_TIMES, MOST_WITHIN_S, MOST_METRES = 100, 7 * 86_400, 5_000
"""What a rule that counts events may ask for: more would be a statistic, not a trouble."""


def read_rules(body: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules in their order; DecisionRefused with every fault, row and reason."""
    faults = Faults()
    rows = rows_of(body, "rules", faults)
    rules = [(row, rule) for row in rows if (rule := _rule(row)) is not None]
    only_once([(row, rule.code) for row, rule in rules], faults)
    faults.refuse("rules")
    return tuple(rule for _, rule in rules)


def write_rules(rules: Sequence[Rule]) -> dict[str, Any]:
    """The body `read_rules` reads back to the same rules; members at their default are left out."""
    return {"rules": [_written(rule) for rule in rules]}


def _rule(row: Row) -> Rule | None:
    kind = row.text("kind")
    if kind == "threshold":
        rule: Rule = _threshold(row)
    elif kind == "count":
        rule = _count(row)
    elif kind == "report":
        rule = _report(row)
    elif kind == "count_events":
        rule = _count_events(row)
    else:
        if kind:
            row.wrong(
                f"kind {kind!r} 应为 threshold、count、report 或 count_events",
                f"kind {kind!r} is not one of threshold, count, report, count_events",
            )
        return None
    row.end()
    return rule


def _threshold(row: Row) -> ThresholdRule:
    rule = ThresholdRule(
        code=row.text("code"),
        name_zh=row.text("name_zh"),
        name_en=row.text("name_en"),
        category=_category(row),
        metric=row.text("metric"),
        direction=_direction(row),
        raise_at=row.number("raise"),
        clear_at=row.number("clear"),
        for_s=row.whole("for_s", 0),
        clear_for_s=row.whole("clear_for_s", 0),
        settle_s=row.whole("settle_s", 0),
        gap_s=row.whole("gap_s", least=1) if row.has("gap_s") else None,
        urgent=row.flag("urgent"),
        scope=_scope(row),
        basis=row.text("basis", ""),
    )
    if row.sound:
        _check_threshold(row, rule)
    _check_settle(row, rule.settle_s)
    return rule


def _check_threshold(row: Row, rule: ThresholdRule) -> None:
    above = rule.direction is Direction.ABOVE
    if above and not rule.clear_at < rule.raise_at:
        row.wrong("向上越限时 clear 须低于 raise", "above: clear must be under raise")
    if not above and not rule.clear_at > rule.raise_at:
        row.wrong("向下越限时 clear 须高于 raise", "below: clear must be over raise")
    if rule.gap_s is not None and rule.gap_s < rule.settle_s:
        row.wrong("gap_s 不得小于 settle_s", "gap_s must not be under settle_s")


def _count(row: Row) -> CountRule:
    rule = CountRule(
        code=row.text("code"),
        name_zh=row.text("name_zh"),
        name_en=row.text("name_en"),
        category=_category(row),
        metric=row.text("metric"),
        direction=_direction(row),
        raise_at=row.number("raise"),
        times=row.whole("times", least=1),
        within_s=row.whole("within_s", least=1),
        settle_s=row.whole("settle_s", 0),
        urgent=row.flag("urgent"),
        scope=_scope(row),
        basis=row.text("basis", ""),
    )
    if rule.times > 1000:
        row.wrong("times 不得大于 1000", "times must not be over 1000")
    _check_settle(row, rule.settle_s)
    return rule


def _report(row: Row) -> ReportRule:
    category = _category(row) if row.has("category") else None
    rule = ReportRule(category=category, **_meant(row))
    if not (rule.categories or rule.kinds or rule.sources):
        row.wrong(
            "须写明 categories、kinds 或 sources 之一",
            "one of categories, kinds, sources is needed",
        )
    _check_score(row, rule)
    return rule


def _count_events(row: Row) -> CountEventsRule:
    rule = CountEventsRule(
        **_meant(row),
        times=row.whole("times", least=2),
        within_s=row.whole("within_s", least=1),
        same_cell=row.flag("same_cell"),
        metres=row.number("metres") if row.has("metres") else None,
    )
    if not rule.categories:
        row.wrong(
            "须写明 categories：按类别计数", "categories are needed: events are counted by category"
        )
    if rule.times > MOST_TIMES:
        row.wrong(f"times 不得大于 {MOST_TIMES}", f"times must not be over {MOST_TIMES}")
    if rule.within_s > MOST_WITHIN_S:
        row.wrong(
            f"within_s 不得大于 {MOST_WITHIN_S}（七天）",
            f"within_s must not be over {MOST_WITHIN_S}, seven days",
        )
    if rule.same_cell and rule.metres is not None:
        row.wrong("same_cell 与 metres 只能选一", "same_cell or metres, not both")
    if rule.metres is not None and not 0 < rule.metres <= MOST_METRES:
        row.wrong(
            f"metres 应大于 0 且不大于 {MOST_METRES}", f"metres: over 0, at most {MOST_METRES}"
        )
    _check_score(row, rule)
    return rule


def _meant(row: Row) -> dict[str, Any]:
    """Which events a rule speaks of, and what both kinds of event rule say of themselves."""
    return {
        "code": row.text("code"),
        "name_zh": row.text("name_zh"),
        "name_en": row.text("name_en"),
        "categories": row.texts("categories"),
        "kinds": row.texts("kinds"),
        "sources": row.texts("sources"),
        "areas": row.texts("areas"),
        "least_score": row.number("least_score") if row.has("least_score") else None,
        "zones": frozenset(row.texts("zones")),
        "urgent": row.flag("urgent"),
        "basis": row.text("basis", ""),
    }


def _check_score(row: Row, rule: ReportRule) -> None:
    if rule.least_score is not None and not 0 <= rule.least_score <= 1:
        row.wrong("least_score 应在 0 与 1 之间", "least_score should lie between 0 and 1")


def _check_settle(row: Row, settle_s: int) -> None:
    if settle_s > MAX_SETTLE_S:
        row.wrong(f"settle_s 不得大于 {MAX_SETTLE_S}", f"settle_s must not be over {MAX_SETTLE_S}")


def _category(row: Row) -> str:
    text = row.text("category")
    if text:
        try:
            CategoryKey.parse(text)
        except CategoryUnknown as fault:
            row.wrong(fault.zh, fault.en)
    return text


def _direction(row: Row) -> Direction:
    text = row.text("direction", "above")
    if text not in tuple(Direction):
        row.wrong("direction 应为 above 或 below", "direction should be above or below")
        return Direction.ABOVE
    return Direction(text)


def _scope(row: Row) -> Scope:
    return Scope(
        devices=frozenset(row.texts("devices")),
        kinds=frozenset(row.texts("kinds")),
        areas=row.texts("areas"),
    )


def _written(rule: Rule) -> dict[str, Any]:
    row: dict[str, Any] = {"code": rule.code, "name_zh": rule.name_zh, "name_en": rule.name_en}
    if isinstance(rule, ReportRule):
        row |= _report_members(rule)
    else:
        row |= _series_members(rule)
    row |= {"urgent": rule.urgent, "basis": rule.basis}
    return {member: value for member, value in row.items() if value not in (None, "", [], False)}


def _report_members(rule: ReportRule) -> dict[str, Any]:
    counting: dict[str, Any] = {}
    if isinstance(rule, CountEventsRule):
        counting = {"times": rule.times, "within_s": rule.within_s}
        counting |= {"same_cell": rule.same_cell, "metres": rule.metres}
    return {
        "kind": "count_events" if counting else "report",
        **counting,
        "category": rule.category,
        "categories": list(rule.categories),
        "kinds": list(rule.kinds),
        "sources": list(rule.sources),
        "areas": list(rule.areas),
        "zones": sorted(rule.zones),
        **({} if rule.least_score is None else {"least_score": rule.least_score}),
    }


def _series_members(rule: ThresholdRule | CountRule) -> dict[str, Any]:
    levels: dict[str, Any]
    if isinstance(rule, ThresholdRule):
        levels = {"kind": "threshold", "clear": rule.clear_at, "for_s": rule.for_s}
        levels |= {"clear_for_s": rule.clear_for_s or None, "gap_s": rule.gap_s}
    else:
        levels = {"kind": "count", "times": rule.times, "within_s": rule.within_s}
    return {
        **levels,
        "category": rule.category,
        "metric": rule.metric,
        "direction": str(rule.direction),
        "raise": rule.raise_at,
        "settle_s": rule.settle_s,
        "devices": sorted(rule.scope.devices),
        "kinds": sorted(rule.scope.kinds),
        "areas": list(rule.scope.areas),
    }
