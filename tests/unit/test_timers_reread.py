"""A timer that a rebuild meets after it came due waits once more, and is over when it comes due again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.event import Event, make
from hub.kinds import OPEN
from profile_store.document import alias, profile_of
from rules.engine import Engine
from streams.declared import Declared, everywhere
from streams.decode import Incoming
from streams.pipeline import Pipeline
from streams.relay import EVENT
from streams.timers import due_event
from tests.unit.memory import Memory, incoming
from tests.unit.packs import made
from tests.unit.schedule import who
from tests.unit.test_identify import never

START = datetime(2026, 1, 1, tzinfo=UTC)
RULE = made(on="web.track/Product Added", wait="30m")


def event(id: str, minute: int, *names: str, kind: str = "web.page", **data: Any) -> Event:
    people = [who(name, verified=True) for name in names]
    return make(kind, id=id, source="/t", identities=people, received=START + timedelta(minutes=minute), **data)


OLDER = event("e1", 0, "user_id:b")
ADDED = event("e2", 1, "user_id:a", kind="web.track", name="Product Added")
JOINED = event("e3", 2, "user_id:b", "user_id:a")


async def applied(store: Memory, batches: Sequence[Sequence[Incoming]]) -> dict[str, Any]:
    """The one customer that batches lead to."""
    worker = Pipeline(store, lambda: Declared(everywhere(Engine([RULE]))), never, OPEN)  # type: ignore[arg-type]
    for batch in batches:
        await worker.run(batch, [])
    (raw,) = [raw for raw in store.held().values() if alias(raw) is None]
    return dict(profile_of(raw))


async def test_a_timer_read_before_what_sets_it_and_before_its_customers_are_one_is_over_in_the_end() -> None:
    first = Memory()
    told = [OLDER, ADDED, JOINED]
    profile = await applied(first, [[incoming(one, number) for number, one in enumerate(told)]])
    ((slot, (timer, due, *_)),) = profile["timers"].items()
    assert list(first.timers.values()) == [due]
    again = due_event(profile["id"], slot, timer, "default", START + timedelta(minutes=31))

    # All is lost. In one batch: what came due, from its partition, and then what had set it.
    store = Memory()
    told += [Event.from_json(body) for box in first.outbox.values() for id, body in box.items() if id.startswith(EVENT)]
    replayed = [incoming(again, 0, 1, replayed=True), *(incoming(one, n, replayed=True) for n, one in enumerate(told))]
    profile = await applied(store, [replayed])
    assert list(profile["timers"]) == [slot]
    assert list(store.timers.values()) == [due], "it is waited for, so that it comes due once more"
    profile = await applied(store, [[incoming(again, 1, 1)]])
    assert (profile["timers"], store.timers, store.outbox.get(0, {})) == ({}, {}, {})
