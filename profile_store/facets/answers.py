"""Answers: on which channels the customer reacts to us, how quickly, and at which hours they are active.

`{"channels": {channel: [sent, opened, clicked, answered, hours]}, "messages": {name: [channel, sent, opened,
clicked, answered]}}`. *Channels* counts events; *hours* is flat, `[hour, number, hour, number, …]` in UTC, of what
the customer did: where they are is known at reading only, and clocks change.

*Messages* pairs ours with what came of them: the earliest second of each, 0 while there was none, whichever comes
first. The answers themselves say what they answer, so the key is made of that. It is bounded by the key, a hash:
up to KEPT messages all are there, beyond them an even sample, from which shares and times are still read rightly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.event import Event
from hub.ids import digest
from profile_store.facets.carry import smallest, text

NAME: Final = "answers"

KEPT: Final = 16
"""Messages whose fate is followed."""

SENT, OPENED, CLICKED, ANSWERED, HOURS = range(5)
CHANNEL: Final = 0
"""Of a message: the channel stands first, then seconds of what happened, in the same order as the counts."""

CHANNELS: Final = ("email", "sms", "phone", "social", "web")

HAPPENED: Final[Mapping[str, int]] = {
    **{f"{channel}.sent": SENT for channel in CHANNELS},
    **{f"{channel}.opened": OPENED for channel in CHANNELS},
    **{f"{channel}.read": OPENED for channel in CHANNELS},
    **{f"{channel}.clicked": CLICKED for channel in CHANNELS},
    "email.received": ANSWERED,
    "sms.received": ANSWERED,
    "social.message": ANSWERED,
    "social.reaction": ANSWERED,
    "phone.answered": ANSWERED,
}
"""What an event means for the message that it names."""

ACTIVE: Final = frozenset(
    {"email.received", "sms.received", "social.message", "social.comment", "social.mention", "social.reaction"}
    | {"phone.ringing", "phone.input", "web.page", "web.screen", "web.track"}
    | {name for name, what in HAPPENED.items() if what in (OPENED, CLICKED)}
)
"""What only the customer can have done, at the hour at which it happened."""

_HOUR: Final = 3_600_000
_NAMED: Final = {
    "email": ("trigger", "in_reply_to", "message"),
    "sms": ("trigger", "in_reply_to", "message"),
    "phone": ("trigger",),
    "social": ("in_reply_to", "reply_to", "message", "trigger"),
}
"""By what a channel's events name our message. Networks know their own ids only; mail comes back under ours."""
_ANSWERS: Final = {
    "email": ("trigger", "in_reply_to"),
    "sms": ("trigger", "in_reply_to"),
    "phone": ("trigger",),
    "social": ("in_reply_to", "reply_to", "trigger"),
}
"""Of what the customer wrote, `message` is its own name."""


def _message(event: Event, channel: str, what: int) -> str:
    """The name of our message that the event is about; empty when it names none."""
    own = what == ANSWERED and event.type != "social.reaction"
    names = (_ANSWERS if own else _NAMED).get(channel, ())
    return next((said for name in names if (said := text(event.data.get(name), 300))), "")


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Note what the event says about one of our messages, and that the customer was active."""
    kind = event.type
    what = HAPPENED.get(kind)
    if (what is None and kind not in ACTIVE) or event.data.get("automatic") is True:
        return
    channel = event.channel
    message = "" if what is None else _message(event, channel, what)
    if what == ANSWERED and not message and kind not in ACTIVE:
        return  # a call of theirs was answered, by one of us
    kept = profile.setdefault(NAME, {})
    counts = kept.setdefault("channels", {}).setdefault(channel, [0, 0, 0, 0, []])
    if kind in ACTIVE:
        _tick(counts[HOURS], ms // _HOUR % 24)
    if what is None or (what == ANSWERED and not message):
        return
    counts[what] += 1
    if message:
        seconds = [0, 0, 0, 0]
        seconds[what] = max(1, ms // 1000)
        _follow(kept.setdefault("messages", {}), digest(message, 4), [channel, *seconds])


def known(profile: Mapping[str, Any], event: Event) -> bool:
    """Whether the profile has it already that this became of one of our messages, as far as it follows that one."""
    what = HAPPENED.get(event.type)
    message = "" if what is None else _message(event, event.channel, what)
    if what is None or not message:
        return False
    found = profile.get(NAME, {}).get("messages", {}).get(digest(message, 4))
    return found is not None and bool(found[1 + what])


def _tick(hours: list[int], hour: int) -> None:
    """Count one up; this is done for nearly every event."""
    for at in range(0, len(hours), 2):
        if hours[at] >= hour:
            if hours[at] == hour:
                hours[at + 1] += 1
            else:
                hours[at:at] = [hour, 1]
            return
    hours += [hour, 1]


def _hours(ours: list[int], theirs: list[int]) -> list[int]:
    """Both counters of hours together, in the order of the hours."""
    found = dict(zip(ours[::2], ours[1::2], strict=True))
    for hour, number in zip(theirs[::2], theirs[1::2], strict=True):
        found[hour] = found.get(hour, 0) + number
    return [part for hour in sorted(found) for part in (hour, found[hour])]


def _follow(messages: dict[str, list[Any]], name: str, theirs: list[Any]) -> None:
    ours = messages.get(name)
    if ours is None:
        messages[name] = list(theirs)
    else:
        earliest = [min(filter(None, pair), default=0) for pair in zip(ours[1:], theirs[1:], strict=True)]
        messages[name] = [min(ours[CHANNEL], theirs[CHANNEL]), *earliest]
    smallest(messages, KEPT)


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add what the other profile knows of answers."""
    theirs = other.get(NAME)
    if theirs is None:
        return
    ours = into.setdefault(NAME, {})
    for channel, counts in theirs.get("channels", {}).items():
        mine = ours.setdefault("channels", {}).setdefault(channel, [0, 0, 0, 0, []])
        sums = [one + more for one, more in zip(mine[:HOURS], counts[:HOURS], strict=True)]
        ours["channels"][channel] = [*sums, _hours(mine[HOURS], counts[HOURS])]
    for name, message in theirs.get("messages", {}).items():
        _follow(ours.setdefault("messages", {}), name, message)
