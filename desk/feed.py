"""What everybody on the desk hears of: calls and contacts as they come, and who reads whom."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Final

from desk.ports import Store
from desk.views import ANONYMOUS, address_name, identities, name_of
from hub import logs
from hub.errors import HubError, Misconfigured
from hub.profile import Profile

KEPT: Final = 30
"""Customers in the work list."""
OPENED: Final = 12
"""Customers an agent opened last."""
QUEUE: Final = 200
"""Notices one slow stream may have waiting before it is told to begin anew."""
PAUSE: Final = 1.0
"""Seconds before asking the store again after it went away."""

SPOKEN_TO: Final = frozenset({"phone", "email", "whatsapp"})
"""By these people know a customer who gave no name, rather than by an account number."""

_LOG = logs.get("desk")

Notice = dict[str, Any]


class Feed:
    """One subscription for the whole process; every open page listens here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: OrderedDict[str, Notice] = OrderedDict()
        self._listeners: set[asyncio.Queue[Notice | None]] = set()
        self._readers: dict[str, Counter[str]] = {}
        self._opened: dict[str, deque[Notice]] = {}

    async def run(self) -> None:
        """Listen for ever; the store may come and go."""
        while True:
            try:
                async for notice in self._store.watch_desk():
                    await self._take(notice)
            except (HubError, Misconfigured) as error:
                _LOG.warning("the store's notices are interrupted", reason=str(error))
            await asyncio.sleep(PAUSE)

    async def _take(self, notice: Notice) -> None:
        customer = notice.get("customer")
        if not isinstance(customer, str):
            return
        found = await self._store.get(customer)
        full = {**notice, **(_person(found[1]) if found else {})}
        full["since"] = _began(full, self._recent.pop(full["customer"], None))
        self._recent[full["customer"]] = full
        while len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        self._tell(full)

    def _tell(self, notice: Notice) -> None:
        for queue in self._listeners:
            if queue.qsize() >= QUEUE:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(notice)

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Notice | None]]:
        """A queue of notices from now on; None says that some were left out."""
        queue: asyncio.Queue[Notice | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def recent(self) -> list[Notice]:
        """The newest notice of each customer, newest first."""
        return list(reversed(self._recent.values()))

    @contextlib.contextmanager
    def reading(self, customer: str, agent: str) -> Iterator[None]:
        """While inside, others see that this agent has the customer open."""
        names = self._readers.setdefault(customer, Counter())
        names[agent] += 1
        self._tell({"type": "desk.readers", "customer": customer, "agents": sorted(names)})
        try:
            yield
        finally:
            names[agent] -= 1
            if not names[agent]:
                del names[agent]
            self._tell({"type": "desk.readers", "customer": customer, "agents": sorted(names)})
            if not names:
                self._readers.pop(customer, None)

    def readers(self, customer: str) -> list[str]:
        """Who has the customer open."""
        return sorted(self._readers.get(customer, ()))

    def open(self, agent: str, profile: Profile) -> None:
        """Remember what an agent opened, so that the way back is one click."""
        mine = self._opened.setdefault(agent, deque(maxlen=OPENED))
        entry = _person(profile)
        for old in [one for one in mine if one["customer"] == entry["customer"]]:
            mine.remove(old)
        mine.appendleft(entry)

    def opened(self, agent: str) -> list[Notice]:
        """The customers this agent opened, the last one first."""
        return list(self._opened.get(agent, ()))


def _person(profile: Profile) -> Notice:
    known = [one for one in identities(profile) if one["type"] not in ANONYMOUS]
    best = next((one for one in known if one["type"] in SPOKEN_TO), known[0] if known else None)
    display = address_name(best["type"], best["value"]) if best else None
    return {"customer": profile["id"], "name": name_of(profile) or None, "display": display}


def _began(notice: Notice, before: Notice | None) -> int | None:
    """When the call of a notice was first heard of: waiting counts from there."""
    call, old = notice.get("call"), (before or {}).get("call")
    if not isinstance(call, dict):
        return None
    same = before is not None and isinstance(old, dict) and old.get("id") == call.get("id")
    began: int | None = before.get("since") if before is not None and same else notice.get("time")
    return began
