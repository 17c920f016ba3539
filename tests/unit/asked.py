"""Asking one condition in every way there is, and a rule to ask it in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from pydantic import TypeAdapter

from hub.profile import Profile, empty
from rules.compile import compiled
from rules.conditions import Condition
from rules.model import Rule
from rules.reference import ask
from rules.scene import Scene

READ: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)
NOON: Final = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
"""A Thursday."""
SMS: Final[dict[str, Any]] = {"channel": "sms", "purpose": "service", "text": "Hello"}


def answer(raw: Any, data: dict[str, Any], profile: Profile | None = None, **scene: Any) -> bool | None:
    """The answer of the slow reading, with which both closures must agree."""
    node, one = READ.validate_python(raw), profile or empty("c1")
    seen = Scene(*("e1", "email.received", "/s", "email:x", "default", data, NOON), **{"now": NOON, **scene})
    found = ask(node, seen, one).answer
    assert compiled(node)(data, one, seen) is (found is True)
    assert compiled(node, holds=False)(data, one, seen) is (found is False)
    return found


def rule(condition: Any, **more: Any) -> Rule:
    """A rule of which only the condition matters."""
    return Rule.model_validate({"id": "r", "name": "r", "on": "web.identify", "send": SMS, "if": condition, **more})
