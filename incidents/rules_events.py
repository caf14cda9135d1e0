"""Judging one event 上报信息: which rule speaks of it first, and whether it asks for an incident.

A person is always heard: the incident is `reported` and an intake officer decides. A machine's event opens one only
where a rule of the city says so. Knows no clock and remembers nothing: each event is judged by itself.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

from incidents.event import Event, Origin
from incidents.lifecycle import State
from incidents.rules_book import ReportRule, RuleBook


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


def judge_event(event: Event, book: RuleBook) -> EventVerdict:
    """The first rule that speaks of the event and is satisfied decides; the ones before it say why they were not."""
    if event.origin is Origin.RULE:
        return _of_a_rule(event, book)
    refusals: list[str] = []
    for rule in book.reports:
        if not rule.meant(event):
            continue
        refusal = _refusal(rule, event)
        if refusal is None:
            return _satisfied(event, rule, book)
        refusals.append(refusal)
    if event.origin is Origin.PERSON:
        return _heard(event, None, book)
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


def _satisfied(event: Event, rule: ReportRule, book: RuleBook) -> EventVerdict:
    if event.origin is Origin.PERSON:
        return _heard(event, rule, book)
    category = event.category or rule.category
    if category is None:
        why = (
            f"规则“{rule.name_zh}”（{rule.code}）命中，但上报与规则都未给出类别，不立案 / "
            f"rule {rule.code} holds, but neither event nor rule names a category"
        )
        return EventVerdict(False, None, rule.code, False, State.OPEN, why)
    why = f"规则“{rule.name_zh}”（{rule.code}）命中 / rule {rule.code} ({rule.name_en}) holds"
    return EventVerdict(
        True,
        category,
        rule.code,
        rule.urgent,
        State.OPEN,
        why,
        _saw(event, rule, book),
    )


def _heard(event: Event, rule: ReportRule | None, book: RuleBook) -> EventVerdict:
    category = event.category or (rule.category if rule else None)
    urgent = rule is not None and rule.urgent
    code = rule.code if rule else None
    saw = _saw(event, rule, book) if rule else {}
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
    return {
        "rule": rule.code,
        "edition": book.edition,
        "parameters": {
            "kind": "report",
            "least_score": rule.least_score,
            "zones": sorted(rule.zones),
        },
        "score": event.score,
        "zones": list(event.zones),
    }
