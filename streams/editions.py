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
from hub.beside import beside
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
"""Engines kept, and more only while partitions are at more different places."""
LEADER: Final = 0
"""The partition whose worker publishes."""

log = get("editions")


class Decider(Protocol):
    """The rules in force at one place."""

    def decide(self, event: Any, ms: int, profile: Any) -> Sequence[Any]: ...


class Editions:
    """The engines, by edition. Who has a loop to look after has them made by `ready`, before they are asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.history = History()
        self._computed: Lookup = nothing
        self._engines: dict[int, Engine] = {}
        self._places: dict[int, int] = {}
        """The edition at each partition's place."""
        self._quarantine = Quarantine(_set_aside)
        self._one_at_a_time = asyncio.Lock()

    def at(self, partition: int, offset: int) -> Engine:
        """Who decides at a place in the log."""
        edition = self._places[partition] = self.history.at(partition, offset)
        return self.of(edition)

    def of(self, edition: int) -> Engine:
        """The engine of an edition, made at once when it is not there."""
        made = self._engines.get(edition)
        if made is None:
            made = self._engines[edition] = self._made(edition)
            self._spared(edition)
        return made

    async def ready(self, edition: int) -> Engine:
        """The engine of an edition, made beside the loop when it is not there."""
        async with self._one_at_a_time:
            while (made := self._engines.get(edition)) is None:
                computed = self._computed
                made = await beside(self._made, edition)
                if computed is self._computed:
                    self._engines[edition] = made
            spared = self._spared(edition)
        # Only now, and by the loop, which is not asking any of them in this moment.
        for engine in spared:
            await beside(engine.close)
        return made

    async def refresh(self) -> None:
        """Make what is needed now, after `read_by` has thrown all engines away."""
        for edition in {self.history.newest, *self._places.values()}:
            await self.ready(edition)

    def _spared(self, asked: int) -> list[Engine]:
        """Engines that are kept no longer. All partitions are past the oldest; of what comes,
        the last is needed last."""
        needed = {asked, self.history.newest, *self._places.values()}
        first = min(self._places.values(), default=asked)
        spare = sorted(self._engines.keys() - needed, key=lambda one: (one > first, -one if one > first else one))
        return [self._engines.pop(one) for one in spare[: max(0, len(self._engines) - KEPT)]]

    def _made(self, edition: int) -> Engine:
        before = self._engines.get(max(list(self._engines), default=0))
        return Engine(
            self.history.rules(edition),
            timezone=self._settings.timezone,
            language=self._settings.language,
            computed=self._computed,
            before=before,
            quarantine=self._quarantine,
        )

    def use(self, rules: Sequence[Rule]) -> None:
        """These rules at every place, whatever was published."""
        self.history = History()
        for offset, message in enumerate(publication([Change(one.id, one) for one in rules], FOLDER, 0)):
            self.history.apply(offset, message)
        self._engines, self._places = {}, {}

    @property
    def newest(self) -> Engine:
        """The rules of the newest edition."""
        return self.of(self.history.newest)

    @property
    def in_force(self) -> Sequence[Rule]:
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
        self._seen = 0
        """How often the folder was found changed."""
        self._compared: tuple[int, int, bool] | None = None
        """The folder and the topic when nothing was to be published."""
        self._tell()

    async def start(self) -> None:
        """Read what was published; where nothing was, publish the folder. Raises Transient."""
        await self._rules.read()
        if not self._editions.history.editions:
            await self._publish(self._editions.history, even_nothing=True)
        await self._editions.ready(self._editions.history.newest)

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
        if await beside(self._folder.poll):
            self._seen += 1
            self._tell()
        history = self._editions.history
        if await self._rules.read():
            await self._editions.ready(history.newest)
        if LEADER not in self._assigned():
            return
        await self._publish(history)
        if history.pending:
            await self._editions.ready(history.newest)
            await self._announce(history.newest)

    async def reach(self, edition: int) -> None:
        """Come to know an edition whose marker was met. Raises Transient."""
        if self._editions.history.newest < edition:
            await self._rules.read()
        if self._editions.history.newest < edition:
            raise Transient(f"edition {edition} of the rules is not in the topic")
        await self._editions.ready(edition)

    def _tell(self) -> None:
        for problem in self._folder.problems:
            log.error("a rule is wrong: what was sound stays in force", problem=str(problem))

    async def _publish(self, history: History, *, even_nothing: bool = False) -> None:
        # With thousands of rules it takes too long to be asked four times a second for nothing.
        compared = (self._seen, history.read, self._folder.there)
        if compared == self._compared and not even_nothing:
            return
        changes, messages = await beside(self._unpublished, history)
        if not changes and not even_nothing:
            self._compared = compared
            return
        await self._producer.publish(bus.topic(self._settings, RULES), [(new_key(), one) for one in messages])
        await self._rules.read()
        log.info("rules published", changed=changes, edition=history.newest)

    def _unpublished(self, history: History) -> tuple[int, list[bytes]]:
        """What the folder says and the topic does not: how many rules, and the messages that publish them."""
        changes = history.of_folder(self._folder.rules, complete=not self._folder.problems and self._folder.there)
        return len(changes), publication(changes, FOLDER, int(time.time() * 1000))

    async def _announce(self, edition: int) -> None:
        """Write the markers, and when all are there, where they stand."""
        name = bus.topic(self._settings, INTERACTIONS)
        events = [marker(edition, number, self._settings) for number in range(self._settings.partitions)]
        places = await self._producer.place(name, [(one.subject, one.to_json()) for one in events])
        where = switched(edition, dict(places))
        await self._producer.publish(bus.topic(self._settings, RULES), [(new_key(), where)])
        await self._rules.read()
        log.info("other rules are in force", edition=edition, rules=len(self._editions.of(edition).rules))


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
