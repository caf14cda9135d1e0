"""How people come in: a screen with its token, a person with a name and a password."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.journey import scene


def wall(page: Page, url: str, query: str = "", name: str = "wall") -> None:
    """Through the door of the wall with a token."""
    by_token(page, f"{url}/wall/{query}", name)
    expect(page.locator(".wall-canvas")).to_be_visible()


def by_token(page: Page, address: str, name: str) -> None:
    """To any page with the token of a person of the scene."""
    page.goto(address)
    page.get_by_text(re.compile("用令牌进入|with a token")).click()
    page.get_by_label(re.compile("^(令牌|Token)$")).fill(scene.token_of(name))
    page.get_by_role("button", name=re.compile("^(进入|Enter)$")).click()
    expect(page.locator(".age")).to_be_visible()
