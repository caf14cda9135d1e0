"""Loads a demo once: city, grid, decisions, facilities, machines, accounts. Again, it changes nothing.

The accounts with their tokens are written to `accounts.json` in the home, readable by its owner
only; the database keeps the tokens' hashes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo import fleet, names, nyc, nyc_decisions, roster
from demo.city import City, build
from demo.settings import Settings
from grid.atlas import Atlas
from incidents.duty import ROLES
from incidents.lifecycle import Role
from incidents.postgres import accounts, decision_store, devices, grid_store, passwords
from incidents.postgres import city as city_store
from incidents.postgres.connection import Connection, connect
from incidents.standards import tables

AUTHOR = "demo"


@dataclass(frozen=True, slots=True)
class Person:
    """A demo account to be made: name, role, title, and what narrows it."""

    name: str
    role: Role
    zh: str
    department: str | None = None
    area: str | None = None


def seed(settings: Settings) -> str:
    """Load the demo the settings name; a sentence on what is there now."""
    city = nyc.city() if settings.nyc else build()
    with connect(settings.database_url, "seed") as conn:
        city_store.put(conn, city_store.City(city.name, city.region, city.time_zone))
        _decide(conn, nyc_decisions.bodies() if settings.nyc else tables.seed())
        grid_store.keep_edition(conn, city.edition)
        _put_components(conn, city)
        _put_metrics(conn)
        _register(conn, city)
        people = _people(conn, settings)
        _write_accounts(conn, people, settings)
        turns = [roster.Turn(p.name, p.role, p.area) for p in people if p.role in ROLES]
        roster.plan(conn, city, turns, datetime.now(UTC))
    return (
        f"{city.name}：{len(city.edition)} 个单元网格，{len(city.devices)} 台设备，"
        f"{len(people)} 个账户 / {len(city.edition)} cells, {len(city.devices)} devices, "
        f"{len(people)} accounts in {settings.accounts_file}"
    )


def _decide(conn: Connection, bodies: Mapping[str, dict[str, Any]]) -> None:
    """Keep the city's decisions where it has none yet.

    An edition must agree with the others in force, so rules and routes are emptied before other
    categories and departments come, and given afterwards; all in one transaction.
    """
    if decision_store.editions_in_force(conn):
        return
    with conn.transaction():
        if bodies["standards"] != tables.seed()["standards"]:
            decision_store.keep(conn, "rules", {"rules": []}, AUTHOR)
            decision_store.keep(conn, "routes", {"routes": []}, AUTHOR)
        for kind in ("standards", "rules", "routes"):
            decision_store.keep(conn, kind, bodies[kind], AUTHOR)
        wanted = [row["code"] for row in bodies["standards"]["departments"]]
        conn.execute(_sql("only_departments"), {"codes": wanted})


def _put_components(conn: Connection, city: City) -> None:
    rows = city.components
    conn.execute(
        _sql("put_components"),
        {
            "codes": [one.code for one in rows],
            "categories": [f"{fleet.CODE_SET}/component/{one.category}" for one in rows],
            "names": [one.name for one in rows],
            "lons": [one.position.lon for one in rows],
            "lats": [one.position.lat for one in rows],
            "cells": [one.cell for one in rows],
        },
    )


def _put_metrics(conn: Connection) -> None:
    rows = fleet.METRICS
    conn.execute(
        _sql("put_metrics"),
        {
            "codes": [one.code for one in rows],
            "names": [one.name for one in rows],
            "units": [one.unit for one in rows],
        },
    )


def _register(conn: Connection, city: City) -> None:
    """Devices that are not registered yet, each located once."""
    _, first_cell, edition = grid_store.load_edition(conn)
    atlas = Atlas.of(edition)

    def locate(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int32]:
        found = atlas.locate(lon, lat)
        return np.where(found >= 0, found + first_cell, -1).astype(np.int32)

    for device in city.devices:
        there = devices.find(conn, device.code)
        if there is not None and there.registered:
            continue
        devices.register(
            conn,
            devices.Registration(
                code=device.code,
                name=device.name,
                kind=device.kind,
                component=device.component,
                position=device.position,
            ),
            locate,
        )


def _people(conn: Connection, settings: Settings) -> list[Person]:
    """An account for every role and for the night, every department, an inspector for every district and street."""
    people = [
        Person("admin", Role.ADMINISTRATOR, "系统管理员"),
        Person("lead", Role.SHIFT_LEAD, "值班长"),
        Person("intake", Role.INTAKE_OFFICER, "受理员"),
        Person("dispatcher", Role.DISPATCHER, "派遣员"),
        Person("lead-2", Role.SHIFT_LEAD, "夜班值班长"),
        Person("intake-2", Role.INTAKE_OFFICER, "夜班受理员"),
        Person("dispatcher-2", Role.DISPATCHER, "夜班派遣员"),
        Person("evaluator", Role.EVALUATOR, "考评员"),
        Person("auditor", Role.AUDITOR, "审计员"),
        Person("wall", Role.WALL, "大屏"),
        Person("machines", Role.INGEST, "演示设备网关"),
    ]
    people += [
        Person(f"inspector-{code}", Role.INSPECTOR, f"{title}网格员", area=code)
        for code, title in _districts(settings).items()
    ]
    people += [
        Person(f"patrol-{code}", Role.INSPECTOR, f"{title}网格岗", area=code)
        for code, title in _streets(settings).items()
    ]
    people += [
        Person(f"dept-{one.code.lower()}", Role.DEPARTMENT, one.name, department=one.code)
        for one in city_store.departments(conn)
    ]
    return people


def _districts(settings: Settings) -> dict[str, str]:
    if settings.nyc:
        return {f"99360{digit}": zh for digit, zh in nyc.BOROUGHS.items()}
    return {code: title for code, title, _ in names.DISTRICTS}


def _streets(settings: Settings) -> dict[str, str]:
    """The streets that have an inspector of their own; New York's demo has none."""
    if settings.nyc:
        return {}
    return {
        names.street_code(district, n): street
        for district, _, streets in names.DISTRICTS
        for n, (street, _) in enumerate(streets)
    }


