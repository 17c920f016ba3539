"""A seeded story: customers with several identities, who are found to be one, on all channels and out of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, TypeVar

from hub.event import Event
from hub.identity import Identity, key

T = TypeVar("T")

FAMILY: Final = 4
"""Customers who may turn out to be one; families are never joined, so that there stay many customers."""
ORDERS: Final = 2
"""Orders of one customer: a family stays below the cap on messages, which would depend on the order of arrival."""
BOUNCES: Final = 2
"""Mails of one family that come back: with a third, its address would count as closed, and orders be held."""
HOUR: Final = 3_600_000

TRACKS: Final = (
    *("Product Viewed", "Products Searched", "Product Added", "Product Added", "Checkout Started", "Cart Viewed"),
    *("Coupon Entered", "Video Played"),
)
KINDS: Final = (
    *(("web.page", 20), ("web.track", 25), ("web.identify", 12), ("email.received", 8), ("email.sent", 5)),
    *(("email.bounced", 1), ("sms.received", 6), ("sms.sent", 4), ("social.message", 6), ("phone.ringing", 3)),
    *(("phone.answered", 2), ("consent.given", 2), ("consent.withdrawn", 1), ("survey.answered", 3)),
)


def people(number: int) -> list[Identity]:
    """The identities of one customer."""
    known = [("anonymous_id", f"a{number}-{device}") for device in range(3)]
    known += [("email", f"c{number}@example.org"), ("phone", f"+4930{number:07d}"), ("user_id", f"u{number}")]
    return [{"type": kind, "value": value, "verified": False} for kind, value in known]


def story(seed: int, events: int, customers: int, *, again: float = 0.04, weld: float = 0.01) -> list[Event]:
    """Events in the order in which they are accepted; a part `again` of them is a resend of an earlier one.

    A part `weld` connects two customers of one family. Times lie up to three days before receipt, many are
    equal. The story starts two hours before now, at the full hour.
    """
    random = Random(seed)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    orders, bounces = [0] * customers, Counter[int]()
    told: list[Event] = []
    for number in range(events):
        received = start + timedelta(milliseconds=50 * number)
        if told and random.random() < again:
            told.append(random.choice(told[-500:]).model_copy(update={"receivedat": received}))
            continue
        customer = min(int(customers * random.random() ** 1.5), customers - 1)
        told.append(_event(random, number, customer, customers, orders, bounces, received, weld))
    return told


def _event(
    random: Random,
    number: int,
    customer: int,
    customers: int,
    orders: list[int],
    bounces: Counter[int],
    received: datetime,
    weld: float,
) -> Event:
    chosen = random.sample(people(customer), random.choice((1, 1, 1, 2, 2, 3)))
    if random.random() < weld:
        relative = min(customer // FAMILY * FAMILY + random.randrange(FAMILY), customers - 1)
        chosen.append(random.choice(people(relative)))
    kind = random.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
    if kind == "email.bounced":
        bounces[customer // FAMILY] += 1
        kind = kind if bounces[customer // FAMILY] <= BOUNCES else "email.sent"
    data = _data(random, kind, number)
    late = random.choice((0, 0, 0, random.randrange(5_000), random.randrange(HOUR), random.randrange(72 * HOUR)))
    if kind == "web.track" and orders[customer] < ORDERS and random.random() < 0.4:
        orders[customer] += 1
        late = min(late, 12 * HOUR)
        data["name"] = "Order Completed"
        mail = people(customer)[3]
        chosen = [*(one for one in chosen if one["type"] != "email"), mail]
    time = received - timedelta(milliseconds=late)
    if random.random() < 0.3:
        time = time.replace(second=0, microsecond=0)
    identities = [Identity(**{**one, "verified": random.random() < 0.2}) for one in chosen]
    return Event(
        id=f"e{number}",
        source=f"/test/{kind.partition('.')[0]}",
        type=kind,
        time=time,
        subject=key(identities[0]),
        receivedat=received,
        data={"identities": identities, **data},
    )


def _data(random: Random, kind: str, number: int) -> dict[str, Any]:
    data: dict[str, Any] = {"text": f"text {number} سلام"} if kind.endswith(("received", "message")) else {}
    if kind == "web.track":
        data |= {"name": random.choice(TRACKS), "properties": {"price": random.randrange(1000) / 10}}
    elif kind == "web.identify":
        data["traits"] = {random.choice(("name", "tier", "city", "age")): random.choice((f"v{number}", number, True))}
    elif kind.startswith("phone."):
        data["call"] = {"id": f"call{number // 50}", "state": kind.partition(".")[2], "direction": "in"}
    elif kind.startswith("consent."):
        what = {"channel": random.choice(("email", "sms")), "purpose": "marketing"}
        data["consent"] = {**what, "given": kind == "consent.given", "proof": "form"}
    elif kind == "survey.answered":
        data["facts"] = {random.choice(("account_number", "score")): f"{random.randrange(10**6)}"}
    if random.random() < 0.1:
        data["language"] = random.choice(("en", "fa", "de-DE"))
    return data


def bursts(events: Sequence[T], count: int) -> list[Sequence[T]]:
    """The events in so many parts."""
    size = -(-len(events) // count)
    return [events[start : start + size] for start in range(0, len(events), size)]
