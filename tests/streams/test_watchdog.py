"""When a worker is stuck and when it merely has nothing to do: the watchdog's judgement, with times as arguments."""

from streams.watchdog import Progress

A, B = ("city.readings.v1", 0), ("city.readings.v1", 1)


def test_lag_without_progress_for_long_enough_is_stuck() -> None:
    progress = Progress(60)

    assert progress.stuck(0, {A: 9}, {A: 5}) == []
    assert progress.stuck(59, {A: 20}, {A: 5}) == []
    assert progress.stuck(60, {A: 20}, {A: 5}) == [A]


def test_progress_however_slow_is_progress() -> None:
    progress = Progress(60)

    for minute in range(10):
        assert progress.stuck(minute * 59, {A: 1000}, {A: minute}) == []


def test_nothing_to_do_is_not_stuck_and_the_clock_starts_with_the_first_lag() -> None:
    progress = Progress(60)

    assert progress.stuck(0, {A: 5}, {A: 5}) == []
    assert progress.stuck(1000, {A: 5}, {A: 5}) == []
    assert progress.stuck(1001, {A: 6}, {A: 5}) == []
    assert progress.stuck(1059, {A: 6}, {A: 5}) == []
    assert progress.stuck(1060, {A: 6}, {A: 5}) == [A]


def test_each_partition_has_its_own_clock() -> None:
    progress = Progress(60)

    progress.stuck(0, {A: 9, B: 9}, {A: 1, B: 1})
    assert progress.stuck(61, {A: 9, B: 9}, {A: 1, B: 2}) == [A]


def test_an_outage_is_forgiven() -> None:
    progress = Progress(60)

    progress.stuck(0, {A: 9}, {A: 1})
    progress.forgive()
    assert progress.stuck(61, {A: 9}, {A: 1}) == []


def test_a_partition_nobody_has_read_yet_counts_from_nought() -> None:
    progress = Progress(60)

    progress.stuck(0, {A: 9}, {})
    assert progress.stuck(60, {A: 9}, {}) == [A]
