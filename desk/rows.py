"""The timeline as people read it: steps of one call, one visit or one message put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from desk.ports import Row

VISIT: Final = 30 * 60_000
"""Milliseconds between two page views that belong to one visit."""

ICONS: Final = {
    "email": "mail",
    "sms": "message-square",
    "social": "message-circle",
    "social.comment": "at-sign",
    "social.mention": "at-sign",
    "social.reaction": "heart",
    "web": "globe",
    "web.track": "mouse-pointer-click",
    "web.identify": "user-check",
    "web.group": "users",
    "web.alias": "link",
    "phone": "phone",
    "phone.ringing": "phone-incoming",
    "phone.input": "hash",
    "phone.ended": "phone-off",
    "phone.missed": "phone-missed",
    "agent.note": "sticky-note",
    "agent.wrap-up": "check-check",
    "survey": "star",
    "consent.given": "bell",
    "consent.withdrawn": "bell-off",
    "identity.merged": "link",
    "identity.unmerged": "unlink",
    "rule.held": "bell-off",
    "timer": "clock",
}
SAID: Final = frozenset({"received", "message", "comment", "mention"})
"""What stands after the dot of types in which the customer speaks."""
STATES: Final = {"sent": 1, "delivered": 2, "opened": 3, "read": 3, "clicked": 3, "failed": 4, "bounced": 4}
"""What became of a message of ours; the highest one counts."""
CHANNELS: Final = frozenset({"email", "sms", "social", "phone"})
SPOKEN: Final = frozenset({"rule.fired", "agent.reply"})
"""We said something: what became of it joins this row."""
HIDDEN: Final = frozenset({"timer.due"})
"""Bookkeeping that tells an agent nothing."""


@dataclass(slots=True)
class Entry:
    """What is shown as one: a message with its states, a call with its steps, a visit with its pages, or a row."""

    id: str
    time: int
    kind: str
    """said, sent, held, note, call, visit, act or fault."""
    icon: str
    rows: list[Row]
    """Newest first."""
    state: str = ""
    """Of a message of ours: '', sent, delivered, read, failed, or unknown."""
    failure: str = ""
    subject: str = ""
    pages: list[tuple[str, int]] = field(default_factory=list)
    """Of a visit: names and how often, in the order of the first look."""

    @property
    def row(self) -> Row:
        """The newest row in it."""
        return self.rows[0]

    @property
    def channel(self) -> str:
        """The customer's channel it went through."""
        said = self.row["data"].get("channel")
        return said if isinstance(said, str) and said else self.row["type"].partition(".")[0]

    @property
    def stamp(self) -> str:
        """Changes whenever what is shown changes."""
        return f"{self.kind} {self.state} {self.failure} {self.subject} {' '.join(row['id'] for row in self.rows)}"

    def first(self, name: str) -> Any:
        """The newest thing the rows say under this name."""
        return next((row["data"][name] for row in self.rows if row["data"].get(name) not in (None, "")), None)


def entries(rows: Sequence[Row], beside: Sequence[Row] | None = None) -> list[Entry]:
    """Rows, newest first, as entries, newest first.

    Where the rows are chosen, `beside` are others that may tell what became of them; of a message that is not among
    those either, nobody knows.
    """
    found: list[Entry] = []
    open_groups: dict[str, Entry] = {}
    messages, states = _deliveries(rows, (*rows, *(beside or ())))
    known = None if beside is None else {row["id"] for row in beside}
    for row in rows:
        if row["type"] in HIDDEN or (_trigger(row) in messages and _state(row)):
            continue
        group = _group(row, found[-1] if found else None)
        entry = open_groups.get(group) if group else None
        if entry is None:
            entry = _entry(row)
            found.append(entry)
            if group:
                open_groups[group] = entry
        else:
            entry.rows.append(row)
            entry.id = row["id"]  # the oldest row names the group: it stays while newer ones join
    for entry in found:
        _finish(entry, messages, states)
        if entry.kind == "sent" and not entry.state and known is not None and entry.row["id"] not in known:
            entry.state = "unknown"
    return found


def call_id(row: Row) -> str:
    """The call a row is a step of; empty when it is none."""
    call = row["data"].get("call")
    name = call.get("id") if isinstance(call, dict) else call
    return name if isinstance(name, str) else ""


def _trigger(row: Row) -> str:
    said = row["data"].get("trigger")
    return said if isinstance(said, str) else ""


def _state(row: Row) -> int:
    channel, _, what = row["type"].partition(".")
    return STATES.get(what, 0) if channel in CHANNELS else 0


def _deliveries(rows: Sequence[Row], beside: Sequence[Row]) -> tuple[dict[str, str], dict[str, Row]]:
    """The triggers whose message is on this page with its subject, and the furthest state of each."""
    messages = {_trigger(row): "" for row in rows if row["type"] in SPOKEN and _trigger(row)}
    states: dict[str, Row] = {}
    for row in (*rows, *beside):
        trigger = _trigger(row)
        if trigger in messages and isinstance(row["data"].get("subject"), str):
            messages[trigger] = row["data"]["subject"]
        if trigger in messages and _state(row) > (_state(states[trigger]) if trigger in states else 0):
            states[trigger] = row
    return messages, states


def _group(row: Row, newest: Entry | None) -> str:
    """The name of what this row is a part of; empty when it stands alone."""
    channel, _, what = row["type"].partition(".")
    if channel == "phone":
        return f"call {call_id(row)}" if call_id(row) else ""
    if channel == "web" and what in ("page", "screen") and newest is not None and newest.kind == "visit":
        together = newest.rows[-1]["time"] - row["time"] <= VISIT
        return f"visit {newest.rows[0]['id']}" if together else f"visit {row['id']}"
    return f"visit {row['id']}" if channel == "web" and what in ("page", "screen") else ""


def _kind(row: Row) -> str:
    channel, _, what = row["type"].partition(".")
    if channel in CHANNELS and what in SAID:
        return "said"
    if row["type"] in SPOKEN:
        return "sent"
    if channel == "phone":
        return "call"
    if channel == "web" and what in ("page", "screen"):
        return "visit"
    kinds = {"rule.held": "held", "agent.note": "note", "phone.missed": "fault"}
    return kinds.get(row["type"], "fault" if what in ("failed", "bounced", "complained") else "act")


def _entry(row: Row) -> Entry:
    channel = row["type"].partition(".")[0]
    if row["type"] in SPOKEN:
        channel = str(row["data"].get("channel") or channel)
    icon = ICONS.get(row["type"]) or ICONS.get(channel, "circle-question-mark")
    return Entry(row["id"], row["time"], _kind(row), icon, [row])


def _finish(entry: Entry, messages: dict[str, str], states: dict[str, Row]) -> None:
    row = entry.row
    entry.subject = messages.get(_trigger(row)) or str(row["data"].get("subject") or "")
    if entry.kind == "sent" and (last := states.get(_trigger(row))):
        entry.state = {1: "sent", 2: "delivered", 3: "read", 4: "failed"}[_state(last)]
        entry.failure = str(last["data"].get("reason") or last["text"] or "") if entry.state == "failed" else ""
    if entry.kind == "visit":
        counts: dict[str, int] = {}
        for one in reversed(entry.rows):
            name = str(one["data"].get("name") or one["text"] or one["data"].get("url") or "")
            counts[name] = counts.get(name, 0) + 1
        entry.pages = list(counts.items())


def matters(row: Row) -> bool:
    """Whether somebody who is writing should read this first: the customer or a colleague spoke."""
    return _kind(row) in ("said", "note") or row["type"] in ("agent.reply", "phone.ringing", "consent.withdrawn")
