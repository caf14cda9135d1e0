"""The fixtures of tests/conftest.py give what they promise."""

import psycopg
import pytest
from kafka.admin import KafkaAdminClient, NewTopic

pytestmark = pytest.mark.real


@pytest.mark.parametrize("round_", [1, 2])
def test_each_test_has_a_database_of_its_own(database_url: str, round_: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE only_here (round integer)")
        connection.execute("INSERT INTO only_here VALUES (%s)", (round_,))
        found = connection.execute("SELECT count(*) FROM only_here").fetchone()
    assert found == (1,)


@pytest.mark.parametrize("round_", [1, 2])
def test_each_test_begins_without_topics(kafka: str, round_: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        assert [name for name in admin.list_topics() if not name.startswith("__")] == []
        admin.create_topics([NewTopic(f"city.round.{round_}", 2, 1), NewTopic("city.same", 1, 1)])
        assert "city.same" in admin.list_topics()
    finally:
        admin.close()
