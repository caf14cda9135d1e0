"""The city's policy as data: read, refused with row and reason, written again; what it says of categories and moves."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.errors import DecisionRefused
from incidents.policy import Mark, ParentMay, Policy, SelfClosing
from incidents.standards import tables
from tests.incidents.builders import FLOOD, LITTER


def read(policy: object) -> Policy:
    body = {**tables.seed()["standards"], "policy": policy}
    return tables.read("standards", body).policy


def test_a_body_without_a_policy_has_the_usual_one() -> None:
    assert read(None) == Policy()
    assert read({}) == Policy()


def test_the_usual_policy_is_that_of_the_reference() -> None:
    assert (Policy().max_extensions, Policy().max_suspensions) == (2, 1)
    assert Policy().max_suspension_days == 365
    assert Policy().appeal_for == (Mark.OVERDUE,)
    assert (Policy().max_photos, Policy().max_photos_at_once, Policy().max_snapshots) == (
        60,
        9,
        600,
    )


def test_what_is_written_is_read_again_as_the_same() -> None:
    body = tables.seed()["standards"]
    parsed = tables.read("standards", body)
    assert parsed.policy != Policy()
    again = tables.read("standards", tables.write("standards", parsed))
    assert again == parsed


@pytest.mark.parametrize(
    ("member", "row", "reason"),
    [
        ({"max_extensions": 99}, "policy", "not be over 10"),
        ({"max_photos": 0}, "policy", "at least 1"),
        ({"max_photos_at_once": 21}, "policy", "not be over 20"),
        ({"max_suspension_days": -1}, "policy", "under 0"),
        ({"max_suspensions": True}, "policy", "a whole number"),
        ({"urge_answer": {"amount": 4, "unit": "fortnight"}}, "policy", "fortnight"),
        ({"urge_levels": [{"tell": ["king"]}]}, "policy.urge_levels[0]", "king"),
        ({"urge_levels": [{}]}, "policy.urge_levels[0]", "whom to tell"),
        ({"self_close": [{"categories": ["*"], "action": "eat"}]}, "policy.self_close[0]", "off"),
        ({"self_close": [{"action": "off"}]}, "policy.self_close[0]", "categories"),
        ({"photos": [{"categories": ["no/such/*"], "moves": ["close"]}]}, "policy.photos[0]", "no category"),
        ({"photos": [{"categories": ["*"], "moves": ["fly"]}]}, "policy.photos[0]", "fly"),
        ({"reopen": 3}, "policy", "unknown member reopen"),
        ({"appeal_for": ["weather"]}, "policy", "appeal_for has no weather"),
        ({"appeal_for": "overdue"}, "policy", "a list of texts"),
        ({"parent_may": "rule"}, "policy", "nothing, see or act"),
        ([], "policy", "table of members"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_row_and_a_reason(
    member: dict[str, Any], row: str, reason: str
) -> None:
    with pytest.raises(DecisionRefused) as refused:
        read(member)
    assert any(r == row and reason in why for r, why in refused.value.facts["faults"])


def test_the_first_row_that_fits_says_what_closes_by_itself() -> None:
    rows = [
        {"categories": [FLOOD], "action": "off"},
        {"categories": ["*"], "action": "close", "after_minutes": 5},
    ]
    policy = read({"self_close": rows})
    assert policy.self_closing(FLOOD) is None
    other = policy.self_closing(LITTER)
    assert other is not None
    assert (other.action, other.after_minutes) == (SelfClosing.CLOSE, 5)


def test_what_may_be_appealed_and_what_a_parent_may_do_are_the_citys_word() -> None:
    assert read({"appeal_for": []}).appeal_for == ()
    policy = read({"appeal_for": ["urge", "rework", "urge"], "parent_may": "act"})
    assert (policy.appeal_for, policy.parent_may) == ((Mark.URGE, Mark.REWORK), ParentMay.ACT)


def test_a_photo_is_a_duty_where_the_city_says_so_and_nowhere_else() -> None:
    policy = read({"photos": [{"categories": ["local/*"], "moves": ["report_handled"]}]})
    assert policy.needs_photo("report_handled", FLOOD)
    assert not policy.needs_photo("report_handled", LITTER)
    assert not policy.needs_photo("close", FLOOD)
