"""Judging one event 上报信息: which rule speaks of it first, and whether it asks for an incident.

A person is always heard: the incident is `reported` and an intake officer decides. A machine's event opens one only
where a rule of the city says so. Knows no clock and remembers nothing: what was heard before is asked of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from grid.coordinates import metres_between
from incidents.event import Event, Origin
from incidents.lifecycle import State
from incidents.rules_book import CountEventsRule, ReportRule, RuleBook

Heard = Callable[[CountEventsRule, Event], Sequence[Event]]
"""Earlier events that may count with this one under a rule: its category, within the window's length of it either way,
near it; whoever answers keeps others from counting the same until this event is recorded."""

_NAMED_AT_MOST = 50
"""Events that a verdict names one by one."""


@dataclass(frozen=True, slots=True)
class EventVerdict:
    """Whether an event asks for an incident, of which category, in which state, and why (Chinese / English)."""

    opens: bool
    category: str | None
    rule: str | None
    urgent: bool
    state: State
    why: str
    saw: dict[str, Any] = field(default_factory=dict)
    counted: CountEventsRule | None = None

    def subject_of(self, event: Event) -> str | None:
        """What may have one open incident: of a rule that counts the cell or the city, else what the event names."""
        if self.counted is None or self.counted.metres is not None:
            return event.subject
        if self.counted.same_cell:
            return f"cell:{event.place.cell_code}"
        return f"rule:{self.counted.code}"


def judge_event(event: Event, book: RuleBook, heard: Heard | None = None) -> EventVerdict:
    """The first rule that speaks of the event and is satisfied decides; the ones before it say why they were not.

    `heard` answers rules that count events; without it nothing was heard before.
    """
    if event.origin is Origin.RULE:
        return _of_a_rule(event, book)
    refusals: list[str] = []
    for rule in book.reports:
        if not rule.meant(event):
            continue
        refusal, saw = _refusal(rule, event), _saw(event, rule, book)
        if refusal is None and isinstance(rule, CountEventsRule):
            refusal = _counting(rule, event, heard, saw)
        if refusal is None:
            return _satisfied(event, rule, saw)
        refusals.append(refusal)
    if event.origin is Origin.PERSON:
        return _by_person(event, None, {})
    return EventVerdict(False, event.category, None, False, State.OPEN, _none(event, refusals))


def why_filtered(event: Event, why: str, categories: Container[str]) -> str:
    """Why no incident was opened: what is wrong with the event itself comes before what the rules say (`why`).

    `categories` are the keys of the code sets in use.
    """
    reasons = [why]
    if event.place.swapped:
        reasons.insert(0, event.place.why)
    if event.category is not None and event.category not in categories:
        reasons.insert(
            0,
            f"编码体系中没有类别 {event.category}：请更正来源所用的编码，或在类别表中增加它 / no category {event.category} in "
            f"the code sets in use: correct the source's code, or add the category",
        )
    return "；".join(reasons)


def counting_with(rule: CountEventsRule, event: Event, other: Event) -> bool:
    """Whether two events count together: both meant by the rule, of one category, near enough, soon enough."""
    if other.origin is Origin.RULE or other.category != event.category:
        return False
    if not rule.meant(other) or _refusal(rule, other) is not None:
        return False
    if abs(other.at - event.at) > rule.within:
        return False
    if rule.same_cell:
        return event.place.cell_code is not None and event.place.cell_code == other.place.cell_code
    return rule.metres is None or _metres(event, other) <= rule.metres


def most_at_once(at: datetime, others: Sequence[datetime], within: timedelta) -> int:
    """The most moments, this one included, that any window of that length holds together with it."""
    near = sorted(o for o in others if abs(o - at) <= within)
    windows = [o for o in near if o <= at] + [at]
    return 1 + max(sum(first <= o <= first + within for o in near) for first in windows)


def _counting(
    rule: CountEventsRule, event: Event, heard: Heard | None, saw: dict[str, Any]
) -> str | None:
    """Why the count is not reached, None when it is; what was counted goes into `saw`."""
    if rule.same_cell and event.place.cell_code is None:
        return f"{rule.code}：{event.place.why}"
    if rule.metres is not None and event.place.lon is None:
        return f"{rule.code}：没有位置，无从计数 / no place to count around"
    before = heard(rule, event) if heard else ()
    others = sorted((o for o in before if counting_with(rule, event, o)), key=lambda o: o.at)
    count = most_at_once(event.at, [o.at for o in others], rule.within)
    saw["count"] = count
    saw["counted"] = [[o.source, o.id, o.at.isoformat()] for o in others[-_NAMED_AT_MOST:]]
    if count >= rule.times:
        return None
    zh, en = _around(rule)
    return (
        f"{rule.code}：{zh}{rule.within_s} 秒内第 {count} 次，满 {rule.times} 次才立案 / "
        f"{rule.code}: {count} of {rule.times} within {rule.within_s} s {en}"
    )


def _around(rule: CountEventsRule) -> tuple[str, str]:
    if rule.same_cell:
        return "同一单元网格 ", "in the same cell"
    if rule.metres is not None:
        return f"{rule.metres:g} 米内 ", f"and {rule.metres:g} m"
    return "全市 ", "in the city"


def _metres(event: Event, other: Event) -> float:
    one, two = event.place, other.place
    if one.lon is None or one.lat is None or two.lon is None or two.lat is None:
        return float("inf")
    return float(metres_between(one.lon, one.lat, two.lon, two.lat))


def _satisfied(event: Event, rule: ReportRule, saw: dict[str, Any]) -> EventVerdict:
    if event.origin is Origin.PERSON:
        return _by_person(event, rule, saw)
    category = event.category or rule.category
    if category is None:
        why = (
            f"规则“{rule.name_zh}”（{rule.code}）命中，但上报与规则都未给出类别，不立案 / "
            f"rule {rule.code} holds, but neither event nor rule names a category"
        )
        return EventVerdict(False, None, rule.code, False, State.OPEN, why)
    why = f"规则“{rule.name_zh}”（{rule.code}）命中 / rule {rule.code} ({rule.name_en}) holds"
    counted = rule if isinstance(rule, CountEventsRule) else None
    if counted is not None:
        zh, en = _around(counted)
        why = (
            f"规则“{rule.name_zh}”（{rule.code}）命中：{zh}{counted.within_s} 秒内 {saw['count']} 次 / rule {rule.code} "
            f"({rule.name_en}) holds: {saw['count']} within {counted.within_s} s {en}"
        )
    return EventVerdict(True, category, rule.code, rule.urgent, State.OPEN, why, saw, counted)


def _by_person(event: Event, rule: ReportRule | None, saw: dict[str, Any]) -> EventVerdict:
    category = event.category or (rule.category if rule else None)
    urgent = rule is not None and rule.urgent
    code = rule.code if rule else None
    why = "人工上报，待受理员受理 / reported by a person, an intake officer decides"
    return EventVerdict(True, category, code, urgent, State.REPORTED, why, saw)


def _of_a_rule(event: Event, book: RuleBook) -> EventVerdict:
    """A verdict over readings that travels as an event: raised opens, cleared does not."""
    rule = book.by_code.get(event.rule or "")
    urgent = rule is not None and rule.urgent
    opens = event.kind != "cleared" and event.category is not None
    why = event.text or f"规则 {event.rule} 判定 / judged by rule {event.rule}"
    saw = dict(event.saw or {})
    return EventVerdict(opens, event.category, event.rule, urgent, State.OPEN, why, saw)


def _refusal(rule: ReportRule, event: Event) -> str | None:
    if rule.least_score is not None and (event.score is None or event.score < rule.least_score):
        score = "无 none" if event.score is None else f"{event.score:g}"
        return (
            f"{rule.code}：置信度 {score} 低于 {rule.least_score:g} / "
            f"score {score} is under {rule.least_score:g}"
        )
    if rule.zones and not rule.zones.intersection(event.zones):
        zones = "、".join(event.zones) or "无 none"
        wanted = "、".join(sorted(rule.zones))
        return f"{rule.code}：区域 {zones} 不在 {wanted} 内 / zones {zones}, not in {wanted}"
    return None


def _none(event: Event, refusals: Sequence[str]) -> str:
    if refusals:
        return "；".join(refusals)
    of = event.category or event.kind
    return f"没有规则要求为“{of}”立案 / no rule asks for an incident of {of}"


def _saw(event: Event, rule: ReportRule, book: RuleBook) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "kind": "report",
        "least_score": rule.least_score,
        "zones": sorted(rule.zones),
    }
    if isinstance(rule, CountEventsRule):
        parameters |= {
            "kind": "count_events",
            "times": rule.times,
            "within_s": rule.within_s,
            "same_cell": rule.same_cell,
            "metres": rule.metres,
        }
    return {
        "rule": rule.code,
        "edition": book.edition,
        "parameters": parameters,
        "score": event.score,
        "zones": list(event.zones),
    }
