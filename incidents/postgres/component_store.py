"""Components 部件 in the store: kept by their code, never deleted."""

from __future__ import annotations

from collections.abc import Sequence

from grid.component import Component, ComponentState
from incidents.category import CategoryKey, Kind
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("component_store.sql")
STATE_ZH = {
    ComponentState.SOUND: "完好",
    ComponentState.DAMAGED: "破损",
    ComponentState.LOST: "丢失",
    ComponentState.ABANDONED: "废弃",
    ComponentState.REMOVED: "移除",
}
"""How GB/T 47678.5 (GLBJZT) and the column `state` call them."""


def keep(connection: Connection, components: Sequence[Component], code_set: str) -> None:
    """Store components in one statement, all or none; positions are WGS-84, classes are of `code_set`."""
    connection.execute(
        _SQL["keep_components"],
        {
            "codes": [one.code for one in components],
            "categories": [
                str(CategoryKey(code_set, Kind.COMPONENT, one.category)) for one in components
            ],
            "names": [one.name or None for one in components],
            "responsible": [one.responsible or None for one in components],
            "owners": [one.owner or None for one in components],
            "maintainers": [one.maintainer or None for one in components],
            "lons": [one.position.lon for one in components],
            "lats": [one.position.lat for one in components],
            "cells": [one.cell for one in components],
            "states": [STATE_ZH[one.state] for one in components],
        },
    )
