"""The rules in force, edition by edition: which engine decides at a place in the log.

Every worker reads the topic `rules` and makes the engine of a new edition beside its work. The worker of the first
partition publishes what the folder of rule files says otherwise, and when an edition is ready it writes a marker into
every partition of the log. Behind its marker an edition decides, on whichever worker, and whenever the log is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from hub import bus, ids
from hub.computed import Lookup, nothing
from hub.errors import Transient
from hub.event import Event
from hub.logs import get
from hub.metrics import QUARANTINED
from hub.partition import partition
from hub.settings import Settings
from hub.topics import INTERACTIONS, RULES
from rules.engine import Engine
from rules.history import FOLDER, Change, History, publication, switched
from rules.model import Rule
from rules.quarantine import Quarantine
from rules.watch import RuleFolder
from streams.decode import EDITIONS, SWITCHED
from streams.rulelog import RuleLog, new_key

EVERY: Final = 0.25
KEPT: Final = 3
"""Engines kept: partitions are at different places."""
LEADER: Final = 0
"""The partition whose worker publishes."""

log = get("editions")


class Decider(Protocol):
    """The rules in force at one place."""

    def decide(self, event: Any, ms: int, profile: Any) -> Sequence[Any]: ...


class Editions:
    """The engines, by edition."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.history = History()
        self._computed: Lookup = nothing
        self._engines: dict[int, Engine] = {}
        self._quarantine = Quarantine(_set_aside)

    def at(self, partition: int, offset: int) -> Engine:
        """Who decides at a place in the log."""
        return self.of(self.history.at(partition, offset))

    def of(self, edition: int) -> Engine:
        """The engine of an edition."""
        return self._engines.get(edition) or self._make(edition)

    def _make(self, edition: int) -> Engine:
        before = self._engines.get(max(self._engines, default=0))
        made = Engine(
            self.history.rules(edition),
            timezone=self._settings.timezone,
            language=self._settings.language,
            computed=self._computed,
            before=before,
            quarantine=self._quarantine,
        )
        self._engines[edition] = made
        for old in sorted(self._engines)[:-KEPT]:
            del self._engines[old]
        return made

    def use(self, rules: Sequence[Rule]) -> None:
        """These rules at every place, whatever was published."""
        self.history = History()
        for offset, message in enumerate(publication([Change(one.id, one) for one in rules], FOLDER, 0)):
            self.history.apply(offset, message)
        self._engines = {}

    @property
    def newest(self) -> Engine:
        """The rules of the newest edition."""
        return self.of(self.history.newest)

    @property
    def ready(self) -> Sequence[Rule]:
        """The rules of the newest engine that is made, without making one: the same object until there is another."""
        return self._engines[max(self._engines)].rules if self._engines else ()

    def read_by(self, computed: Lookup) -> None:
        """From now on computed traits are read so."""
        self._computed, self._engines = computed, {}


def _set_aside(rule: str, why: str) -> None:
    QUARANTINED.labels(rule).inc()
    log.error("a rule is set aside until it is changed; the others go on", rule=rule, reason=why)


class Publisher:
    """One worker's part in changing the rules."""

    def __init__(
        self, settings: Settings, editions: Editions, producer: bus.Producer, assigned: Callable[[], frozenset[int]]
    ) -> None:
        self._settings = settings
        self._editions = editions
        self._producer = producer
        self._assigned = assigned
        self._rules = RuleLog(settings, editions.history)
        self._folder = RuleFolder(settings.rules_dir)
        self._tell()

    async def start(self) -> None:
        """Read what was published; where nothing was, publish the folder. Raises Transient."""
        await self._rules.read()
        if not self._editions.history.editions:
            await self._publish(self._editions.history, even_nothing=True)
        await asyncio.to_thread(self._editions.of, self._editions.history.newest)

    async def run(self) -> None:
        """Look for changes again and again, until cancelled."""
        try:
            while True:
                await asyncio.sleep(EVERY)
                try:
                    await self._step()
                except Transient as error:
                    log.warning("waiting", error=str(error))
        finally:
            await self._rules.close()

    async def _step(self) -> None:
        if await asyncio.to_thread(self._folder.poll):
            self._tell()
        history = self._editions.history
        if await self._rules.read():
            await asyncio.to_thread(self._editions.of, history.newest)
        if LEADER not in self._assigned():
            return
        await self._publish(history)
        if history.pending:
            await asyncio.to_thread(self._editions.of, history.newest)
            await self._announce(history.newest)

    async def reach(self, edition: int) -> None:
        """Come to know an edition whose marker was met. Raises Transient."""
        if self._editions.history.newest < edition:
            await self._rules.read()
        if self._editions.history.newest < edition:
            raise Transient(f"edition {edition} of the rules is not in the topic")
        await asyncio.to_thread(self._editions.of, edition)

    def _tell(self) -> None:
        for problem in self._folder.problems:
            log.error("a rule is wrong: what was sound stays in force", problem=str(problem))

    async def _publish(self, history: History, *, even_nothing: bool = False) -> None:
        changes = history.of_folder(self._folder.rules, complete=not self._folder.problems and self._folder.there)
        if not changes and not even_nothing:
            return
        messages = publication(changes, FOLDER, int(time.time() * 1000))
        await self._producer.publish(bus.topic(self._settings, RULES), [(new_key(), one) for one in messages])
        await self._rules.read()
        log.info("rules published", changed=len(changes), edition=history.newest)

    async def _announce(self, edition: int) -> None:
        """Write the markers, and when all are there, where they stand."""
        name = bus.topic(self._settings, INTERACTIONS)
        events = [marker(edition, number, self._settings) for number in range(self._settings.partitions)]
        places = await self._producer.place(name, [(one.subject, one.to_json()) for one in events])
        where = switched(edition, dict(places))
        await self._producer.publish(bus.topic(self._settings, RULES), [(new_key(), where)])
        await self._rules.read()
        log.info("other rules are in force", edition=edition, rules=len(self._editions.history.rules(edition)))


def marker(edition: int, number: int, settings: Settings) -> Event:
    """The event that stands where an edition begins, in one partition."""
    now = datetime.now(UTC)
    return Event(
        id=ids.event_id(EDITIONS, f"{edition}/{number}"),
        source=EDITIONS,
        type=SWITCHED,
        time=now,
        subject=_subject(number, settings.partitions),
        receivedat=now,
        tenant=settings.tenant,
        data={"identities": [], "edition": edition},
    )


def _subject(number: int, partitions: int) -> str:
    """A name that leads into a partition."""
    return next(name for one in range(10_000) if partition(name := f"hub:{one}", partitions) == number)
