"""Pictures that machines' events name: what can be used becomes evidence, what cannot is noted, and no event is lost of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incidents.event import Event, Origin, Place
from incidents.lifecycle import Role
from incidents.postgres import accounts, audit_store, balance, decision_store, media_store
from incidents.postgres.media_store import Named, NewPhoto
from streams import snapshots
from streams.message import Message
from tests.journey import scene
from tests.streams.builders import NOON, NOW, REPORTS, Bench, events

SMOKE = "scene/matter/smoke"
MINE, THEIRS, LOST, NOBODY = "a" * 32, "b" * 32, "c" * 32, "d" * 32


def _event(**more: Any) -> Event:
    return Event("s", "1", Origin.STREAM, "smoke", NOW, Place(), **more)


@pytest.mark.parametrize(
    ("named", "account", "reason"),
    [
        (MINE, "gw", None),
        (MINE, None, None),
        (THEIRS, "gw", "of_another"),
        (THEIRS, None, "of_another"),
        (LOST, "gw", "lost"),
        (NOBODY, "gw", "unknown"),
        ("https://video.example/frame.jpg", "gw", "elsewhere"),
    ],
)
def test_a_picture_serves_the_account_that_sent_it(
    named: str, account: str | None, reason: str | None
) -> None:
    found = {
        MINE: Named("gw", of_machine=True, lost=False),
        THEIRS: Named("inspector", of_machine=False, lost=False),
        LOST: Named("gw", of_machine=True, lost=True),
    }
    assert snapshots.fault(named, found, account) == reason
    assert reason is None or " / " in snapshots.REASONS[reason]


@pytest.mark.parametrize(
    ("more", "camera"),
    [
        ({"subject": "device:cam-7"}, "cam-7"),
        ({"raw": {"camera": "cam-8"}}, "cam-8"),
        ({"raw": {"camera": ["cam-8"]}}, None),
        ({"raw": {"camera": ""}}, None),
        ({"subject": "component:1"}, None),
    ],
)
def test_the_camera_is_the_device_told_of_or_named_beside(
    more: dict[str, Any], camera: str | None
) -> None:
    assert snapshots.camera_of(_event(**more)) == camera


def _settle(bench: Bench, database_url: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": [scene.reported("smoke", [SMOKE])]},
        "routes": {"routes": []},
        "standards": scene.standards([SMOKE], {SMOKE: (50.0, 60)}),
    }
    scene.settle(database_url, bodies, {"cam-1": (1, 1)})
    for name, role in (("gw", Role.INGEST), ("other", Role.INGEST), ("walker", Role.INSPECTOR)):
        accounts.add(bench.connection, accounts.Applicant(name, role))


def _kept(bench: Bench, id_: str, account: str = "gw") -> str:
    digest = hashlib.sha256(id_.encode()).digest()
    photo = NewPhoto(id_, account, "scene", digest, digest, 1, 1, 1)
    assert media_store.add(bench.connection, photo, (None, None, None))
    return id_


def _told(
    bench: Bench, offset: int, media: Sequence[str], account: str | None = "gw", **more: Any
) -> Any:
    lon, lat = scene.middle(1, 1)
    item = {"lon": lon, "lat": lat, "datum": "wgs84", "category": SMOKE, "raw": {"camera": "cam-1"}}
    body = events({"id": f"e{offset}", **item, **more, "media": list(media)})
    headers = () if account is None else [(snapshots.ACCOUNT, account.encode())]
    return bench.apply([Message(REPORTS, 0, offset, body, b"k", headers)])


@pytest.mark.real
def test_an_incident_has_the_pictures_of_the_event_that_opened_it_and_of_those_that_joined(
    bench: Bench, database_url: str
) -> None:
    _settle(bench, database_url)
    first, second, loose = (_kept(bench, n * 32) for n in "abc")

    assert _told(bench, 0, [first]).total("opened") == 1
    assert _told(bench, 1, [first, second], at=NOON + 5000).total("joined") == 1

    number = bench.one("select number from incident")
    shown = media_store.of_incident(bench.connection, number)
    assert [(one.id, one.move, one.by, one.device) for one in shown] == [
        (first, "event", "cam-1", "cam-1"),
        (second, "event", "cam-1", "cam-1"),
    ]
    assert (shown[1].at - shown[0].at).total_seconds() == 5
    lines = bench.all("select move, data -> 'media' from history order by seq")
    assert [media for _, media in lines] == [[first], [first, second]]
    assert bench.one("select attached from media where id = %s", loose) is False
    assert not [line for line in balance.read(bench.connection).lines if not line.exact]
    assert not audit_store.audit(bench.connection).faults


@pytest.mark.real
def test_what_cannot_be_used_is_noted_and_the_event_is_kept_all_the_same(
    bench: Bench, database_url: str
) -> None:
    _settle(bench, database_url)
    good = _kept(bench, "a" * 32)
    theirs, walkers = _kept(bench, "b" * 32, "other"), _kept(bench, "c" * 32, "walker")
    lost = _kept(bench, "e" * 32)
    media_store.missed(bench.connection, [lost], NOW)
    elsewhere = "rtsp://camera/1"

    outcome = _told(bench, 0, [theirs, good, walkers, lost, NOBODY, elsewhere])

    assert (outcome.total("opened"), outcome.total("events_quarantined")) == (1, 0)
    media, raw = bench.all("select media, raw from event")[0]
    assert media == [good]
    assert raw["camera"] == "cam-1"
    assert [(one["media"], one["reason"]) for one in raw[snapshots.LEFT_OUT]] == [
        (theirs, "of_another"),
        (walkers, "of_another"),
        (lost, "lost"),
        (NOBODY, "unknown"),
        (elsewhere, "elsewhere"),
    ]
    assert bench.all("select media from media_use") == [(good,)]


@pytest.mark.real
def test_a_message_written_to_kafka_by_other_means_names_any_machines_picture_and_no_persons(
    bench: Bench, database_url: str
) -> None:
    _settle(bench, database_url)
    machines, persons = _kept(bench, "a" * 32), _kept(bench, "b" * 32, "walker")

    _told(bench, 0, [machines, persons], account=None)

    assert bench.all("select media from media_use") == [(machines,)]


@pytest.mark.real
def test_an_event_told_again_with_its_picture_brings_it_late_and_but_once(
    bench: Bench, database_url: str
) -> None:
    _settle(bench, database_url)
    _told(bench, 0, [NOBODY], id="same")
    late = _kept(bench, "a" * 32)

    for offset in (1, 2):
        assert _told(bench, offset, [late], id="same").total("events_repeated") == 1

    assert bench.all("select media, move from media_use") == [(late, "event")]
    assert bench.one("select reports from incident") == 1


@pytest.mark.real
def test_pictures_of_events_that_opened_nothing_stay_loose(bench: Bench, database_url: str) -> None:
    _settle(bench, database_url)
    unheard = _kept(bench, "a" * 32)

    outcome = _told(bench, 0, [unheard], category=None, kind="x")

    assert outcome.total("filtered") == 1
    assert bench.one("select count(*) from media_use") == 0
    forget, day = media_store.forget_unattached, timedelta(days=1)
    at = datetime.now(UTC)
    assert forget(bench.connection, at + day, 10, of_machines=at - day) == []
    assert forget(bench.connection, at - day, 10, of_machines=at + day) == [unheard]


@pytest.mark.real
def test_no_event_has_more_pictures_than_a_person_could_send(
    bench: Bench, database_url: str
) -> None:
    _settle(bench, database_url)
    many = [_kept(bench, f"{n:032x}") for n in range(snapshots.MOST + 1)]

    _told(bench, 0, many)

    assert bench.one("select count(*) from media_use") == snapshots.MOST
    assert bench.one("select raw -> 'media_left_out' -> 0 ->> 'reason' from event") == "too_many"


@pytest.mark.real
def test_a_camera_that_tells_on_and_on_fills_no_incident_beyond_the_citys_number(
    bench: Bench, database_url: str
) -> None:
    _settle(bench, database_url)
    standards = {**scene.standards([SMOKE], {SMOKE: (50.0, 60)}), "policy": {"max_snapshots": 3}}
    decision_store.keep(bench.connection, "standards", standards, "test")
    told = [[_kept(bench, f"{2 * n:032x}"), _kept(bench, f"{2 * n + 1:032x}")] for n in range(3)]

    assert _told(bench, 0, told[0]).total("opened") == 1
    assert _told(bench, 1, told[1], at=NOON + 5000).total("joined") == 1
    assert _told(bench, 2, told[2], at=NOON + 9000).total("joined") == 1
    assert _told(bench, 3, told[1], at=NOON + 5000, id="e1").total("events_repeated") == 1

    used = {id_ for (id_,) in bench.all("select media from media_use")}
    assert used == {*told[0], told[1][0]}
    assert bench.one("select reports from incident") == 3
    noted = bench.all("select media, raw -> 'media_left_out' from event order by id")
    full = [[{"media": id_, "reason": "incident_full"} for id_ in ids] for ids in told]
    assert noted == [(told[0], None), (told[1][:1], full[1][1:]), ([], full[2])]
    assert "incident_full" in snapshots.REASONS
