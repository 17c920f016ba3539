"""Matters: what the customer came with and what we promised, over all channels, until it is closed.

`{id: {attribute: [value, time, ref, source]}}`: one register for each attribute a matter was given.

| attribute | value |
|---|---|
| state | open, waiting, solved, closed or reopened |
| opened | when it was opened, in milliseconds |
| subject, owner, priority, channel | text |
| promised | `[what, until]`, until in milliseconds or null; null when it was kept or taken back |

The newest `KEPT` registers stay, of whatever matters. A register is dropped only when `KEPT` newer ones are
there, and what would bring it back is newer itself and says all that the register says: so no order of events
changes what stays. Keeping the newest *matters* instead would depend on the order: one that was dropped and is
spoken of again would come back without its subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.event import Event
from hub.jsonbytes import dumps
from hub.profile import REF, TIME, Register
from profile_store.facets.shapes import first, moment, obj, part, text

NAME: Final = "matters"

KEPT: Final = 120
"""Registers: twenty matters with six attributes."""
LONGEST: Final = 120
"""Characters of a subject and of a promise."""
LONGEST_NAME: Final = 40
"""Characters of an id, an owner, a priority, a channel."""

STATES: Final = {
    **dict.fromkeys(("open", "opened", "new", "created", "in progress", "in_progress"), "open"),
    **dict.fromkeys(("waiting", "pending", "on-hold", "on_hold", "on hold", "hold"), "waiting"),
    **dict.fromkeys(("solved", "resolved"), "solved"),
    **dict.fromkeys(("closed", "done", "cancelled", "canceled"), "closed"),
    **dict.fromkeys(("reopened", "reopen"), "reopened"),
}
"""How desks call the states."""

OVER: Final = frozenset({"solved", "closed"})

_ABOUT: Final = ("case", "ticket", "complaint")
TRACKED: Final = {
    **{f"{what} {did}": "open" for what in _ABOUT for did in ("opened", "created", "submitted")},
    **{f"{what} {did}": "" for what in _ABOUT for did in ("updated", "changed")},
    **{f"{what} {did}": "solved" for what in _ABOUT for did in ("solved", "resolved")},
    **{f"{what} closed": "closed" for what in _ABOUT},
    **{f"{what} reopened": "reopened" for what in _ABOUT},
}
"""Names of tracked events about a matter, in lower case → the state they mean."""

_OURS: Final = frozenset({"agent", "survey", "rule", "timer"})
"""What stands before the dot of a type and is no channel of the customer's."""
_ID: Final = ("id", "case_id", "ticket_id", "complaint_id")
_TEXTS: Final = {
    "subject": ("subject", "title", "topic"),
    "priority": ("priority",),
    "owner": ("owner", "assignee"),
    "channel": ("channel",),
}


def _told(event: Event) -> Iterator[tuple[Mapping[str, Any], str]]:
    """What the event says of matters, each with the state that it means by itself."""
    said = event.data.get("case")
    if isinstance(said, dict):
        yield said, ""
    elif event.type == "web.track":
        name = event.data.get("name")
        means = TRACKED.get(name.lower()) if isinstance(name, str) and len(name) < 40 else None
        if means is not None:
            yield part(event, "properties"), means


def _promise(said: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The promise as an attribute, if the matter was told of one: `null` or an empty one takes it back."""
    if "promise" not in said:
        return []
    promise = said["promise"]
    given = obj(promise)
    what = text(promise, LONGEST) if isinstance(promise, str) else text(given.get("text"), LONGEST)
    until = moment(given.get("until"))
    if given.get("kept") is True or (not what and until is None):
        return [("promised", None)]
    return [("promised", [what, until])]


def _attributes(said: Mapping[str, Any], means: str, event: Event, ms: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = _promise(said)
    state = STATES.get(text(first(said, ("state", "status")), 20).lower(), means)
    if state:
        found.append(("state", state))
    opened = moment(first(said, ("opened", "opened_at", "created_at")))
    if opened is not None or state == "open":
        found.append(("opened", ms if opened is None else opened))
    for attribute, names in _TEXTS.items():
        value = text(first(said, names), LONGEST if attribute == "subject" else LONGEST_NAME)
        if value:
            found.append((attribute, value))
        elif attribute == "channel" and state == "open" and event.channel not in _OURS:
            found.append((attribute, event.channel))
    return found


def _later(one: Register | None, other: Register) -> Register:
    if one is None or (other[TIME], other[REF], dumps(other)) > (one[TIME], one[REF], dumps(one)):
        return other
    return one


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Note what the event says of a matter. Without an id it is a matter of its own, by the event's short name."""
    for said, means in _told(event):
        attributes = _attributes(said, means, event, ms)
        if not attributes:
            continue
        id = text(first(said, _ID), LONGEST_NAME) or ref
        matters = profile.setdefault(NAME, {})
        matter = matters.setdefault(id, {})
        for attribute, value in attributes:
            matter[attribute] = _later(matter.get(attribute), [value, ms, ref, event.type])
        _bound(matters)


def _bound(matters: dict[str, dict[str, Register]]) -> None:
    if sum(map(len, matters.values())) <= KEPT:
        return
    ranked = sorted(
        (register[TIME], register[REF], id, attribute)
        for id, matter in matters.items()
        for attribute, register in matter.items()
    )
    for _, _, id, attribute in ranked[:-KEPT]:
        del matters[id][attribute]
        if not matters[id]:
            del matters[id]


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add what the other profile knows of matters; of the same matter, the newer statement on each attribute."""
    if NAME not in other:
        return
    matters = into.setdefault(NAME, {})
    for id, theirs in other[NAME].items():
        ours = matters.setdefault(id, {})
        for attribute, register in theirs.items():
            value, *rest = _later(ours.get(attribute), register)
            ours[attribute] = [list(value) if isinstance(value, list) else value, *rest]
    _bound(matters)
