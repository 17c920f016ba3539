"""Open matters: who may open and close them, promises, and that forgetting does not depend on the order."""

from __future__ import annotations

from itertools import permutations
from typing import Any
from unittest.mock import patch

import pytest

from hub.event import Event
from profile_store.facets import matters
from profile_store.insight import mood
from tests.unit.facets import folded, merged, told, tracked

UNTIL = 1_770_163_199_999
"""The end of 3 February 2026."""


def said(*events: Event) -> dict[str, dict[str, Any]]:
    """What each matter's attributes say after these events."""
    found = folded(matters, events).get("matters", {})
    return {id: {name: register[0] for name, register in matter.items()} for id, matter in found.items()}


def case(number: int = 0, *, kind: str = "agent.wrap-up", minute: int | None = None, **what: Any) -> Event:
    return told(kind, number, minute=number if minute is None else minute, case=what)


def test_a_matter_from_its_opening_to_its_end() -> None:
    opened = case(1, kind="email.received", id="A-7", state="new", subject="Broken lamp", priority="high")
    promised = case(2, id="A-7", state="pending", owner="Mina", promise={"text": "Call back", "until": "2026-02-03"})
    done = case(3, id="A-7", promise={"text": "Call back", "kept": True})
    solved = tracked("Ticket Resolved", 4, minute=4, ticket_id="A-7")
    again = case(5, id="A-7", state="reopened")
    states = {}
    for end, name in ((1, "opened"), (2, "promised"), (3, "done"), (4, "solved"), (5, "again")):
        states[name] = mood.matters(folded(matters, [opened, promised, done, solved, again][:end]))[0]
    assert states["opened"] == {
        **{"id": "A-7", "state": "open", "subject": "Broken lamp", "channel": "email", "priority": "high"},
        **{"owner": None, "opened": opened.ms, "promised": None, "changed": opened.ms, "source": "email.received"},
    }
    waiting = {"state": "waiting", "owner": "Mina", "promised": {"text": "Call back", "until": UNTIL}}
    assert states["promised"] == states["opened"] | waiting | {"changed": promised.ms, "source": "agent.wrap-up"}
    assert states["done"]["promised"] is None
    assert (states["solved"]["state"], states["solved"]["source"]) == ("solved", "web.track")
    assert (states["again"]["state"], states["again"]["opened"]) == ("reopened", opened.ms)
    assert mood.open_matters(folded(matters, [opened, solved])) == []
    assert [one["id"] for one in mood.open_matters(folded(matters, [opened, solved, again]))] == ["A-7"]


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (
            tracked("Case Opened", case_id=7, title="Late"),
            {"7": {"state": "open", "subject": "Late", "channel": "web"}},
        ),
        (tracked("Complaint Submitted", id="c", status="waiting"), {"c": {"state": "waiting"}}),
        (tracked("Case Updated", id="c", assignee="Omid"), {"c": {"owner": "Omid"}}),
        (tracked("Ticket Closed", id="c"), {"c": {"state": "closed"}}),
        (tracked("Order Completed", id="c", state="open"), {}),
        (told("agent.note", case={"id": "c", "state": "strange"}), {}),
        (told("agent.note", case={"id": "c"}), {}),
        (told("agent.note", case="c"), {}),
        (told("agent.note", case={"id": "c", "promise": None}), {"c": {"promised": None}}),
        (
            told("agent.note", case={"id": "c", "promise": "Send a new one"}),
            {"c": {"promised": ["Send a new one", None]}},
        ),
        (told("agent.note", case={"id": "c", "promise": {"until": UNTIL}}), {"c": {"promised": ["", UNTIL]}}),
        (
            told("agent.note", case={"id": "c", "promise": {"text": "x", "until": "soon"}}),
            {"c": {"promised": ["x", None]}},
        ),
    ],
)
def test_what_speaks_of_a_matter(event: Event, wanted: dict[str, Any]) -> None:
    opened = {"opened": event.ms}
    expected = {id: matter | (opened if matter.get("state") == "open" else {}) for id, matter in wanted.items()}
    assert said(event) == expected


def test_a_matter_without_an_id_has_the_name_of_its_event() -> None:
    note = told("agent.note", 3, case={"promise": {"text": "Call on Monday"}})
    assert said(note) == {note.ref: {"promised": ["Call on Monday", None]}}
    assert said(note, case(4, id=note.ref, state="done"))[note.ref]["state"] == "closed"


def test_the_opening_that_the_sender_names_counts() -> None:
    later = case(9, id="a", state="open", opened="2026-01-30T08:00:00Z")
    assert said(later)["a"]["opened"] == 1_769_760_000_000


def test_promises_come_first_by_when_they_are_due() -> None:
    events = [
        case(1, id="later", state="open", promise={"text": "x", "until": UNTIL + 5}),
        case(2, id="soon", state="open", promise={"text": "x", "until": UNTIL}),
        case(3, id="some day", state="open", promise={"text": "x"}),
        case(4, id="none", state="open"),
        case(5, id="over", state="closed", promise={"text": "x", "until": 1}),
    ]
    assert [one["id"] for one in mood.open_matters(folded(matters, events))] == ["soon", "later", "none", "some day"]


def test_what_is_forgotten_does_not_depend_on_the_order() -> None:
    """The order that a bound on whole matters gets wrong: `a` is pushed out, and spoken of again."""
    events = [case(1, id="a", subject="Lamp"), case(2, id="b", state="open"), case(3, id="a", state="waiting")]
    with patch.object(matters, "KEPT", 2):
        wanted = folded(matters, events)
        assert set(wanted["matters"]) == {"a", "b"}
        for order in permutations(events):
            assert folded(matters, order) == wanted
            assert merged(matters, [folded(matters, order[:1]), folded(matters, order[1:])]) == wanted


def test_twenty_matters_are_kept_whole() -> None:
    whole: dict[str, Any] = {
        "state": "waiting",
        "subject": "s",
        "owner": "o",
        "priority": "p",
        "channel": "web",
        "promise": "x",
    }
    events = [case(number, id=f"m{number:02d}", **whole) for number in range(25)]
    found = folded(matters, events)["matters"]
    assert sorted(found) == [f"m{number:02d}" for number in range(5, 25)]
    assert all(len(matter) == 6 for matter in found.values())
    assert [one["id"] for one in mood.matters({"matters": found})][:2] == ["m24", "m23"]
