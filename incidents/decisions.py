"""The city's decisions in force together, each of its edition: rules, routes, categories, departments, calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from incidents.calendar import USUAL_HOURS, WorkingCalendar
from incidents.category import Category, CategoryKey
from incidents.dispatching import RouteBook
from incidents.duplicates import Nearby
from incidents.equivalents import Correspondence, Equivalent, equivalent
from incidents.errors import CategoryUnknown
from incidents.policy import Policy
from incidents.rules_book import Rule, RuleBook


@dataclass(frozen=True, slots=True)
class Department:
    """A department 专业部门 that may be given incidents."""

    code: str
    name_zh: str
    name_en: str = ""
    parent: str | None = None


@dataclass(frozen=True)
class Decisions:
    """What the desk decides by. `region` (6 characters) numbers incidents outside every cell.

    `unsorted` is the category of a person's report that names none; `editions` says which edition of each kind.
    """

    rules: tuple[Rule, ...]
    routes: RouteBook
    categories: Mapping[str, Category]
    nearby: Mapping[str, Nearby | None]
    region: str
    time_zone: str
    unsorted: str
    departments: Mapping[str, Department] = field(default_factory=dict)
    editions: Mapping[str, int] = field(default_factory=dict)
    correspondences: Mapping[str, Sequence[Correspondence]] = field(default_factory=dict)
    calendar: WorkingCalendar = field(
        default_factory=lambda: WorkingCalendar(ZoneInfo("Asia/Shanghai"), USUAL_HOURS)
    )
    policy: Policy = field(default_factory=Policy)

    @cached_property
    def book(self) -> RuleBook:
        """The rules for events; readings need a book that knows the metrics' ids."""
        return RuleBook.of(self.editions.get("rules", 0), self.rules, {})

    @cached_property
    def below(self) -> Mapping[str, tuple[str, ...]]:
        """The departments under each in the tree, of all levels; a circle ends where it closes."""
        found: dict[str, list[str]] = {code: [] for code in self.departments}
        for code, one in self.departments.items():
            passed, parent = {code}, one.parent
            while parent is not None and parent in self.departments and parent not in passed:
                found[parent].append(code)
                passed.add(parent)
                parent = self.departments[parent].parent
        return {code: tuple(sorted(under)) for code, under in found.items()}

    def category(self, text: str) -> Category:
        """The category of that key; CategoryUnknown."""
        found = self.categories.get(text)
        if found is None:
            CategoryKey.parse(text)
            raise CategoryUnknown(
                zh=f"编码体系中没有类别 {text}",
                en=f"no category {text} in the code sets in use",
                category=text,
            )
        return found

    def nearby_of(self, category: str) -> Nearby | None:
        """How near reports of this category are one trouble; None: never joined by nearness."""
        if category in self.nearby:
            return self.nearby[category]
        return self.nearby.get("*")

    def equivalent(self, category: str, at: datetime) -> Equivalent:
        """What the category is called at an instant, or that nothing took its place; never raises."""
        return equivalent(category, self.day(at), self.categories, self.correspondences)

    def fileable(self, text: str, at: datetime) -> Category:
        """The category, if something may be filed under it at that instant; CategoryUnknown, naming what took its place."""
        found, day = self.category(text), self.day(at)
        if found.holds(day):
            return found
        if found.ended(day):
            now = self.equivalent(text, at)
            raise CategoryUnknown(
                zh=f"类别 {text} 已于 {found.valid_to} 停用；{now.zh}",
                en=f"category {text} ended on {found.valid_to}: {now.en}",
                category=text,
                equivalent=now.key,
            )
        raise CategoryUnknown(
            zh=f"类别 {text} 自 {found.valid_from} 起才启用",
            en=f"category {text} begins on {found.valid_from}",
            category=text,
        )

    def day(self, at: datetime) -> date:
        """The city's date at an instant."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()
