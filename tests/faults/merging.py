"""A seeded story of merges: families of four people whom events and agents make one, all at once, and take apart again.

A family lives through one of the plots below, a round at a time. What a round asks for is sent at the same moment
from two producers, between ordinary events of the same people; the next round begins when all of it is applied, since
an agent sees what there is before they ask for more.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from hub.cli.arranging import request
from hub.event import Event, make
from hub.identity import Identity, key
from hub.ids import event_id
from hub.profile import JOINED, Profile
from profile_store.outlook import taken_apart
from profile_store.store import Store
from tests.faults import decisions, oracle
from tests.faults.harness import Installation

SOURCE: Final = "/test/merges"
DESK: Final = "/desk/agents/mina"
ROUNDS: Final = 5
SIZE: Final = 4
"""People of a family."""
ORDERS: Final = 2
"""Of one person: a family stays below the cap on messages, which would depend on the order of arrival."""
AGAIN: Final = 0.04
"""The part of a round's events that is sent twice."""
HOUR: Final = 3_600

MERGE, SEEN, APART = "merge", "seen", "apart"
Step = tuple[str, int, int]
"""An agent makes two people one; an event names proven identities of both; an agent takes the second out again."""


class Plot(NamedTuple):
    """What happens to a family."""

    rounds: tuple[tuple[Step, ...], ...]
    accounts: int
    """How many of the people have an account, of which a customer has one, unless an agent insists."""
    insist: bool
    ends: str
    """Who is one in the end, `01 23`; empty where that depends on who comes first."""


def _all(kind: str, *pairs: str) -> tuple[Step, ...]:
    return tuple((kind, int(pair[0]), int(pair[1])) for pair in pairs)


PLOTS: Final = (
    Plot((_all(MERGE, "01", "12", "23"), _all(APART, "03"), _all(MERGE, "30")), 4, True, ""),
    Plot((_all(SEEN, "01", "12", "23"),), 1, False, "0123"),
    Plot((_all(MERGE, "01", "23"), _all(MERGE, "03", "12")), 4, True, "0123"),
    Plot((_all(SEEN, "01", "23"), _all(SEEN, "03", "12")), 1, False, "0123"),
    Plot(
        (
            _all(MERGE, "01", "23"),
            _all(APART, "01", "23"),
            _all(MERGE, "01", "12"),
            _all(APART, "01"),
            _all(APART, "02"),
        ),
        *(4, True, "0 1 2 3"),
    ),
    Plot((_all(SEEN, "01"), _all(APART, "01"), _all(SEEN, "01", "10")), 1, False, "0 1 2 3"),
    Plot((_all(MERGE, "01", "01", "10"), _all(MERGE, "23", "32")), 0, False, "01 23"),
    Plot((_all(MERGE, "01", "23"),), 4, False, "0 1 2 3"),
    Plot((_all(SEEN, "01", "23"), _all(APART, "01") + _all(SEEN, "02") + _all(MERGE, "13")), 1, False, ""),
)


class Family:
    """Four people, each with identities that are proven together from the first event on."""

    def __init__(self, number: int, plot: Plot, begins: int) -> None:
        self.plot = plot
        self.begins = begins
        self.people = [_person(number, one, account=one < plot.accounts) for one in range(SIZE)]
        self.names = [[key(one) for one in person] for person in self.people]

    def steps(self, number: int) -> tuple[Step, ...]:
        """What is asked for in a round."""
        at = number - self.begins
        return self.plot.rounds[at] if 0 <= at < len(self.plot.rounds) else ()

    @property
    def ends(self) -> list[set[int]]:
        """Who is one in the end."""
        return [set(map(int, group)) for group in self.plot.ends.split()]


def _person(family: int, number: int, *, account: bool) -> list[Identity]:
    known = [("email", f"f{family}p{number}@example.org"), ("phone", f"+4930{family:04d}{number:03d}")]
    known += [("anonymous_id", f"a{family}-{number}-{device}") for device in range(2)]
    known += [("user_id", f"u{family}-{number}")] if account else []
    return [{"type": kind, "value": value, "verified": True} for kind, value in known]