def _write_accounts(conn: Connection, people: list[Person], settings: Settings) -> None:
    known = read_accounts(settings.accounts_file)
    there = {account.name for account in accounts.everybody(conn)}
    rows = []
    for person in people:
        token = known.get(person.name, {}).get("token")
        if token is None or accounts.find(conn, token) is None:
            token = _token(conn, person, person.name in there, settings)
        rows.append({**_row(person), "token": token})
    word = _password(conn, rows, [row["password"] for row in known.values() if "password" in row])
    rows = [row if row["role"] == Role.INGEST else {**row, "password": word} for row in rows]
    _write_private(settings.accounts_file, json.dumps(rows, ensure_ascii=False, indent=1))


def _password(conn: Connection, rows: list[dict[str, Any]], told: list[str]) -> str:
    """The one password of all the demo's people: given to whoever has none, to all when the file was lost.

    Who changed his own keeps it. One hash for all: this password is on the screen anyway.
    """
    word = told[0] if told else passwords.invented()
    hash_ = None
    for row in rows:
        if row["role"] == Role.INGEST or (told and passwords.current(conn, row["name"])):
            continue
        hash_ = hash_ or passwords.hashed(word)
        passwords.put_hash(conn, row["name"], hash_)
    return word


def _token(conn: Connection, person: Person, there: bool, settings: Settings) -> str:
    """A new account's token, or a new one where the old was lost with the file."""
    if there:
        return accounts.rotate(conn, person.name)
    given = settings.admin_token if person.role is Role.ADMINISTRATOR else None
    return accounts.add(
        conn,
        accounts.Applicant(
            name=person.name,
            role=person.role,
            department=person.department,
            area=person.area,
            token=given,
        ),
    )


def _row(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": str(person.role),
        "department": person.department,
        "area": person.area,
        "zh": person.zh,
    }


def read_accounts(file: Path) -> dict[str, dict[str, Any]]:
    """The demo accounts by name, none when they were never written or the file is no longer whole."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return {row["name"]: row for row in rows}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _write_private(file: Path, text: str) -> None:
    """Whole or not at all, and for its owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    beside.replace(file)


def _sql(name: str) -> bytes:
    return (files("demo") / "sql" / f"{name}.sql").read_bytes()


__all__ = ["AUTHOR", "Person", "read_accounts", "seed"]
