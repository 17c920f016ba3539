"""One customer, live: a snapshot, then what changed, to everybody who looks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from desk import sse, views
from desk.feed import Feed
from desk.kinship import Kinship, claimants, kinship
from desk.places import Places, places
from desk.ports import Row, Store
from desk.render import Renderer, timeline_of
from hub import logs
from hub.errors import HubError
from hub.kinds import Policy
from hub.profile import Profile

PAGE: Final = 50
"""Rows a page begins with and a stream compares."""
PACE: Final = 0.1
"""Seconds between two updates of one stream at least: a burst of events becomes one."""
RECHECK: Final = 10.0
"""Seconds after which the store is asked without being told, should a notice be lost."""
FIRST_CHECK: Final = 0.4
"""The same right after the start: between the page and the subscription something may have happened."""
TOO_OLD: Final = 500
"""Versions behind which a returning reader begins anew."""

USUAL: Final = Policy()
_LOG = logs.get("desk")


class Watch:
    """Knows when a customer changed; many changes at once count as one."""

    def __init__(self, store: Store, customer: str) -> None:
        self._store = store
        self._customer = customer
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._store.watch(self._customer):
                    self._changed.set()
            except HubError as error:
                _LOG.warning("a live view is interrupted", reason=str(error))
            await asyncio.sleep(1)
            self._changed.set()  # what was missed meanwhile is read now

    async def change(self, patience: float) -> None:
        """Wait for a change, or as long as our patience."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._changed.wait()
        self._changed.clear()

    def wake(self) -> None:
        """Look again for another reason than a change."""
        self._changed.set()

    async def close(self) -> None:
        """Stop listening."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class View:
    """What one reader of one customer has been shown, and so what is new to them."""

    def __init__(self, store: Store, renderer: Renderer, customer: str, policy: Policy) -> None:
        self._store = store
        self._policy = policy
        self._renderer = renderer
        self._customer = customer
        self._version = -1
        self._panels: dict[str, str] = {}
        self._entries: dict[str, tuple[str, int]] = {}
        self._rows: set[str] = set()
        self._claimants: list[Profile] = []
        self._asked = -RECHECK

    async def changes(self, last: int | None = None) -> list[str]:
        """Events since the last call; `last` is the version a returning reader has."""
        found = await self._store.get(self._customer)
        if found is None:
            return [sse.event("reset", {"reason": "gone"})]
        version, profile = found
        if profile["id"] != self._customer:
            return [sse.event("reset", {"reason": "merged", "customer": profile["id"]})]
        if version == self._version:
            return []
        if last is not None and not 0 <= version - last <= TOO_OLD:
            return [sse.event("reset", {"reason": "too-old"})]
        rows, _ = await self._store.timeline(self._customer, None, PAGE)
        fresh = self._version < 0
        self._version = version
        kin = await kinship(self._store, self._policy, profile, await self._named_by(profile))
        events = self._compare(version, kin, rows, await places(self._store, profile))
        return [] if fresh and last == version else events

    async def _named_by(self, profile: Profile) -> list[Profile]:
        """Who named this customer's identities; asked seldom, as it concerns every bucket of the store."""
        now = time.monotonic()
        if now - self._asked >= RECHECK:
            self._claimants, self._asked = await claimants(self._store, profile), now
        return self._claimants

    def _compare(self, version: int, kin: Kinship, rows: list[Row], where: Places) -> list[str]:
        id = str(version)
        events = [sse.event("profile", views.customer(version, kin.profile), id)]
        timeline = timeline_of(rows)
        panels = self._renderer.panels(kin, timeline, where)
        changed = {name: html for name, html in panels.items() if self._panels.get(name) != html}
        self._panels = panels
        if changed:
            events.append(sse.event("panels", changed, id))
        shown = {entry.id: (entry.stamp, entry.time) for entry in timeline}
        oldest = rows[-1]["time"] if rows else 0
        new_rows = [views.row(row) for row in rows if row["id"] not in self._rows]
        news: dict[str, Any] = {
            "items": new_rows,
            "entries": [
                {"id": entry.id, "time": entry.time, "html": self._renderer.entry(entry)}
                for entry in timeline
                if self._entries.get(entry.id) != shown[entry.id]
            ],
            "gone": [one for one, (_, time) in self._entries.items() if one not in shown and time >= oldest],
        }
        self._entries, self._rows = shown, {row["id"] for row in rows}
        if any(news.values()):
            events.append(sse.event("timeline", news, id))
        return events


async def customer_events(
    store: Store,
    feed: Feed,
    renderer: Renderer,
    customer: str,
    *,
    agent: str,
    last: int | None,
    policy: Policy = USUAL,
) -> AsyncIterator[str]:
    """The events of one reader of one customer, for ever."""
    view = View(store, renderer, customer, policy)
    watch = Watch(store, customer)
    with feed.reading(customer, agent), feed.listen() as notices:
        readers = asyncio.create_task(_readers(watch, notices, customer))
        told: list[str] = []
        patience = FIRST_CHECK
        try:
            while True:
                for text in await _patiently(view, last):
                    yield text
                    if text.startswith("event: reset"):
                        return
                last = None
                others = [name for name in feed.readers(customer) if name != agent]
                if others != told:
                    told = others
                    yield sse.event("readers", {"agents": others})
                await asyncio.sleep(PACE)
                await watch.change(patience)
                patience = RECHECK
        finally:
            readers.cancel()
            await watch.close()


async def _patiently(view: View, last: int | None) -> list[str]:
    """The changes; while the store is away, none: the next round asks again."""
    try:
        return await view.changes(last)
    except HubError as error:
        _LOG.warning("a live view waits for the store", reason=str(error))
        return []


async def _readers(watch: Watch, notices: asyncio.Queue[dict[str, Any] | None], customer: str) -> None:
    while True:
        notice = await notices.get()
        if notice is None or (notice["type"] == "desk.readers" and notice["customer"] == customer):
            watch.wake()


async def desk_events(feed: Feed) -> AsyncIterator[str]:
    """The events of the whole desk: what is going on now, then what comes."""
    with feed.listen() as notices:
        yield sse.event("snapshot", {"items": feed.recent()})
        while True:
            notice = await notices.get()
            if notice is None:
                yield sse.event("reset", {"reason": "too-old"})
                return
            if notice["type"] != "desk.readers":
                yield sse.event("notice", notice)
