"""Phones before the whole system: small screens with a place, the hands that hold them, and what the desk does meanwhile."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import doors, proxies, town
from tests.browser.eyes import Watched, watched
from tests.journey import scene
from tests.journey.machines import Answer, Door
from tests.journey.system import ADMIN_TOKEN, WholeSystem

GONE = ("Failed to load resource", "net::ERR", "503", "502", "412", "409")
"""What Chromium writes into its console for answers that a test brings about itself."""
SMALL = {"width": 360, "height": 740}


@contextlib.contextmanager
def phone(
    opened: Browser,
    system: WholeSystem,
    name: str,
    at: tuple[int, int] = (2, 2),
    url: str | None = None,
    **more: Any,
) -> Iterator[Watched]:
    """A phone in the middle of a cell, in the hand of a person of the scene who is in."""
    address = url or system.url("api")
    with stranger(opened, system, at, address, **more) as eyes:
        doors.by_token(eyes.page, f"{address}/field/", name)
        expect(eyes.page.locator(".age .dot.up")).to_be_visible()
        yield eyes


@contextlib.contextmanager
def stranger(
    opened: Browser,
    system: WholeSystem,
    at: tuple[int, int] = (2, 2),
    url: str | None = None,
    **more: Any,
) -> Iterator[Watched]:
    """A phone before the door of the field's page."""
    address = url or system.url("api")
    lon, lat = scene.middle(*at)
    given: dict[str, Any] = {
        "viewport": SMALL,
        "has_touch": True,
        "geolocation": {"longitude": lon, "latitude": lat, "accuracy": 12.0},
        "permissions": ["geolocation"],
    }
    with watched(opened, address, **{**given, **more}) as eyes:
        eyes.expected = GONE
        eyes.page.goto(f"{address}/field/")
        yield eyes


def log_in(page: Page, name: str, password: str) -> None:
    """With a name and a password, as people do."""
    page.get_by_label("账号", exact=True).fill(name)
    page.get_by_label("口令", exact=True).fill(password)
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".age .dot.up")).to_be_visible(timeout=60_000)


def tab(page: Page, name: str) -> None:
    """One of the four: tasks, report, outbox, settings."""
    page.locator(f"[data-tab={name}]").click()


def task(page: Page, number: str) -> Locator:
    """A task in the list."""
    return page.locator(f".task[data-number='{number}']")


def decide(
    page: Page, number: str, move: str, reason: str = "", photo: bytes | None = None
) -> None:
    """Open a task, make a move, hand it to the queue."""
    task(page, number).click()
    page.locator(f"[data-move={move}]").click()
    if reason:
        page.get_by_label("说明").fill(reason)
    if photo is not None:
        shoot(page, photo)
    page.locator("[data-submit]").click()
    expect(page.locator("[data-form]")).to_have_count(0)


def shoot(page: Page, photo: bytes) -> None:
    """Press the shutter; the shrunk photo is shown."""
    page.locator("[data-shot]").set_input_files(
        {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": photo}
    )
    expect(page.locator(".shots img").first).to_be_visible()


def picture(colour: tuple[int, int, int], width: int = 4000, height: int = 3000) -> bytes:
    """A photo as large as a phone takes it."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG", quality=60)
    return out.getvalue()


def ways(page: Page) -> list[str]:
    """How each thing in the queue stands, the newest first."""
    rows = page.locator(".outbox > li")
    return [str(way) for way in rows.evaluate_all("rows => rows.map(row => row.dataset.way)")]


def move(system: WholeSystem, who: str, number: str, **body: Any) -> Answer:
    """What somebody at the desk does meanwhile."""
    door = town.door(system, who)
    path = f"/api/v1/incidents/{number}"
    seen = door.ask("GET", path).headers["etag"]
    answer = door.ask("POST", f"{path}/moves", body, {"If-Match": seen})
    assert answer.status == 200, answer.body
    return answer


def incident(system: WholeSystem, number: str) -> dict[str, Any]:
    """An incident as the shift's lead sees it."""
    found: dict[str, Any] = town.ask(system, "lead", "GET", f"/incidents/{number}").json
    return found


def to_confirm(system: WholeSystem, column: int, row: int, text: str) -> str:
    """A report whose truth the inspector is asked for."""
    number = town.report(system, column, row, text)
    move(system, "intake", number, move="confirm", inspector="inspector")
    return number


def dispatched(system: WholeSystem, column: int, row: int, text: str) -> str:
    """An incident that department A is to take."""
    number = town.report(system, column, row, text)
    move(system, "intake", number, move="open")
    move(system, "dispatcher", number, move="dispatch", department="A")
    return number


def named_categories(system: WholeSystem) -> None:
    """The town's standards with some names that people know."""
    body = scene.standards([town.FLOOD, town.LITTER])
    body["categories"] += [
        {"key": f"scene/component/{code}", "zh": zh, "en": en, "major": major}
        for code, zh, en, major in (
            ("01001", "供水井盖", "water manhole cover", "市政公用设施"),
            ("01004", "雨水箅子", "storm drain grate", "市政公用设施"),
            ("02003", "人行道破损", "broken pavement", "道路交通设施"),
        )
    ]
    door = Door(system.url("api"), ADMIN_TOKEN)
    answer = door.ask("PUT", "/api/v1/standards", {"body": body})
    assert answer.status == 201, answer.body


@contextlib.contextmanager
def intranet(system: WholeSystem) -> Iterator[str]:
    """An HTTP proxy, through which a browser finds the system under any name over plain http."""

    def of_any_host(address: str) -> str:
        parts = urlsplit(address)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    with proxies.between(system, of_any_host) as address:
        yield address
