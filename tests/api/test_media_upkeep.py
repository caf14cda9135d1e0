"""Photos and their files kept in step: what is lost, left over or used for nothing, and a store that is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import media_upkeep
from api.objects import Objects
from api.parts import Parts
from incidents.errors import DecisionRefused, MediaRefused
from incidents.postgres import jobs, media_store
from incidents.postgres.media_store import Use
from tests.api.photos import fresh, send, sent
from tests.api.town import Town, report, token

pytestmark = pytest.mark.real


@pytest.fixture
def parts(client: TestClient) -> Parts:
    """The opened parts behind the API."""
    found: Parts = client.app.state.parts  # type: ignore[attr-defined]
    return found


def test_a_store_that_is_away_makes_a_503_and_no_row(
    client: TestClient, parts: Parts, town: Town
) -> None:
    whole = parts.objects
    parts.objects = Objects.at("s3://nowhere/photos?", parts.settings.home)
    try:
        with town.connect() as connection:
            before = connection.execute("select count(*) from media").fetchone()
            answer = send(client, fresh())
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert connection.execute("select count(*) from media").fetchone() == before
    finally:
        parts.objects = whole


def test_a_lost_file_is_told_marked_and_brought_back_by_sending_it_again(
    client: TestClient, parts: Parts, town: Town
) -> None:
    data = fresh()
    id_ = sent(client, data)
    number = report(client, 5, 5, media=[id_])
    parts.objects.remove(id_)
    answer = client.get(f"/api/v1/media/{id_}", headers=token("inspector"))
    assert (answer.status_code, answer.json()["code"]) == (404, "photo_lost")
    with town.connect() as connection:
        _age(connection)
        _sweep(connection, parts.objects)
        listed = client.get(f"/api/v1/incidents/{number}/media", headers=token("auditor")).json()
        assert [p["lost"] for p in listed] == [True]
        assert sent(client, data) == id_
        assert client.get(f"/api/v1/media/{id_}", headers=token("auditor")).status_code == 200
        assert media_store.lost(connection) == 0


def test_what_is_used_for_nothing_goes_after_a_week_and_evidence_stays(
    client: TestClient, parts: Parts, town: Town
) -> None:
    unused, used, wanted = (fresh() for _ in range(3))
    gone, stays = sent(client, unused), sent(client, used)
    report(client, 6, 6, media=[stays])
    kept = sent(client, wanted)
    with town.connect() as connection:
        connection.execute("update media set offered_at = offered_at - interval '8 days'")
        assert sent(client, wanted) == kept  # sent again: wanted again
        said = jobs.run_due(
            connection, datetime.now(UTC), "media_unattached", media_upkeep.runs(parts.objects)
        )
        assert said[0].startswith("media_unattached: 清除未使用的照片")
        assert media_store.find(connection, gone) is None
        assert media_store.find(connection, stays)
        assert media_store.find(connection, kept)
    assert parts.objects.get(gone) is None
    assert parts.objects.get(gone, small=True) is None
    assert parts.objects.get(stays)
    assert parts.objects.get(kept)


def test_a_machines_picture_that_opened_nothing_goes_after_two_days(
    client: TestClient, parts: Parts, town: Town
) -> None:
    seen, walked = sent(client, fresh(), "ingest"), sent(client, fresh())
    with town.connect() as connection:
        for days, there in ((1, True), (3, False)):
            connection.execute(
                "update media set offered_at = now() - %s * interval '1 day' where id = any(%s)",
                (days, [seen, walked]),
            )
            runs = media_upkeep.runs(parts.objects)
            jobs.run_due(connection, datetime.now(UTC), "media_unattached", runs)
            assert (media_store.find(connection, seen) is not None) is there
        assert media_store.find(connection, walked)
    assert parts.objects.get(seen) is None


def test_a_photo_that_is_being_used_does_not_go(client: TestClient, town: Town) -> None:
    id_ = sent(client, fresh())
    number = report(client, 6, 7)
    at = datetime.now(UTC)
    with town.connect() as user, town.connect() as cleaner:
        with user.transaction():
            media_store.check(user, [id_], "inspector")
            assert (
                media_store.forget_unattached(cleaner, at + timedelta(days=1), 1000).count(id_) == 0
            )
            media_store.attach(user, [id_], Use(number, "reported", "note", "inspector", at), 60)
        assert media_store.find(cleaner, id_)
        with pytest.raises(MediaRefused):
            media_store.check(user, [id_], "dispatcher")


def test_a_file_without_a_row_goes_once_it_is_old_and_not_before(
    client: TestClient, parts: Parts, town: Town
) -> None:
    parts.objects.put("ab" * 16, b"picture", b"small")  # as a crash between file and row leaves it
    with town.connect() as connection:
        media_upkeep.sweep(connection, parts.objects, datetime.now(UTC), timedelta(hours=1))
        assert parts.objects.get("ab" * 16) == b"picture"
        _sweep(connection, parts.objects)
    assert parts.objects.get("ab" * 16) is None


def test_a_store_full_of_strangers_is_left_alone(town: Town) -> None:
    objects = Objects.at("memory:///", None)  # type: ignore[arg-type]
    for n in range(150):
        objects.put(f"{n:032x}", b"p", b"s")
    with town.connect() as connection:
        said = _sweep(connection, objects)
        assert "未删除" in said
        assert objects.get(f"{7:032x}") == b"p"
        _sweep(connection, objects, surely=True)
        assert objects.get(f"{7:032x}") is None
        connection.execute("update media set lost_at = null")


def test_only_the_api_runs_the_jobs_over_photos(town: Town) -> None:
    with town.connect() as connection, pytest.raises(DecisionRefused, match="python -m api media"):
        jobs.run_due(connection, datetime.now(UTC), "media_sweep")


def _sweep(connection: Any, objects: Objects, *, surely: bool = False) -> str:
    """As if three days had gone by."""
    later = datetime.now(UTC) + timedelta(days=3)
    return media_upkeep.sweep(connection, objects, later, timedelta(days=1), surely=surely)


def _age(connection: Any) -> None:
    connection.execute("update media set made_at = made_at - interval '3 days'")
