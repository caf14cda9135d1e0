"""Everything we raise on purpose, here and in every other package, descends from `CityError`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from grid.faults import Fault


class CityError(Exception):
    """Something the city refused or could not do, said in Chinese and English.

    `code` is stable and belongs to the class; `zh` and `en` are for a person, `facts` for a
    program. Carries no HTTP status: the edges give each class theirs.
    """

    code: ClassVar[str] = "city_error"

    def __init__(self, *, zh: str, en: str, **facts: Any) -> None:
        super().__init__(zh, en)
        self.zh = zh
        self.en = en
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.zh} / {self.en}"

    def __reduce__(self) -> tuple[Callable[..., CityError], tuple[Any, ...]]:
        return _rebuilt, (type(self), self.zh, self.en, self.facts)


class GridError(CityError):
    """Something about the grid or a place."""

    code = "grid_error"


class DatumUnknown(GridError):
    """A coordinate system 坐标系 we do not know by that name."""

    code = "datum_unknown"


class DatumMixed(GridError):
    """Two places of different datums were brought together without converting."""

    code = "datum_mixed"


class CodeInvalid(GridError):
    """A code 标识码 that is not of the form the standard gives it."""

    code = "code_invalid"


class GridRefused(GridError):
    """A layer that may not become an edition; `faults` says everything that is wrong with it."""

    code = "grid_refused"

    def __init__(self, *, zh: str, en: str, faults: tuple[Fault, ...] = (), **facts: Any) -> None:
        super().__init__(zh=zh, en=en, faults=faults, **facts)
        self.faults = faults


def _rebuilt(kind: type[CityError], zh: str, en: str, facts: dict[str, Any]) -> CityError:
    return kind(zh=zh, en=en, **facts)
