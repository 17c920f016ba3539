"""How the customer can be reached: over which channels, why not over others, when best, and which they prefer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.reach import REFUSED, addresses, faults, leave
from profile_store.facets import answers as _answers

CHANNELS: Final = ("email", "sms", "phone", "social")
"""In the order of preference while nothing else is known."""

ENOUGH: Final = 3
"""Messages from which answers tell something."""
STATED: Final = ("preferred_channel", "contact_preference")
"""Traits by which a customer, or somebody for them, says what they prefer."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What became of our messages on a channel: those that are followed, and how fast answers came."""

    messages: int
    opened: float
    clicked: float
    answered: float
    """Shares of the messages. Who clicks or answers has opened."""
    seconds: int | None
    """The median time to an answer; None when there was none."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One channel to one customer."""

    channel: str
    address: str
    """The best address, `type:value`; empty when none is known."""
    why_not: tuple[str, ...] = ()
    """Codes: no-address, hard-bounce, soft-bounces, complaint, blocked, stopped, refused. Empty when reachable."""
    marketing: str = ""
    """Why no offers may go there: '', not-asked, withdrawn or expired."""
    rates: Rates | None = None
    best_hour: int | None = None
    """The hour at which they are most active there, else anywhere, in their own time; None while unknown."""
    preferred: str = ""
    """Of the preferred channel, why: said, answers, writes-there or only-way."""

    @property
    def reachable(self) -> bool:
        """Whether a message can arrive and is not refused."""
        return not self.why_not


def reach(profile: Mapping[str, Any], now: int) -> list[Reach]:
    """Every channel, the preferred one first, then those that are reachable."""
    found = [_channel(profile, channel, now) for channel in CHANNELS]
    name, reason = _preferred(profile, [one for one in found if one.reachable])
    marked = [_marked(one, reason) if one.channel == name else one for one in found]
    return sorted(marked, key=lambda one: (not one.preferred, not one.reachable))


def _marked(one: Reach, reason: str) -> Reach:
    return Reach(one.channel, one.address, one.why_not, one.marketing, one.rates, one.best_hour, reason)


def _channel(profile: Mapping[str, Any], channel: str, now: int) -> Reach:
    why: tuple[str, ...] = ("no-address",)
    best = ""
    for address in addresses(profile, channel):
        found = faults(profile, channel, address, now)
        if not best or not found:
            best, why = address, found
        if not found:
            break
    if _refused(profile, channel, now):
        why = (*why, "refused")
    rates = _rates(profile, channel)
    return Reach(
        channel, best, why, leave(profile, channel, "marketing", now).why_not, rates, best_hour(profile, channel, now)
    )


def _refused(profile: Mapping[str, Any], channel: str, now: int) -> bool:
    """Whether even messages of service were refused."""
    return leave(profile, channel, "service", now).why_not == REFUSED


def _rates(profile: Mapping[str, Any], channel: str) -> Rates | None:
    kept = profile.get(_answers.NAME, {}).get("messages", {}).values()
    sent = [one[1:] for one in kept if one[_answers.CHANNEL] == channel and one[1 + _answers.SENT]]
    if not sent:
        return None
    clicked = sum(1 for one in sent if one[_answers.CLICKED])
    answered = [one for one in sent if one[_answers.ANSWERED]]
    opened = sum(1 for one in sent if any(one[_answers.OPENED :]))
    waits = [max(0, one[_answers.ANSWERED] - one[_answers.SENT]) for one in answered]
    size = len(sent)
    return Rates(
        size,
        round(opened / size, 3),
        round(clicked / size, 3),
        round(len(answered) / size, 3),
        int(median(waits)) if waits else None,
    )


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def best_hour(profile: Mapping[str, Any], channel: str, now: int) -> int | None:
    """The hour around which the customer is most active on a channel, else on all, in their own time."""
    channels = profile.get(_answers.NAME, {}).get("channels", {})
    own = channels.get(channel, [0, 0, 0, 0, []])[_answers.HOURS]
    rows = [own] if sum(own[1::2]) >= ENOUGH else [one[_answers.HOURS] for one in channels.values()]
    hours = [0] * 24
    for row in rows:
        for hour, number in zip(row[::2], row[1::2], strict=True):
            hours[hour] += number
    if not any(hours):
        return None
    # The hours beside it count half, so that a busy evening beats a chance hit at night.
    score = [2 * hours[hour] + hours[hour - 1] + hours[(hour + 1) % 24] for hour in range(24)]
    return _local(profile, score.index(max(score)), now)


def _local(profile: Mapping[str, Any], hour: int, now: int) -> int:
    """An hour in UTC, in the time zone the customer's device named last, as its clocks stand now."""
    said = profile.get("traits", {}).get("timezone")
    zone = _zone(said[0]) if said is not None and isinstance(said[0], str) else None
    if zone is None:
        return hour
    moment = datetime.fromtimestamp(now / 1000, UTC).replace(hour=hour, minute=0)
    return moment.astimezone(zone).hour


def _preferred(profile: Mapping[str, Any], ways: Sequence[Reach]) -> tuple[str, str]:
    """The channel the customer prefers among those that are reachable, and how we know."""
    names = {one.channel for one in ways}
    for trait in STATED:
        register = profile.get("traits", {}).get(trait)
        said = str(register[0]).strip().lower() if register is not None else ""
        if said in names:
            return said, "said"
    if len(names) == 1:
        return next(iter(names)), "only-way"
    ranked = sorted(((_reaction(one.rates), one.channel) for one in ways if one.rates), reverse=True)
    if ranked and ranked[0][0] > 0:
        return ranked[0][1], "answers"
    traffic = profile.get("channels", {})
    wrote = [(traffic[name]["received"], name) for name in sorted(names) if name in traffic]
    if wrote and max(wrote)[0] > 0:
        return max(wrote)[1], "writes-there"
    return "", ""


def _reaction(rates: Rates) -> float:
    """How much the customer reacts on a channel; few messages count little."""
    if rates.messages < ENOUGH:
        return 0.0
    share = rates.answered + rates.clicked / 2 + rates.opened / 4
    return share * rates.messages / (rates.messages + ENOUGH)
