"""Scores from 0 to 1: how likely a customer is to leave, and to buy. Each says by which model and why.

A model is any function of profile and moment; the setting `scores` replaces those in DEFAULT_MODELS or adds to them
(models.py). A score that an event brought is taken instead, under any name, while it has not expired.

*Churn* (model `gap-1`): 1 − 2^(−silence / twice the usual gap). So a customer who has been silent for twice as long
as they usually are is at one half. The gap is theirs: between orders, else between messages and visits, but at least
a week; 30 days where neither is known. Who refused all messages is a quarter nearer to leaving, who complained of
them likewise.

*Propensity to buy* (model `signs-1`): signs are independent chances, p = 1 − (1 − a)(1 − b)…: a cart or checkout
since the last order 0.5, halved every 3 days; products looked at 0.2, halved every 7 days; it being time again, from
0.8 to 1.5 usual gaps after the last order, 0.25; having bought at all 0.05.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from profile_store.facets import permission as _permission
from profile_store.facets import scores as _scores
from profile_store.insight.value import DAY, Value, value

BOUGHT: Final = ("web.track/Order Completed",)
CHOOSING: Final = ("web.track/Product Added", "web.track/Checkout Started", "web.track/Cart Viewed")
LOOKING: Final = ("web.track/Product Viewed", "web.track/Products Searched", "web.track/Product List Viewed")

SHORTEST_GAP: Final = 7.0
UNKNOWN_GAP: Final = 30.0
"""Days."""
_ENOUGH: Final = 6
"""Orders from which the usual gap is trusted."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a model thinks, and why."""

    model: str
    value: float
    confidence: float
    """How far the model trusts itself, from 0 to 1."""
    reasons: tuple[str, ...] = ()
    """Codes in words, the weightiest first."""
    time: int = 0
    """When it was made, in milliseconds; 0 when it was just computed."""
    until: int | None = None


Model: TypeAlias = Callable[[Mapping[str, Any], int], Score | None]
"""Takes a profile and a moment; None when it has nothing to say."""


def newest(profile: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """When one of these kinds of events last happened, in milliseconds; 0 for never."""
    latest = profile.get("latest", {})
    return max((latest[name][1] for name in names if name in latest), default=0)


def _gap(profile: Mapping[str, Any], worth: Value) -> tuple[float, float, str, int]:
    """The usual gap in days, how far it is trusted, where it comes from, and when the customer last did that."""
    traffic = profile.get("channels", {}).values()
    orders = sum(one.orders for one in worth.money.values())
    seen = max((one["last_received"] for one in traffic), default=0)
    if worth.gap_days is not None:
        bought = max(one.last for one in worth.money.values())
        return max(SHORTEST_GAP, worth.gap_days), min(1.0, orders / _ENOUGH), "by-orders", bought
    times = sum(one["received"] for one in traffic)
    last, first = max(seen, profile.get("last", 0)), profile.get("first", 0)
    if times > 1 and seen > first:
        return max(SHORTEST_GAP, (seen - first) / (times - 1) / DAY), min(0.5, times / 40), "by-visits", seen
    return UNKNOWN_GAP, 0.1, "by-default", last


def churn(profile: Mapping[str, Any], now: int) -> Score | None:
    """How likely it is that the customer has left. None of a customer who never did anything."""
    worth = value(profile, now)
    gap, trust, source, last = _gap(profile, worth)
    if not last:
        return None
    silence = max(0, now - last) / DAY
    stay = 2 ** (-silence / (2 * gap))
    reasons = ["silent-longer-than-usual" if silence > gap else "within-usual-gap", source]
    if _refused_all(profile):
        stay *= 0.75
        reasons.append("refused-all-messages")
    if _complained(profile):
        stay *= 0.75
        reasons.append("complained-of-messages")
    return Score("gap-1", round(1 - stay, 3), round(trust, 2), tuple(reasons))


def _refused_all(profile: Mapping[str, Any]) -> bool:
    consent = profile.get("consent", {})
    everywhere = [consent.get(f"any/{purpose}") for purpose in ("all", "marketing")]
    each = [consent.get(f"{channel}/marketing") for channel in ("email", "sms", "phone", "social")]
    closed = [register is not None and register[0] is False for register in each]
    return any(one is not None and one[0] is False for one in everywhere) or all(closed)


def _complained(profile: Mapping[str, Any]) -> bool:
    reach = profile.get(_permission.NAME, {}).get("reach", {})
    return any("complaint" in facts for facts in reach.values())


def propensity(profile: Mapping[str, Any], now: int) -> Score | None:
    """How likely the customer is to buy soon. None of a customer who showed no sign at all."""
    worth = value(profile, now)
    ordered = max((one.last for one in worth.money.values() if one.orders), default=0)
    bought = max(ordered, newest(profile, BOUGHT))
    chose, looked = newest(profile, CHOOSING), newest(profile, LOOKING)
    signs: list[tuple[float, str]] = []
    if chose > bought:
        signs.append((0.5 * 2 ** (-max(0, now - chose) / DAY / 3), "chose-products"))
    if looked > bought:
        signs.append((0.2 * 2 ** (-max(0, now - looked) / DAY / 7), "looked-at-products"))
    if worth.gap_days and worth.recency_days is not None and 0.8 <= worth.recency_days / worth.gap_days <= 1.5:
        signs.append((0.25, "time-to-buy-again"))
    if bought:
        signs.append((0.05, "bought-before"))
    if not signs:
        return None
    none = 1.0
    for chance, _ in signs:
        none *= 1 - chance
    signs.sort(reverse=True)
    return Score("signs-1", round(1 - none, 3), 0.5 if bought else 0.3, tuple(code for _, code in signs))


DEFAULT_MODELS: Final[Mapping[str, Model]] = MappingProxyType({"churn": churn, "buy": propensity})
"""By the names that rules and pages use."""


def scores(profile: Mapping[str, Any], now: int, models: Mapping[str, Model] = DEFAULT_MODELS) -> dict[str, Score]:
    """Every score by its name: what an event brought and has not expired, else what the model says."""
    found = _brought(profile, now)
    for name, model in models.items():
        if name not in found:
            score = model(profile, now)
            if score is not None:
                found[name] = score
    return dict(sorted(found.items()))


def _brought(profile: Mapping[str, Any], now: int) -> dict[str, Score]:
    found = {}
    for name, kept in profile.get(_scores.NAME, {}).items():
        score, time, _, source, model, until, confidence, reasons = kept
        if until is None or until > now:
            sure = 1.0 if confidence is None else confidence
            codes = tuple(reasons) or ("told-by-event",)
            found[name] = Score(model or source, score, sure, codes, time, until)
    return found
