"""One rule on one series: its fold fed piece by piece, each reading once, none before it is `settle_s` old.

What comes for a time already walked either changes nothing, or asks for the stored series (`Reconsider`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from incidents.event import Event, Origin, Place
from incidents.rules_book import Direction, SeriesRule
from incidents.rules_fold import Fold, Reading, Turn, fold_of, kind_of, reaches

State = dict[str, Any]
"""What a rule remembers of a series, as JSON: its kind, `through` (ms walked so far), its run, readings ahead."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's word on a device: `at` is the event time (ms) of the reading that decided.

    `event_id` is the same whenever and by whomever the same run is judged; with the source `rule:<code>` it names
    the event for ever. `saw` is what the rule saw, `why` a sentence, Chinese / English.
    """

    rule: str
    edition: int
    device: int
    metric: int
    kind: Literal["raised", "cleared"]
    category: str
    urgent: bool
    at: int
    event_id: str
    saw: dict[str, Any]
    why: str

    def as_event(self, device: str, place: Place) -> Event:
        """The verdict as an event of the device of that code, where it stands: what the desk receives."""
        return Event(
            source=f"rule:{self.rule}",
            id=self.event_id,
            origin=Origin.RULE,
            kind=self.kind,
            at=datetime.fromtimestamp(self.at / 1000, UTC),
            place=place,
            category=self.category,
            subject=f"device:{device}",
            text=self.why,
            rule=self.rule,
            saw=self.saw,
        )


@dataclass(frozen=True, slots=True)
class Reconsider:
    """Readings came for a time already walked: load the stored series [from_ms, to_ms] and call `reconsider`.

    `rows` are the times of the readings this transaction stored, `newest_before` the newest before it.
    """

    rule: str
    device: int
    metric: int
    from_ms: int
    to_ms: int
    rows: tuple[int, ...] = ()
    newest_before: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule says of one series, and what it remembers (None: at rest)."""

    verdicts: tuple[Verdict, ...]
    state: State | None


@dataclass(frozen=True, slots=True)
class Episode:
    """From the beginning of a raised run to its return, if there was one."""

    raised: Turn
    cleared: Turn | None

    @property
    def since(self) -> int:
        """When the run began, ms."""
        return int(self.raised.run["since"])

    def overlaps(self, other: Episode) -> bool:
        """Whether there is a moment of both."""
        return self._before_end_of(other) and other._before_end_of(self)

    def _before_end_of(self, other: Episode) -> bool:
        return other.cleared is None or self.since <= other.cleared.at


@dataclass(frozen=True, slots=True)
class Walk:
    """One rule on one series."""

    rule: SeriesRule
    edition: int
    device: int
    metric: int

    def on(
        self, rows: Sequence[Reading], state: State | None, newest_before: int | None
    ) -> Step | Reconsider:
        """The fold carried on over new rows, or the wish to look at the stored series."""
        if state is not None and state.get("kind") != kind_of(self.rule):
            state = None
        fold = fold_of(self.rule, state)
        known: int | None = newest_before if state is None else state["through"]
        behind = [r for r in rows if known is not None and r[0] <= known]
        moving = [r for r in behind if fold.moved_by(r)]
        if moving:
            return self._request(moving, rows, fold, newest_before)
        ahead = [(t, v) for t, v in state["ahead"]] if state else []
        ahead = sorted([*ahead, *(r for r in rows if known is None or r[0] > known)])
        # From rest, what lies between "settled" and the newest was not kept: it counts as walked, all calm.
        through = _newest(self._settled(_newest(rows[-1][0], newest_before)), known)
        turns = _walked(fold, [r for r in ahead if r[0] <= through])
        verdicts = tuple(self._verdict(turn) for turn in turns)
        return Step(verdicts, self._state(fold, through, [r for r in ahead if r[0] > through]))

    def again(self, rows: Sequence[Reading], request: Reconsider) -> Step:
        """The fold from the beginning of `rows`, said of it only what was not said without the new ones."""
        new, newest_before = set(request.rows), request.newest_before
        before = self._settled(newest_before) if newest_before is not None else None
        old = [r for r in rows if r[0] not in new and before is not None and r[0] <= before]
        known = _episodes(_walked(fold_of(self.rule), old))
        through = max(self._settled(request.to_ms), request.from_ms - 1)
        fold = fold_of(self.rule)
        turns = _walked(fold, [r for r in rows if r[0] <= through])
        verdicts: list[Verdict] = []
        for episode in _episodes(turns):
            if any(episode.overlaps(k) for k in known):
                continue
            late = before is not None and episode.raised.at <= before
            verdicts.append(self._verdict(episode.raised, late=late))
            if episode.cleared is not None:
                verdicts.append(self._verdict(episode.cleared, late=late))
        return Step(
            tuple(verdicts), self._state(fold, through, [r for r in rows if r[0] > through])
        )

    def _settled(self, newest: int) -> int:
        """Up to where nothing is expected any more: a reading exactly settle_s late still counts as in time."""
        settle = 1000 * self.rule.settle_s
        return newest - settle - 1 if settle else newest

    def _request(
        self,
        moving: Sequence[Reading],
        rows: Sequence[Reading],
        fold: Fold,
        newest_before: int | None,
    ) -> Reconsider:
        first = min(t for t, _ in moving)
        if fold.run is not None:
            first = min(first, fold.run.since)
        decided = newest_before is not None and first <= self._settled(newest_before)
        return Reconsider(
            rule=self.rule.code,
            device=self.device,
            metric=self.metric,
            from_ms=first - self.rule.lookback_ms if decided else first,
            to_ms=_newest(rows[-1][0], newest_before),
            rows=tuple(t for t, _ in rows),
            newest_before=newest_before,
        )

    def _state(self, fold: Fold, through: int, ahead: Sequence[Reading]) -> State | None:
        if fold.resting and not any(reaches(self.rule, v) for _, v in ahead):
            return None
        return {
            "kind": fold.kind,
            "edition": self.edition,
            "through": through,
            **fold.as_json(),
            "ahead": [list(r) for r in ahead],
        }

    def _verdict(self, turn: Turn, *, late: bool = False) -> Verdict:
        name = f"{self.device}:{turn.run['since']}"
        saw = {
            "rule": self.rule.code,
            "edition": self.edition,
            "parameters": dict(self.rule.parameters),
            "at": turn.at,
            **{k: v for k, v in turn.run.items() if k != "raised"},
        }
        if late:
            saw["late"] = True
        if turn.word == "cleared":
            saw["raised_by"] = name
        return Verdict(
            rule=self.rule.code,
            edition=self.edition,
            device=self.device,
            metric=self.metric,
            kind=turn.word,
            category=self.rule.category,
            urgent=self.rule.urgent,
            at=turn.at,
            event_id=name if turn.word == "raised" else f"{name}:cleared",
            saw=saw,
            why=_why(self.rule, turn, late=late),
        )


