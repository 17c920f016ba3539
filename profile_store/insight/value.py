"""What the customer is worth: how lately, how often and for how much they bought, in their main currency.

The names of the field: recency, frequency, monetary (RFM), lifetime value, tier. Amounts are whole numbers of the
currency's smallest unit; `hub.amounts.text` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from hub import amounts
from profile_store.facets import worth as _worth

DAY: Final = 86_400_000
YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class Money:
    """What was bought and given back in one currency."""

    currency: str
    orders: int = 0
    """Orders that were neither cancelled nor given back whole."""
    gross: int = 0
    refunded: int = 0
    largest: int = 0
    first: int = 0
    """When the earliest order was, in milliseconds; 0 for never."""
    last: int = 0

    @property
    def net(self) -> int:
        """What remained with us. Less than nothing when orders from before our time were given back."""
        return self.gross - self.refunded

    @property
    def average(self) -> int:
        """Of an order, rounded down."""
        return max(0, self.net) // self.orders if self.orders else 0


@dataclass(frozen=True, slots=True)
class Tier:
    """From where a customer belongs to a tier: every part that is declared must hold."""

    name: str
    net: Decimal = Decimal(0)
    """Whole units of the main currency, over the customer's lifetime."""
    orders: int = 1
    within_days: int | None = None
    """The last order may be so old."""


DEFAULT_TIERS: Final = (Tier("gold", Decimal(1_000), 3), Tier("silver", Decimal(250), 2), Tier("bronze"))
"""For a shop with prices in euros or dollars; others declare their own. The first that fits counts."""


@dataclass(frozen=True, slots=True)
class Value:
    """What the customer is worth at a moment."""

    main: Money
    """The currency with the most orders."""
    recency_days: float | None
    """Since the last order; None when there was none."""
    gap_days: float | None
    """The usual time between two orders; None of fewer than two, or of a single day."""
    orders_per_year: float | None
    """At the usual gap."""
    lifetime: int
    """What remained with us in the main currency so far."""
    next_year: int | None
    """What a year brings at the usual gap and the average order, if they stay; None when neither is known."""
    tier: str
    """Empty when the customer fits none."""
    money: Mapping[str, Money] = field(default_factory=dict)
    """By currency."""
    left_out: int = 0
    """Amounts that could not be read."""
    exact: bool = True
    """False when there were more orders than can be told apart: repeats of some may count twice."""


class _Sums:
    """A currency's figures while they are added up."""

    def __init__(self) -> None:
        self.tally = [0, 0, 0, 0, 0]
        self.refunded = 0

    def add(self, tally: Sequence[int]) -> None:
        number, total, first, last, largest = tally
        ours = self.tally
        none = ours[_worth.NUMBER] == 0
        self.tally = [
            ours[0] + number,
            amounts.add(ours[1], total),
            first if none else min(ours[2], first),
            max(ours[3], last),
            max(ours[4], largest),
        ]


def _order(sums: dict[str, _Sums], entry: Sequence[Any]) -> None:
    """Add one order of the table, less what was given back of it."""
    amount, code = entry[_worth.AMOUNT], entry[_worth.CURRENCY]
    back, whole = (entry[_worth.BACK], entry[_worth.WHOLE]) if len(entry) > _worth.AGAIN else ({}, 0)
    if amount is None:
        # The order itself is from before our time: only what was given back is known, the largest told once.
        for other, tally in back.items():
            sums.setdefault(other, _Sums()).refunded += tally[_worth.LARGEST] if whole else tally[_worth.SUM]
        return
    mine = sums.setdefault(code, _Sums())
    given = min(amount, back[code][_worth.SUM]) if code in back else 0
    if whole or (amount and given == amount):
        return
    mine.add([1, amount, entry[_worth.TIME], entry[_worth.TIME], amount])
    mine.refunded += given
    for other, tally in back.items():
        if other != code:
            sums.setdefault(other, _Sums()).refunded += tally[_worth.SUM]


def money(profile: Mapping[str, Any], currency: str = amounts.NO_CURRENCY) -> dict[str, Money]:
    """What was bought and given back, by currency. Amounts that came without one are read as the given one."""
    worth = profile.get(_worth.NAME, {})
    sums: dict[str, _Sums] = {}
    for entry in worth.get("orders", {}).values():
        _order(sums, entry)
    for code, tally in worth.get("sums", {}).items():
        sums.setdefault(code, _Sums()).add(tally)
    for code, tally in worth.get("back", {}).items():
        sums.setdefault(code, _Sums()).refunded += tally[_worth.SUM]
    if currency != amounts.NO_CURRENCY and amounts.NO_CURRENCY in sums:
        _read_as(sums, currency)
    return {code: _money(code, one) for code, one in sorted(sums.items()) if any(one.tally) or one.refunded}


def _read_as(sums: dict[str, _Sums], currency: str) -> None:
    """Amounts without a currency were kept with two decimals."""
    unknown = sums.pop(amounts.NO_CURRENCY)
    places = amounts.DECIMALS.get(currency, 2)
    number, total, first, last, largest = unknown.tally
    mine = sums.setdefault(currency, _Sums())
    if number:
        mine.add([number, total * 10**places // 100, first, last, largest * 10**places // 100])
    mine.refunded += unknown.refunded * 10**places // 100


def _money(code: str, one: _Sums) -> Money:
    number, total, first, last, largest = one.tally
    return Money(code, number, total, one.refunded, largest, first, last)


def value(
    profile: Mapping[str, Any],
    now: int,
    *,
    tiers: Sequence[Tier] = DEFAULT_TIERS,
    currency: str = amounts.NO_CURRENCY,
) -> Value:
    """What the customer is worth. `currency` is that of amounts which came without one."""
    found = money(profile, currency)
    main = max(found.values(), key=lambda one: (one.orders, one.last, one.currency), default=Money(currency))
    bought = [one for one in found.values() if one.orders]
    orders = sum(one.orders for one in bought)
    last = max((one.last for one in bought), default=0)
    first = min((one.first for one in bought), default=0)
    gap = (last - first) / (orders - 1) / DAY if orders > 1 and last > first else None
    yearly = None if gap is None else YEAR / max(gap, 1.0)
    recency = max(0, now - last) / DAY if orders else None
    worth = profile.get(_worth.NAME, {})
    return Value(
        main=main,
        recency_days=recency,
        gap_days=gap,
        orders_per_year=yearly,
        lifetime=main.net,
        next_year=None if yearly is None else round(main.average * yearly * main.orders / orders),
        tier=next((one.name for one in tiers if _fits(one, main, orders, recency)), ""),
        money=found,
        left_out=worth.get("left", 0),
        exact="beyond" not in worth,
    )


def _fits(tier: Tier, main: Money, orders: int, recency: float | None) -> bool:
    units = tier.net.scaleb(amounts.DECIMALS.get(main.currency, 2))
    recent = tier.within_days is None or (recency is not None and recency <= tier.within_days)
    return orders >= tier.orders and main.net >= units and recent
