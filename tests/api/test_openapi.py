"""The description is complete, says who may call what and how it may refuse, and is the one that is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api import access
from api.app import create_app
from api.settings import Settings

APP = create_app(Settings(database_url="postgresql://nowhere"))
WHOLE: dict[str, Any] = APP.openapi()
SNAPSHOT = Path("docs/wire/openapi.json")
OPERATIONS = [
    (path, method, operation)
    for path, methods in WHOLE["paths"].items()
    for method, operation in methods.items()
]


def test_the_published_description_is_the_one_that_is_served() -> None:
    published = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    mend = "python -m api openapi > docs/wire/openapi.json"
    assert published == json.loads(json.dumps(WHOLE)), f"the API changed; {mend}"


def test_every_route_of_the_api_is_described() -> None:
    screens = {f"/{screen}{end}" for screen in ("wall", "desk", "field") for end in ("", "/")}
    hidden = {
        "/",
        "/docs",
        "/openapi.json",
        "/assets/{name}",
        "/demo/account",
        "/field/sw.js",
    } | screens
    known = {(method, path) for method, path in access.table(APP) if path not in hidden}
    assert {(method.upper(), path) for path, method, _ in OPERATIONS} == known


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_what_it_is_and_how_it_may_refuse(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["description"]
    if path.startswith("/api/") and path != "/api/v1/login":
        assert operation["x-roles"]
        assert operation["security"] == [{"token": []}, {"session": []}]
        assert {"401", "403", "503"} <= set(operation["responses"])
    if "requestBody" in operation:
        assert {"400", "413", "422"} <= set(operation["responses"])
        content = operation["requestBody"]["content"]
        if "multipart/form-data" in content:
            return  # a file: no example to show
        schema = content["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        assert WHOLE["components"]["schemas"][name].get("examples"), f"{name} has no example"


def test_every_problem_that_is_named_has_a_title() -> None:
    for _, _, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            media = answer.get("content", {})
            if int(status) >= 400 and "application/problem+json" in media:
                example = media["application/problem+json"]["example"]
                assert example["status"] == int(status)
                assert example["title"] != example["title_en"]