def _newest(of_these: int, before: int | None) -> int:
    return of_these if before is None else max(of_these, before)


def _walked(fold: Fold, rows: Iterable[Reading]) -> list[Turn]:
    return [turn for turn in map(fold.step, rows) if turn is not None]


def _episodes(turns: Sequence[Turn]) -> list[Episode]:
    """Raised and cleared in pairs; the last may be open. A fold from rest begins with `raised`."""
    raised = [t for t in turns if t.word == "raised"]
    cleared = {t.run["since"]: t for t in turns if t.word == "cleared"}
    return [Episode(t, cleared.get(t.run["since"])) for t in raised]


def _why(rule: SeriesRule, turn: Turn, *, late: bool) -> str:
    """What a duty officer reads: the value, the limit, how long; the exact times stand in `saw`."""
    sign = "≥" if rule.direction is Direction.ABOVE else "≤"
    zh_long, en_long = _lasted((turn.at - turn.run["since"]) // 1000)
    peak, count = turn.run["peak"][1], turn.run["count"]
    if turn.word == "cleared":
        at, back = turn.run["back"]
        zh_kept, en_kept = "", ""
        if turn.at > at:
            zh_calm, en_calm = _lasted((turn.at - at) // 1000)
            zh_kept, en_kept = f"并保持 {zh_calm}", f" and stayed for {en_calm}"
        return (
            f"{rule.name_zh}：{rule.metric} 已恢复至 {back:g}{zh_kept}，历时 {zh_long}，极值 {peak:g} / "
            f"{rule.name_en}: {rule.metric} is back at {back:g}{en_kept} after {en_long}, extreme {peak:g}"
        )
    zh = f"{rule.name_zh}：{rule.metric} {peak:g}（限值 {sign} {rule.raise_at:g}）"
    en = f"{rule.name_en}: {rule.metric} {peak:g} (limit {sign} {rule.raise_at:g})"
    if count > 1:
        zh += f"，{zh_long}内 {count} 次"
        en += f", {count} readings within {en_long}"
    if late:
        zh += "；由迟到数据补判"
        en += "; judged from readings that came late"
    return f"{zh} / {en}"


def _lasted(seconds: int) -> tuple[str, str]:
    """A length of time in whole hours, minutes and seconds, in both languages."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "小时", "h"), (minutes, "分", "min"), (seconds, "秒", "s")]
    told = [part for part in parts if part[0]] or [parts[-1]]
    return (
        " ".join(f"{n} {zh}" for n, zh, _ in told),
        " ".join(f"{n} {en}" for n, _, en in told),
    )