@dataclass
class Story:
    """The families, and what their agents were shown before they asked."""

    random: Random
    families: list[Family]
    each: int
    """Ordinary events of one person in a round."""
    told: int = 0
    orders: dict[str, int] = field(default_factory=dict)
    promised: list[set[str]] = field(default_factory=list)
    """The customers that the last round's agents were told there would be, by their identities."""

    @classmethod
    def of(cls, seed: int, sets: int, each: int) -> Story:
        """So many families of each plot."""
        random = Random(seed)
        plots = [plot for _ in range(sets) for plot in PLOTS]
        begins = [random.randint(0, ROUNDS - len(plot.rounds)) for plot in plots]
        families = [Family(number, *one) for number, one in enumerate(zip(plots, begins, strict=True))]
        return cls(random, families, each)

    def introductions(self) -> list[Event]:
        """Everybody with all that they are known by."""
        return [self._event(person) for family in self.families for person in family.people]

    async def round(self, hub: Installation, number: int) -> tuple[list[Event], list[Event]]:
        """What two producers send, each in its order."""
        placed: list[tuple[float, int, Event]] = []
        self.promised = []
        for family in self.families:
            for person in family.people:
                some = [self._ordinary(person) for _ in range(self.each)]
                some += [one for one in some if self.random.random() < AGAIN]
                placed += [(self.random.random(), self.random.randrange(2), one) for one in some]
            at = self.random.random()
            steps = family.steps(number)
            calm = all(kind == APART for kind, *_ in steps)
            for place, step in enumerate(steps):
                for event in await self._asked(hub, family, step, calm=calm):
                    placed.append((at, place % 2, event))
                    if self.random.random() < 0.2:  # the other producer sends it, too
                        placed.append((at, (place + 1) % 2, event))
        placed.sort(key=lambda one: one[0])
        first, second = ([event for _, which, event in placed if which == producer] for producer in (0, 1))
        return first, second

    async def _asked(self, hub: Installation, family: Family, step: Step, *, calm: bool) -> list[Event]:
        kind, one, other = step
        if kind == SEEN:
            both = [self.random.choice(family.people[number][:4]) for number in (one, other)]
            return [self._event(both)]
        mine, theirs = [await found(hub, family.names[number][0]) for number in (one, other)]
        if kind == MERGE:
            return [self._by_hand(hub, "agent.merge", [mine["id"], theirs["id"]], merge={"force": family.plot.insist})]
        if mine["id"] != theirs["id"]:
            return []  # nobody is there to be taken out
        out = sorted(family.names[other])
        document = await Store(hub.redis).document(mine["id"])
        if document is not None and calm:  # nothing else happens that changes it
            self.promised += [set(side["identities"]) for side in taken_apart(document[1], out)]
        return [self._by_hand(hub, "agent.unmerge", [mine["id"]], unmerge={"identities": out})]

    def _by_hand(self, hub: Installation, kind: str, customers: list[str], **data: Any) -> Event:
        """A request as the command line makes it, or as the desk does."""
        if self.random.random() < 0.5:
            return request(hub.settings, kind, customers, **data)
        self.told += 1
        people: list[Identity] = [{"type": "customer", "value": one, "verified": False} for one in customers]
        id, now = event_id(DESK, f"{kind}\n{self.told}"), datetime.now(UTC)
        return make(kind, id=id, source=DESK, identities=people, received=now, agent="mina", **data)

    def _ordinary(self, person: Sequence[Identity]) -> Event:
        chosen = self.random.sample(person, self.random.choice((1, 1, 2, 3)))
        said = [Identity(**{**one, "verified": self.random.random() < 0.3}) for one in chosen]
        mail = person[0]
        if self.orders.get(mail["value"], 0) < ORDERS and self.random.random() < 0.2:
            self.orders[mail["value"]] = self.orders.get(mail["value"], 0) + 1
            said = [mail, *(one for one in said if one["type"] != "email")]
            return self._event(said, "web.track", name="Order Completed")
        kind = self.random.choice(("web.page", "web.track", "web.identify", "email.received", "survey.answered"))
        data: dict[str, dict[str, Any]] = {
            "web.track": {"name": self.random.choice(("Product Viewed", "Product Added"))},
            "web.identify": {"traits": {self.random.choice(("name", "city", "tier")): f"v{self.told}"}},
            "email.received": {"text": f"text {self.told} سلام"},
            "survey.answered": {"facts": {self.random.choice(("score", "account_number")): f"{self.told}"}},
        }
        return self._event(said, kind, **data.get(kind, {}))

    def _event(self, said: Sequence[Identity], kind: str = "web.page", **data: Any) -> Event:
        self.told += 1
        now = datetime.now(UTC)
        late = timedelta(
            seconds=self.random.choice((0, 0, self.random.randrange(10), self.random.randrange(12 * HOUR)))
        )
        return make(
            kind, id=f"e{self.told}", source=SOURCE, identities=list(said), received=now, time=now - late, **data
        )


