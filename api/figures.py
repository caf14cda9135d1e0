"""How a wall's figures are made: for whom, of which part of the city, at most once a second, with the time of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.responses import Response

from api import answers
from api.access import SCREENS, allow
from api.caller import Caller
from api.parts import Opened, Parts, now
from api.problems import Problem
from incidents.postgres import views
from incidents.postgres.connection import Connection
from incidents.postgres.wall import Whose

Make = Callable[[Connection, Whose], dict[str, Any]]
Theme = Annotated[str, Query(min_length=1, max_length=128, pattern=r"^[^\x00,]+$")]


@dataclass(frozen=True, slots=True)
class Figures:
    """Whose figures are asked for, and the parts to make them with."""

    parts: Parts
    who: Whose

    def of(self, key: tuple[Any, ...], make: Make) -> tuple[dict[str, Any], datetime | None]:
        """The figures and the time of their data, made anew after a second for however many screens."""

        def ask() -> tuple[dict[str, Any], datetime | None]:
            with self.parts.connection() as connection:
                data_at = views.data_at(connection)
                return make(connection, self.who), data_at

        made: tuple[dict[str, Any], datetime | None] = self.parts.shortly((*key, self.who), ask)
        return made

    def answer(self, key: tuple[Any, ...], make: Make) -> Response:
        """The same as an answer."""
        value, data_at = self.of(key, make)
        return answers.json(answers.dated(value, data_at), headers={"Cache-Control": "no-store"})


def midnight(parts: Parts) -> datetime:
    """When the city's day began."""
    return now().astimezone(parts.in_force.zone).replace(hour=0, minute=0, second=0, microsecond=0)


def narrowed(caller: Caller, area: str | None) -> str | None:
    """The part of an asked area that the caller may see; 403 when none of it."""
    own = caller.scope.area
    if own is None or area is None:
        return own or area
    if own.startswith(area):
        return own
    if area.startswith(own):
        return area
    raise Problem(
        403,
        "forbidden",
        (f"区域 {area} 不在您的辖区 {own} 内", f"area {area} is not within yours, {own}"),
    )


def _focus(
    caller: Annotated[Caller, allow(SCREENS)],
    parts: Opened,
    area: Annotated[
        str | None,
        Query(
            max_length=15,
            pattern=r"^[0-9A-Z]+$",
            description="区域编码前缀 code of an area, or its beginning",
        ),
    ] = None,
    theme: Annotated[
        list[Theme] | None,
        Query(max_length=50, description="类别键前缀，可多个 beginnings of category keys"),
    ] = None,
) -> Figures:
    wanted = tuple(sorted(set(theme))) if theme else None
    return Figures(parts, Whose(narrowed(caller, area), caller.scope.departments, wanted))


Focus = Annotated[Figures, Depends(_focus)]
"""What every route of a wall takes: whose figures, of which area and theme."""
