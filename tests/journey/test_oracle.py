"""The oracle itself, against answers worked out by hand."""

from __future__ import annotations

from tests.journey.oracle import Episode, Level, Near, Seen, episodes, metres, troubles

LEVEL = Level("l", "m", raise_at=70, clear_at=60, for_s=3, gap_s=10)


def each_second(*values: float) -> list[tuple[int, float]]:
    return [(1000 * second, value) for second, value in enumerate(values)]


def test_three_seconds_over_the_level_are_a_trouble_and_two_are_not() -> None:
    assert episodes(each_second(1, 75, 75, 75, 1), LEVEL) == []
    assert episodes(each_second(1, 75, 75, 75, 75, 1), LEVEL) == [Episode(1000, 4000, 5000)]


def test_a_value_between_the_levels_begins_nothing_and_ends_nothing() -> None:
    assert episodes(each_second(65, 65, 65, 65, 65), LEVEL) == []
    assert episodes(each_second(75, 65, 65, 65, 65), LEVEL) == [Episode(0, 3000, None)]


def test_a_silence_begins_an_undecided_run_anew_and_does_not_end_a_decided_one() -> None:
    assert episodes([(0, 75), (20_000, 75), (23_000, 75)], LEVEL) == [Episode(20_000, 23_000, None)]
    assert episodes([(0, 75), (3000, 75), (90_000, 75), (91_000, 1)], LEVEL) == [
        Episode(0, 3000, 91_000)
    ]


def test_what_is_younger_than_the_settling_time_is_not_decided() -> None:
    settled = Level("l", "m", 70, 60, for_s=3, gap_s=100, settle_s=60)
    high = each_second(75, 75, 75, 75)
    assert episodes([*high, (63_000, 1)], settled) == []
    assert episodes([*high, (63_001, 1)], settled) == [Episode(0, 3000, None)]


def test_the_order_in_which_readings_are_given_does_not_matter() -> None:
    rows = each_second(75, 75, 75, 75, 1, 75)
    assert episodes(reversed(rows), LEVEL) == episodes(rows, LEVEL)


def test_events_near_a_trouble_join_it_and_those_far_from_it_do_not() -> None:
    near = {"c": Near(50, 24)}

    def seen(name: str, metres_east: float, hour: float = 0, subject: str | None = None) -> Seen:
        return Seen("s", name, "c", metres_east / 111_195, 0.0, int(hour * 3_600_000), subject)

    assert abs(metres(seen("a", 0), seen("b", 40)) - 40) < 0.01
    there = [seen("a", 0), seen("b", 40), seen("c", 80), seen("d", 3, hour=25), seen("e", 42)]
    found = [[e.id for e in trouble] for trouble in troubles(there, near)]
    assert found == [["a", "b"], ["c", "e"], ["d"]]
    assert len(troubles([seen("a", 0, subject="x"), seen("b", 9000, subject="x")], near)) == 1
