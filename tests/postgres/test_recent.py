"""What a process remembers of incidents it kept: only of the version asked for, only for a moment, only so many."""

from incidents.postgres.recent import Recent
from tests.incidents.builders import an_incident


def test_an_incident_is_remembered_under_its_number_and_version() -> None:
    recent, incident = Recent(), an_incident("1", version=3)
    recent.put(incident)
    assert recent.get("1", 3) is incident
    assert recent.get("1", 2) is None
    assert recent.get("1", 4) is None
    assert recent.get("2", 3) is None


def test_the_newer_version_takes_the_place_of_the_older() -> None:
    recent = Recent()
    recent.put(an_incident("1", version=3))
    recent.put(an_incident("1", version=4))
    assert recent.get("1", 3) is None
    assert recent.get("1", 4) is not None


def test_what_was_remembered_too_long_ago_is_asked_for_again() -> None:
    recent = Recent(kept_s=-1.0)
    recent.put(an_incident("1"))
    assert recent.get("1", 1) is None


def test_the_oldest_make_room() -> None:
    recent = Recent(most=2)
    for number in ("1", "2", "3"):
        recent.put(an_incident(number))
    assert [recent.get(n, 1) is not None for n in ("1", "2", "3")] == [False, True, True]
