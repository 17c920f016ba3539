"""The load: events of many customers, and a thousand rules that look at them. Seeded, so that runs compare."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from hub.event import Event, make
from hub.identity import Identity
from hub.ids import event_id

NAMES: Final = 200
"""Names of tracked events, used unevenly as real ones are."""
PRODUCTS: Final = ("Trail shoe", "Rain jacket", "Wool socks", "Headlamp", "Backpack", "Water bottle")


def event_name(number: int) -> str:
    """The name of the n-th kind of tracked event."""
    return f"Product Event {number:03d}"


def events(count: int, customers: int, seed: int = 1) -> Iterator[Event]:
    """Tracked events of about 300 bytes of data, customers drawn evenly, names unevenly."""
    draw = random.Random(seed)
    now = datetime.now(UTC)
    weights = [1 / (rank + 1) for rank in range(NAMES)]
    names = draw.choices(range(NAMES), weights, k=count)
    for number in range(count):
        customer = draw.randrange(customers)
        who: list[Identity] = [{"type": "user_id", "value": f"user-{customer:07d}", "verified": False}]
        product = draw.choice(PRODUCTS)
        moment = now - timedelta(seconds=draw.random() * 60)
        yield make(
            "web.track",
            id=event_id("bench", f"{seed}/{number}"),
            source="/channels/web/segment",
            identities=who,
            received=now,
            time=moment,
            name=event_name(names[number]),
            text=f"{event_name(names[number])}: {product}",
            properties={
                "product": product,
                "price": draw.randrange(100, 20_000) / 100,
                "quantity": draw.randrange(1, 4),
            },
        )


def rules(folder: Path, count: int, seed: int = 1) -> None:
    """Write rules over event and profile, four predicates each; about one event in a thousand fires one."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rule = {
            "id": f"bench-{number:05d}",
            "name": {"en": f"Bench rule {number}"},
            "on": {"type": "web.track", "name": event_name(number % NAMES)},
            "if": {
                "all": [
                    {"field": "event.properties.price", "op": "gt", "value": draw.randrange(100, 199)},
                    {"field": "event.properties.product", "op": "eq", "value": draw.choice(PRODUCTS)},
                    {"field": "profile.events", "op": "ge", "value": draw.randrange(2, 50)},
                    {"field": "profile.stage", "op": "eq", "value": draw.choice(("need", "after"))},
                ]
            },
            "send": {"channel": ["email"], "purpose": "service", "subject": {"en": "Hello"}, "text": {"en": "Hello"}},
        }
        (folder / f"bench-{number:05d}.yaml").write_text(yaml.safe_dump(rule, sort_keys=False))


PAGES: Final = ("Home", "Trail shoes", "Rain jackets", "Delivery times", "Basket", "About us", "Size guide")
STEPS: Final = ("Product Viewed", "Product Viewed", "Product Viewed", "Products Searched", "Product Added")


def lives(customers: int, each: int, seed: int = 1, first: int = 0) -> Iterator[Event]:
    """What customers of a shop do: they look at pages and products, and now and then write, text and call.

    Customers are numbered from `first` on.
    """
    draw = random.Random(seed)
    now = datetime.now(UTC)
    for number in range(customers * each):
        who: list[Identity] = [
            {"type": "user_id", "value": f"user-{first + number % customers:07d}", "verified": False}
        ]
        moment = now - timedelta(seconds=draw.random() * 86_400 * 30)
        product, page, kind = draw.choice(PRODUCTS), draw.choice(PAGES), draw.random()
        about: dict[str, Any] = {"text": f'Viewed "{page}"', "name": page, "properties": {"path": "/" + page.lower()}}
        type_ = "web.page"
        if kind > 0.6:
            name = draw.choice(STEPS)
            price = {"product": product, "price": draw.randrange(100, 20_000) / 100, "quantity": 1}
            type_, about = "web.track", {"text": f"{name}: {product}", "name": name, "properties": price}
        if kind > 0.94:
            type_, about = "email.received", {"subject": "My order", "text": f"Hello, where is my {product.lower()}?"}
        if kind > 0.97:
            type_, about = "sms.received", {"text": "Thanks, that works for me!"}
        yield make(
            type_, id=event_id("bench", f"{seed}/{first + number}"), source="/bench", identities=who, received=now,
            time=moment, **about,
        )  # fmt: skip
