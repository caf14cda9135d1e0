"""What holds for every page: the strict policy, nothing from elsewhere, any path prefix, readable by everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local.wishes import ROOT
from tests.browser import doors, proxies
from tests.browser.eyes import watched
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

PAGES = ("wall", "desk", "field")
AXE = ROOT / "api" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PREFIX = "/city/yiwang"


@pytest.fixture(scope="module")
def proxy(system: WholeSystem) -> Iterator[str]:
    """A reverse proxy as a city hall has it: it takes a path prefix off and hands the rest on, as it comes."""

    def without_prefix(path: str) -> str | None:
        return path.removeprefix(PREFIX) if path.startswith(PREFIX) else None

    with proxies.between(system, without_prefix) as address:
        yield f"{address}{PREFIX}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_behind_a_path_prefix_and_asks_nobody_else(
    proxy: str, browser_: Browser, page: str
) -> None:
    with watched(browser_, proxy) as eyes:
        doors.by_token(eyes.page, f"{proxy}/{page}", "lead")
        stands(eyes.page, page)
        assert eyes.page.url.startswith(f"{proxy}/{page}/")
        strays = [url for url in eyes.requests if not url.startswith((proxy, "data:", "blob:"))]
        assert strays == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("tongue", ["zh", "en"])
def test_axe_finds_no_serious_fault(
    system: WholeSystem, browser_: Browser, page: str, tongue: str
) -> None:
    with watched(browser_, system.url("api")) as eyes:
        eyes.page.goto(f"{system.url('api')}/{page}/?lang={tongue}")
        expect(eyes.page.locator(".login")).to_be_visible()
        assert serious(eyes.page) == []
        doors.by_token(eyes.page, f"{system.url('api')}/{page}/?lang={tongue}&stale=3600", "lead")
        stands(eyes.page, page)
        assert serious(eyes.page) == []


def stands(seen: Page, page: str) -> None:
    """It shows what it has: a phone its form, the other two that changes come in."""
    sign = "main h2, main h3, main form" if page == "field" else ".age .dot.up"
    expect(seen.locator(sign).first).to_be_visible(timeout=15_000)


def serious(page: object) -> list[str]:
    """What axe-core calls serious or critical, run in the page's own world under its own policy."""
    evaluate = page.evaluate  # type: ignore[attr-defined]
    evaluate(AXE.read_text(encoding="utf-8"))
    found = evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {fault['help']} {[node['target'] for node in fault['nodes']][:3]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]


def test_no_built_file_names_another_host(built: None) -> None:
    allowed = re.compile(
        r"https?://(www\.w3\.org|www\.opengis\.net|vuejs\.org|openlayers\.org|github\.com|echarts\.apache\.org|\$\{|localhost)"
    )
    for file in (ROOT / "api" / "web" / "dist").rglob("*.*"):
        text = file.read_text(encoding="utf-8")
        for address in re.findall(r"https?://[^\s\"'`)<>]{4,60}", text):
            assert allowed.match(address), f"{file.name}: {address}"


def test_the_lock_file_names_no_registry_and_every_package_has_its_sum() -> None:
    text = (ROOT / "api" / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    packages = len(re.findall(r'^    "node_modules/', text, re.MULTILINE))
    assert packages > 50
    assert text.count('"integrity"') >= packages - text.count('"inBundle"')
