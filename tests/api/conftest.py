"""A small town with an account for every role, and the API in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from local.postgres import LocalPostgres
from tests.api.town import Town, settle
from tests.conftest import cloned_database

NOWHERE = "127.0.0.1:1"
"""A broker that is not there: what does not need Kafka must work without it."""


@pytest.fixture(scope="module")
def town(postgres_server: LocalPostgres) -> Iterator[Town]:
    """The town's database, of this module alone."""
    with cloned_database(postgres_server) as url:
        yield settle(url)


@pytest.fixture(scope="module")
def settings(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What the API is told."""
    home: Path = tmp_path_factory.mktemp("home")
    return Settings(database_url=town.url, kafka=NOWHERE, home=home, api_connections=4)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    """The API, its lifespan begun."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as asked:
        yield asked
