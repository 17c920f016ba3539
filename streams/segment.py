"""Who is in which segment after an event. Memberships lie in the customer's document, beside its timers; what can
change by time alone is asked again by one timer a customer, which comes back through the log as the rules' waits do.

A timer that is set for an earlier moment than needed stays: it asks, finds when to ask next, and is set again. So an
event that only moves a moment further away writes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from hub import ids
from hub.event import Event
from hub.profile import Profile
from profile_store import stage
from profile_store.draft import Draft
from profile_store.timeline import encode
from rules.decision import Timer
from rules.membership import NONE, Change, Mark, Segments
from streams.decide import wait
from streams.decode import Incoming
from streams.timers import due_event

SLOT: Final = "segments"
SOURCE: Final = "/segments"
ENTERED: Final = "segment.entered"
LEFT: Final = "segment.left"
TIMER_DUE: Final = "timer.due"


def look(segments: Segments, profile: Profile, event: Event, now: int, *, before: Mark) -> Change:
    """What an event, which the profile contains, does to the customer's memberships. Pure.

    `before` is what `mark` said of the profile before the event was folded into it.
    """
    if event.type == TIMER_DUE and event.data.get("slot") == SLOT:
        waiting = profile["timers"].get(SLOT)
        ours = waiting is not None and waiting[0] == event.data.get("timer")
        # One that nobody waits for is how `anew` asks.
        return segments.ask_aged(profile, now) if ours else segments.ask_all(profile, now)
    return segments.ask(profile, now, segments.touched(event, profile, before))


def segment(segments: Segments, draft: Draft, incoming: Incoming, before: Mark) -> None:
    """Note in the draft which segments the customer enters and leaves by an event."""
    now = moment(draft.profile, incoming)
    change = look(segments, draft.profile, incoming.event, now, before=before)
    if change is not NONE:
        note(draft, change, incoming, now)


def aged(segments: Segments, draft: Draft, incoming: Incoming) -> None:
    """Note what becomes of memberships by a timer that comes due again and is still waited for.

    A rebuild reads the partitions in another order than they were written: then a timer's event may come before the
    event that sets the timer, and it comes due once more.
    """
    waiting, data = draft.profile["timers"].get(SLOT), incoming.event.data
    if waiting is not None and data.get("slot") == SLOT and waiting[0] == data.get("timer"):
        now = moment(draft.profile, incoming)
        note(draft, segments.ask_aged(draft.profile, now), incoming, now)


def regrouped(segments: Segments, draft: Draft, incoming: Incoming) -> None:
    """Note what becomes of a customer's memberships after customers became one, or one became several."""
    now = moment(draft.profile, incoming)
    note(draft, segments.ask_all(draft.profile, now), incoming, now)


def anew(customer: str, version: str, tenant: str) -> Event:
    """The event that asks a customer about all segments, after other segments came into force.

    Sent again for the same version it is a repeat.
    """
    return due_event(customer, SLOT, ids.digest(f"{SLOT}\n{customer}\n{version}"), tenant)


def moment(profile: Profile, incoming: Incoming) -> int:
    """When memberships are looked at: on receipt, since an event of last year makes nobody a customer of this month."""
    now = max(incoming.ms, incoming.received)
    data = incoming.event.data
    waiting = profile["timers"].get(SLOT) if data.get("slot") == SLOT else None
    return max(now, int(waiting[1])) if waiting is not None and waiting[0] == data.get("timer") else now


def note(draft: Draft, change: Change, incoming: Incoming, now: int) -> None:
    """Write a change down: memberships, what is said about it, and when to ask again."""
    profile = draft.profile
    members = profile["segments"]
    for name in change.gone:
        members.pop(name, None)
    for name in change.left:
        since = members.pop(name)
        _tell(draft, told(LEFT, profile["id"], (name, since), now, incoming.event), now, incoming)
    for name in change.entered:
        members[name] = now
        _tell(draft, told(ENTERED, profile["id"], (name, now), now, incoming.event), now, incoming)
    if change.entered or change.left or change.gone:
        profile["stage"] = stage.of(profile)
    due = change.due
    if due is not None and _earlier(profile, due, incoming.event):
        # Its name is the event's id when it comes back, so it must be of this customer and this moment alone.
        wait(draft, Timer(SLOT, ids.digest(f"{SLOT}\n{profile['id']}\n{due}"), due, SOURCE, {}))


def told(kind: str, customer: str, member: tuple[str, int], now: int, cause: Event) -> Event:
    """The event that a customer entered or left a segment; `member` is the segment, and since when.

    Of one entry, or one leaving, it is always the same event. What happens is named by its cause: within the same
    millisecond somebody may enter, leave and enter again.
    """
    return moved(kind, customer, member, now, cause.tenant, cause=cause.id, called=f"{cause.source}\n{cause.id}")


def moved(
    kind: str, customer: str, member: tuple[str, int], now: int, tenant: str, *, cause: str, called: str
) -> Event:
    """The same, whatever led to it: `cause` is what is said of that, `called` tells it from all others."""
    name, since = member
    when = datetime.fromtimestamp(now / 1000, UTC)
    return Event(
        id=ids.event_id(SOURCE, f"{kind}\n{name}\n{customer}\n{called}"),
        source=SOURCE,
        type=kind,
        time=when,
        subject=f"customer:{customer}",
        receivedat=when,
        tenant=tenant,
        data={"identities": [], "name": name, "since": since, "cause": cause},
    )


def _tell(draft: Draft, event: Event, now: int, incoming: Incoming) -> None:
    """Leave it for the log, and a line in the timeline. What is found again in a replay was told long ago."""
    if incoming.replayed:
        return
    draft.outbox[f"event:{event.id}"] = event.to_json()
    draft.rows.append(
        encode(event.id, now, event.type, str(event.data["name"]), {"cause": event.data["cause"]}, owner=draft.root)
    )


def _earlier(profile: Profile, due: int, event: Event) -> bool:
    """Whether the timer that is set comes too late, or is the one that came due just now."""
    waiting = profile["timers"].get(SLOT)
    if waiting is None or waiting[1] > due:
        return True
    return event.type == TIMER_DUE and event.data.get("timer") == waiting[0]
