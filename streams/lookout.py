"""Now and then a worker looks at an event after it is applied: are the fields there that rules ask about?

At most one event of a kind in EVERY seconds is looked at, and none of a kind that no rule asks about. What was seen is
added up here and told to the store every few seconds, outside of any customer's commit; a worker that dies takes that
with it. The worker of the first partition also tells operators which rules ask in vain.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from hub.arrivals import Arrivals
from hub.beside import beside, let_go
from hub.errors import Transient
from hub.logs import get
from hub.metrics import FIELDS_STOPPED
from profile_store.arrivals import Looks
from rules.arrivals import Asked, Wanted, asked, missing, reader, troubled
from rules.model import Rule
from streams.decode import Incoming
from streams.editions import LEADER

EVERY: Final = 5.0
"""Seconds between two looks at one kind of event."""
TELL_EVERY: Final = 10.0
"""Seconds between two times at which the store is told."""
JUDGE_EVERY: Final = 60.0
OLD: Final = 86_400_000
"""Milliseconds after which an event is history that somebody imports; rules do not answer it either, by default."""
MOST_KINDS: Final = 1_000
MOST_FIELDS: Final = 100
"""Of one kind. What is beyond is not looked at."""

log = get("lookout")


@dataclass(slots=True)
class Sight:
    """What was seen of one field since it was told last."""

    read: Callable[[Mapping[str, object]], bool | None]
    looked: int = 0
    seen: int = 0
    lead: int = 0
    longest: int = 0
    dry: int = 0
    last: int = 0
    since: int = 0
    latest: int = 0
    odd: int = 0

    def look(self, data: Mapping[str, object], ms: int) -> None:
        """Look for it in an event that was received at this moment."""
        found = self.read(data)
        self.looked += 1
        self.latest = max(self.latest, ms)
        if found:
            if self.seen:
                self.longest = max(self.longest, self.dry)
            else:
                self.lead = self.dry
            self.seen += 1
            self.last, self.dry, self.since, self.odd = max(self.last, ms), 0, 0, 0
            return
        self.since = self.since or ms
        self.dry += 1
        self.odd += found is None

    def taken(self) -> Looks:
        """What was seen; from now on it counts anew."""
        lead = self.lead if self.seen else self.looked
        numbers = (self.looked, self.seen, lead, self.longest, self.dry, self.last, self.since, self.latest, self.odd)
        self.looked = self.seen = self.lead = self.longest = self.dry = 0
        self.last = self.since = self.latest = self.odd = 0
        return Looks(*numbers)


@dataclass(slots=True)
class Watched:
    """One kind of event, `type` or `type/name`."""

    kind: str
    sights: dict[str, Sight] = field(default_factory=dict)
    next: float = 0.0
    """When it may be looked at again."""
    looked: bool = False
    """Whether it was looked at since it was told last."""

    def look(self, incoming: Incoming, now: float) -> None:
        """Look for its fields in an event."""
        self.next, self.looked = now + EVERY, True
        for sight in self.sights.values():
            sight.look(incoming.event.data, incoming.received)

    def taken(self) -> dict[str, Looks]:
        """What was seen of its fields, by their names; from now on it counts anew."""
        self.looked = False
        return {name: sight.taken() for name, sight in self.sights.items()}


_Names: TypeAlias = dict[str | None, list[Watched]]
"""By the name of an event; under None, those of any name."""


def _tells(incoming: Incoming) -> bool:
    """Whether an event says something of what is sent now, to rules that would answer it."""
    late = incoming.received - incoming.ms > OLD
    return not (late or incoming.replayed or incoming.event.data.get("automatic"))


class Store(Protocol):
    """Where what was seen is added up."""

    async def add(self, kind: str, looks: Mapping[str, Looks]) -> None:
        """Add what was seen of the fields of one kind of event. Raises Transient."""
        ...

    async def read(self, kinds: Collection[str]) -> dict[str, dict[str, Arrivals]]:
        """How fields came, by kind of event and by name. Raises Transient."""
        ...


def watched(wanted: Iterable[Asked]) -> dict[str, dict[str, Wanted]]:
    """What to look for: by kind of event, and by the name under which it is kept."""
    found: dict[str, dict[str, Wanted]] = {}
    for rule in wanted:
        for kind, some in rule.items():
            if kind in found or len(found) < MOST_KINDS:
                fields = found.setdefault(kind, {})
                fields |= {one.name: one for one in some if one.name in fields or len(fields) < MOST_FIELDS}
    return found


def _tables(rules: Sequence[Rule]) -> tuple[dict[str, Asked], dict[str, Watched], dict[str, _Names]]:
    """What rules ask about, by rule, by kind of event, and by the type and name of an event."""
    wanted = {one.id: asked(one) for one in rules}
    kinds: dict[str, Watched] = {}
    types: dict[str, _Names] = {}
    for kind, fields in watched(wanted.values()).items():
        made = kinds[kind] = Watched(kind, {name: Sight(reader(one)) for name, one in fields.items()})
        type_, _, called = kind.partition("/")
        types.setdefault(type_, {None: []}).setdefault(called or None, []).append(made)
    for names in types.values():
        of_any = names[None]
        for name, some in names.items():
            if name is not None:
                some.extend(of_any)
    return wanted, kinds, types


class Lookout:
    """One worker's looks."""

    def __init__(
        self,
        store: Store,
        rules: Callable[[], Sequence[Rule]],
        assigned: Callable[[], frozenset[int]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rules` are those in force; as long as it is the same object, they did not change."""
        self._store = store
        self._rules = rules
        self._assigned = assigned
        self._clock = clock
        self._known: Sequence[Rule] | None = None
        self._asked: dict[str, Asked] = {}
        self._kinds: dict[str, Watched] = {}
        self._types: dict[str, _Names] = {}
        self._told: set[str] = set()
        self._judged_at = -JUDGE_EVERY

    def look(self, batch: Sequence[Incoming]) -> None:
        """Look at a few events of a batch that is applied."""
        types = self._types
        if not types or not batch:
            return
        now = self._clock()
        # From anywhere in it: its first events are always those of the same partition.
        start = random.randrange(len(batch))
        for part in (batch[start:], batch[:start]):
            for incoming in part:
                event = incoming.event
                names = types.get(event.type)
                if names is None:
                    continue
                name = event.data.get("name")
                # Nearly every event ends here, so it is no call of its own.
                for one in names.get(name, names[None]) if type(name) is str else names[None]:
                    if one.next <= now and _tells(incoming):
                        one.look(incoming, now)

    async def run(self) -> None:
        """Tell the store again and again, until cancelled."""
        while True:
            try:
                await self.step()
            except Transient as error:
                log.warning("waiting", error=str(error))
            except Exception:  # a worker does not end because of what it only watches
                log.exception("what events bring cannot be told")
            await asyncio.sleep(TELL_EVERY * random.uniform(0.8, 1.2))

    async def step(self) -> None:
        """Tell what was seen, look for what rules ask about now, and judge. Raises Transient; then some is lost."""
        for one in self._kinds.values():
            if one.looked:
                await self._store.add(one.kind, one.taken())
        rules = self._rules()
        if rules is not self._known:
            await self._learn(rules)
        if self._clock() - self._judged_at >= JUDGE_EVERY:
            self._judged_at = self._clock()
            await self._judge()

    async def _learn(self, rules: Sequence[Rule]) -> None:
        """From now on look for what these rules ask about. Of thousands it takes its time, and events do not wait."""
        wanted, kinds, types = await beside(_tables, rules)
        for kind in kinds.keys() & self._kinds.keys():
            kinds[kind].next = self._kinds[kind].next
        gone = self._asked, self._kinds
        self._asked, self._kinds, self._types, self._known = wanted, kinds, types, rules
        for table in gone:
            await beside(let_go, table)

    async def _judge(self) -> None:
        """Tell operators which rules ask in vain; whoever has the first partition does."""
        stopped: dict[str, int] = {}
        if LEADER in self._assigned():
            known = troubled(await self._store.read(self._kinds))
            for id, wanted in self._asked.items() if known else ():
                count = sum(one.state == "stopped" for one in missing(wanted, known))
                if count:
                    stopped[id] = count
        for id in self._told - stopped.keys():
            FIELDS_STOPPED.remove(id)
        for id, count in stopped.items():
            FIELDS_STOPPED.labels(id).set(count)
        for id in stopped.keys() - self._told:
            log.warning("a field that a rule asks about stopped coming", rule=id)
        self._told = set(stopped)
