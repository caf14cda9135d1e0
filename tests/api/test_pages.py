"""The start page and the documentation: ours alone, under a policy that lets nothing in from outside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api import built_pages
from api.app import create_app
from api.settings import Settings
from tests.api.town import Town

pytestmark = pytest.mark.real

STATIC = Path("api/static")
SCREENS = ("wall/", "desk/", "field/")
_REFERENCE = re.compile(r"""(?:src|href)=["']([^"']+)""")


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_a_page_loads_from_us_only_and_all_of_it_is_there(client: TestClient, page: str) -> None:
    answer = client.get(page)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert 'lang="zh"' in answer.text
    for reference in _REFERENCE.findall(answer.text):
        assert not reference.startswith(("/", "http")), f"{reference} ignores a path prefix"
        if reference == "readyz":  # not ready here: no Kafka, no worker
            continue
        status = client.get(f"/{reference.removeprefix('./')}").status_code
        # A screen that was not built says so in plain words.
        assert status == 200 or (reference in SCREENS and status == 503), reference
    assert not re.search(r"<script>|<style|\son\w+=|style=", answer.text)


@pytest.mark.parametrize("file", sorted(STATIC.iterdir()), ids=lambda file: file.name)
def test_nothing_of_ours_names_another_host(file: Path) -> None:
    found = re.findall(r"https?://[^\s\"')]+", file.read_text(encoding="utf-8"))
    assert [address for address in found if "www.w3.org" not in address] == []


def test_a_page_seen_before_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/").headers["etag"]
    assert client.get("/", headers={"If-None-Match": etag}).status_code == 304


def test_only_a_demonstration_gives_the_wall_s_account_away(
    client: TestClient, town: Town, tmp_path: Path
) -> None:
    assert client.get("/demo/account").status_code == 404
    rows = [
        {"name": "管理员", "role": "administrator", "token": "secret"},
        {"name": "大屏", "role": "wall", "token": "token-wall"},
    ]
    settings = Settings(
        database_url=town.url, kafka="127.0.0.1:1", home=tmp_path, demo="1", api_connections=2
    )
    with TestClient(create_app(settings)) as demo:
        assert demo.get("/demo/account").status_code == 404
        (tmp_path / "accounts.json").write_text(json.dumps(rows), encoding="utf-8")
        given = demo.get("/demo/account")
        assert given.json() == rows[1]
        assert "secret" not in given.text


def test_a_screen_without_its_slash_is_led_to_it_whatever_the_prefix(client: TestClient) -> None:
    for screen in SCREENS:
        answer = client.get(f"/{screen.rstrip('/')}?w=3840", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (308, f"{screen}?w=3840")


def test_a_screen_that_was_not_built_says_what_to_run(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built_pages, "BUILT", tmp_path)
    answer = client.get("/wall/")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "make web" in answer.text
    (tmp_path / "wall").mkdir()
    (tmp_path / "wall" / "index.html").write_text("<p>built", encoding="utf-8")
    assert client.get("/wall/").text == "<p>built"


def test_a_hashed_asset_is_kept_for_ever_and_sent_small(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built_pages, "BUILT", tmp_path)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "wall-Ab1_x.js").write_text("let a = 1;" * 100, encoding="utf-8")
    answer = client.get("/assets/wall-Ab1_x.js", headers={"Accept-Encoding": "gzip"})
    assert answer.text == "let a = 1;" * 100
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/assets/other.js").status_code == 404
    assert client.get("/assets/..%2fsecret").status_code == 404


def test_readiness_names_what_is_missing(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert {name for name, check in checks.items() if not check["ok"]} == {"kafka", "workers"}
    assert all(check["detail"] for check in checks.values())


def test_metrics_are_told_by_route_template(client: TestClient) -> None:
    client.get("/api/v1/incidents/1101012020010100001")
    told = client.get("/metrics").text
    assert 'route="/api/v1/incidents/{number}",status="401"' in told
    assert "1101012020010100001" not in told