async def found(hub: Installation, name: str) -> Profile:
    """The customer of an identity, as whoever looks for it finds it."""
    one = await Store(hub.redis).find(name)
    assert one is not None, f"{name} leads to nobody"
    return one[1]


async def play(hub: Installation, story: Story, trouble: Callable[[int, int], Awaitable[None]]) -> list[str]:
    """Have it all happen on workers that run; what agents saw otherwise than they were told, in words.

    `trouble` is what goes wrong meanwhile: it takes a round's number and how many events are sent in it.
    """
    faults: list[str] = []
    async with hub.producer() as one, hub.producer() as other:
        await hub.accept(one, story.introductions())
        await hub.until_applied()
        for number in range(ROUNDS):
            sent = await story.round(hub, number)
            sending = [
                asyncio.create_task(hub.accept(producer, events, at_once=10))
                for producer, events in zip((one, other), sent, strict=True)
            ]
            await trouble(number, sum(map(len, sent)))
            await asyncio.gather(*sending)
            await hub.until_applied()
            for side in story.promised:
                there = set((await found(hub, min(side)))["identities"])
                faults += [f"promised: {sorted(side)} and not {sorted(there)}"] if there != side else []
    return faults


async def ends(hub: Installation, story: Story) -> list[str]:
    """Who is one in the end and should not be, or the other way round, in words."""
    faults: list[str] = []
    for family in story.families:
        for group in family.ends:
            names = {name for number in group for name in family.names[number]}
            customers = [await found(hub, name) for name in sorted(names)]
            if len({one["id"] for one in customers}) > 1 or set(customers[0]["identities"]) != names:
                seen = [sorted(one["identities"]) for one in customers]
                faults.append(f"ends: {sorted(names)} are {seen}")
    return faults


def merged(story: Story, events: Sequence[Event]) -> int:
    """How often the log says that two people became one."""
    whose = {name: names[0] for family in story.families for names in family.names for name in names}
    entries = [
        entry for event in oracle.once(events) if event.type == "identity.merged" for entry in event.data["links"]
    ]
    return sum(
        entry[2] == JOINED and entry[5] != "taken apart" and whose[entry[0]] != whose[entry[1]] for entry in entries
    )


async def as_never_merged(hub: Installation, story: Story, events: Sequence[Event]) -> list[str]:
    """Of people who were taken apart again: what they would not hold had they never been merged, in words."""
    own: dict[str, list[Event]] = defaultdict(list)
    for event in oracle.once(events):
        if event.source == SOURCE:
            own[decisions.owner(event, hub.policy)].append(event)
    faults: list[str] = []
    for family in story.families:
        for group in family.ends:
            names = sorted(name for number in group for name in family.names[number])
            mine = [event for name in names for event in own[name]]
            profile = dict(await found(hub, names[0]))
            faults += [f"parts: {names}: {fault}" for fault in _unlike(profile, oracle.expected(mine))]
            rows, _ = await Store(hub.redis).timeline(str(profile["id"]), limit=1000)
            shown = sorted(row["id"] for row in rows if row["type"].partition(".")[0] not in ("agent", "rule"))
            told = sorted(event.id for event in mine)
            faults += [f"rows: {names}: {shown} instead of {told}"] if shown != told else []
    return faults


def _unlike(profile: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for table in ("traits", "facts", "channels", "counts", "latest", "consent", "stage"):
        there = profile[table]
        if isinstance(there, dict):  # what agents asked for was asked for, whatever came of it
            there = {name: value for name, value in there.items() if not name.startswith("agent.")}
        if there != wanted[table]:
            yield f"{table}: {there} instead of {wanted[table]}"
