"""The ways an agent can write: what the rules may not reach for good, an agent cannot either."""

from __future__ import annotations

from typing import Any

import pytest

from desk.reach import way_to
from hub.profile import Profile, empty

MAIL, OTHER, CALL = "email:a@example.org", "email:b@example.org", "phone:+491700000000"
NOW = 1_000_000


def customer(reach: dict[str, Any], *identities: str) -> Profile:
    profile = empty("c1")
    for one in identities or (MAIL, CALL):
        profile["identities"][one] = {"verified": True, "first": 0, "last": 0}
    profile["permission"] = {"reach": reach}
    return profile


@pytest.mark.parametrize(
    ("where", "facts", "closed"),
    [
        (f"email/{MAIL}", {"hard": [1, 5, "r", "5.1.1"]}, "hard-bounce"),
        (f"email/{MAIL}", {"hard": [1, 5, "r", "5.1.1"], "ok": 6}, ""),
        (f"email/{MAIL}", {"complaint": [1, 5, "r", ""]}, ""),
        (f"sms/{CALL}", {"stop": [1, 5, "r", ""]}, "stopped"),
        (f"sms/{CALL}", {"stop": [1, 5, "r", ""], "start": [1, 6, "r", ""]}, ""),
        (f"sms/{CALL}", {"blocked": [1, 5, "r", "30004"]}, "blocked"),
    ],
)
def test_an_address_at_which_nothing_arrives_is_closed(where: str, facts: dict[str, Any], closed: str) -> None:
    way = way_to(customer({where: facts}), where.partition("/")[0], "", NOW)
    assert way is not None
    assert way.closed == closed


def test_another_address_that_works_is_taken_instead() -> None:
    way = way_to(customer({f"email/{OTHER}": {"hard": [1, 5, "r", ""]}}, MAIL, OTHER), "email", "", NOW)
    assert way is not None
    assert (way.to, way.closed) == (MAIL, "")
