"""Incident numbers: unique, rising, and nobody queues behind somebody's slow transaction."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from incidents.errors import NumbersExhausted
from incidents.postgres import numbers
from incidents.postgres.connection import connect, pool

pytestmark = pytest.mark.real

DAY = date(2026, 11, 24)


def test_the_first_two_numbers_of_a_region_s_day(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        assert numbers.take(conn, "110101", DAY) == "1101012026112400001"
        assert numbers.take(conn, "110101", DAY) == "1101012026112400002"


def test_each_region_and_each_day_counts_for_itself(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        numbers.take(conn, "110101", DAY)
        assert numbers.take(conn, "110102", DAY).endswith("00001")
        assert numbers.take(conn, "110101", date(2026, 11, 25)).endswith("00001")


def test_many_at_once_get_different_numbers_while_an_opening_is_slow(database_url: str) -> None:
    with pool(database_url, "test", 8) as lent, connect(database_url, "slow") as slow:
        take = numbers.Numbers(lent)
        slow.execute("set lock_timeout = '5s'")
        with slow.transaction():
            mine = take("110101", DAY)
            slow.execute("insert into outbox (key, body) values (%s, '{}')", (mine,))
            with ThreadPoolExecutor(8) as desk:
                given = list(desk.map(lambda _: take("110101", DAY), range(400)))
    assert sorted(given) == [f"11010120261124{n:05}" for n in range(2, 402)]


def test_one_taker_s_numbers_rise(database_url: str) -> None:
    with pool(database_url, "test", 4) as lent:
        take = numbers.Numbers(lent)

        def some(_: int) -> list[str]:
            return [take("110101", DAY) for _ in range(50)]

        with ThreadPoolExecutor(4) as desk:
            for mine in desk.map(some, range(4)):
                assert mine == sorted(mine)


def test_the_hundred_thousandth_of_a_day_is_refused_and_the_last_one_was_given(
    database_url: str,
) -> None:
    with connect(database_url, "test") as conn:
        conn.execute("insert into incident_counter values ('110101', %s, 99998)", (DAY,))
        assert numbers.take(conn, "110101", DAY) == "1101012026112499999"
        for _ in range(2):
            with pytest.raises(NumbersExhausted, match="99999"):
                numbers.take(conn, "110101", DAY)


def test_a_number_taken_inside_a_transaction_is_a_mistake(database_url: str) -> None:
    with (
        connect(database_url, "test") as conn,
        conn.transaction(),
        pytest.raises(RuntimeError, match="never in a transaction"),
    ):
        numbers.take(conn, "110101", DAY)


def test_numbers_taken_ahead_are_each_given_once_and_in_order(database_url: str) -> None:
    with pool(database_url, "test", 4) as lent:
        one, other = numbers.Numbers(lent), numbers.Numbers(lent)
        with ThreadPoolExecutor(4) as desk:
            given = list(desk.map(lambda n: (one, other)[n % 2].ahead("110101", DAY, 3), range(60)))
        assert len(set(given)) == 60
        assert one.ahead("110102", DAY, 1) == "1101022026112400001"
        assert one.ahead("110102", DAY, 1) == "1101022026112400002"


def test_numbers_taken_ahead_are_not_given_after_a_second(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour later a number from before all that others took meanwhile would be out of its order."""
    monkeypatch.setattr(numbers, "AHEAD_S", 0.0)
    with pool(database_url, "test", 4) as lent:
        mine = numbers.Numbers(lent)
        first, second = (int(mine.ahead("110101", DAY, 5)) for _ in range(2))
    assert second - first == 5 * numbers.ROUNDS_AHEAD


def test_near_the_end_of_a_day_numbers_come_one_by_one(database_url: str) -> None:
    with pool(database_url, "test", 4) as lent, connect(database_url, "test") as conn:
        conn.execute("insert into incident_counter values ('110101', %s, 99990)", (DAY,))
        mine = numbers.Numbers(lent)
        assert [mine.ahead("110101", DAY, 5)[-5:] for _ in range(9)] == [
            f"{n}" for n in range(99991, 100000)
        ]
        with pytest.raises(NumbersExhausted):
            mine.ahead("110101", DAY, 5)
