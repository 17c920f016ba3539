"""A backtest: other rules over all that happened, as if they had been in force from the beginning; or those that were.

Who is who was decided by the workers and stands in the log, so the customers are those there were. What rules read
that live messages led to, such as a mail's being sent, counts only where the run sends that message too; what a
message of this run alone would have led to, nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub.beside import beside
from hub.errors import Rejected
from hub.replay import Stored, ends, in_order
from hub.settings import Settings
from hub.topics import INTERACTIONS
from profile_store.connect import connect
from profile_store.store import Store
from rules.backtest import Backtest, cause_of
from rules.decision import Decision
from rules.history import History
from rules.load import load_folder
from rules.model import Rule
from streams.declared import Declarations
from streams.decode import Incoming, one
from streams.recorded import Recorded, line_of, recorded
from streams.rerun import Looked, Rerun
from streams.rulelog import whole
from streams.topic import Described, describe

TELL_EVERY: Final = 500
END_OF_TIME: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store in use is folded with, for whoever only reads."""

    said: bytes | None

    async def declared(self, offer: bytes) -> bytes:
        """The declarations in force; those of the folders where there is no store yet."""
        return self.said or offer


@dataclass(frozen=True, slots=True)
class Period:
    """What is told of; moments in milliseconds. What came before it is folded all the same."""

    since: int = 0
    until: int = END_OF_TIME


ALWAYS: Final = Period()


@dataclass(slots=True)
class Run:
    """One set of rules over the log, and what it led to."""

    declarations: Declarations
    period: Period = ALWAYS
    as_they_were: bool = False
    """Its rules have a history, and at each place of the log those decide that did."""
    told: Backtest = field(default_factory=Backtest)
    rerun: Rerun = field(init=False)

    def begin(self, settings: Settings, described: Described, known: Recorded) -> None:
        """Put it at the beginning of the log."""
        for marker in known.markers if self.as_they_were else ():
            self.declarations.editions.history.switch(marker.partition, marker.offset, marker.edition)
        self.rerun = Rerun(
            self.declarations(),
            known,
            settings.policy,
            topic_id=described.id,
            tenant=settings.tenant,
            watch=self._watch,
        )

    def _watch(self, looked: Looked, found: Sequence[Decision]) -> Sequence[Decision]:
        if self.period.since <= self.rerun.now <= self.period.until:
            for decision in found:
                self.told.note(decision, cause_of(decision, looked.event.id), looked.ms, looked.profile["id"])
        return found


async def in_force(settings: Settings) -> Kept:
    """The traits and segments that the store in use is folded with. Raises Transient."""
    client = connect(settings)
    try:
        return Kept(await Store(client).declared())
    finally:
        await client.aclose()


def opened(settings: Settings, folder: Path) -> Declarations:
    """The rules of a folder, over the traits and segments of their own. Raises Rejected when a file has a mistake."""
    if not folder.is_dir():
        raise Rejected(f"there is no folder {folder}", field="rules")
    loaded = load_folder(folder)
    if loaded.problems:
        raise Rejected("\n".join(map(str, loaded.problems)), field="rules")
    return of_rules(settings, loaded.rules)


def of_rules(settings: Settings, rules: Sequence[Rule]) -> Declarations:
    """These rules, over the traits and segments of the folders."""
    found = Declarations(settings)
    found.editions.use(rules)
    return found


def of_history(settings: Settings, history: History, period: Period = ALWAYS) -> Run:
    """The rules as they were published, each edition from the place in the log where it began."""
    found = Declarations(settings)
    found.editions.history = history
    return Run(found, period, as_they_were=True)


async def backtest(
    settings: Settings,
    folders: Sequence[Path | None],
    period: Period = ALWAYS,
    *,
    now: int,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Backtest]:
    """Let the rules of each folder see the whole log; what they would have done up to a moment `now` (ms).

    Without a folder it is the rules as they were, at each place of the log.
    `tell` hears how many events are read, of how many. Raises Rejected, Transient or Misconfigured.
    """
    runs = [
        await _as_they_were(settings, period) if folder is None else Run(opened(settings, folder), period)
        for folder in folders
    ]
    return await _rehearsed(settings, runs, now, tell)


async def rehearse(
    settings: Settings, sets: Sequence[Sequence[Rule] | None], period: Period = ALWAYS, *, now: int
) -> list[Backtest]:
    """The same for sets of rules that lie in no folder; None: the rules as they were. Raises Transient."""
    runs = [
        await _as_they_were(settings, period) if rules is None else Run(await beside(of_rules, settings, rules), period)
        for rules in sets
    ]
    return await _rehearsed(settings, runs, now, lambda *_: None)


async def _as_they_were(settings: Settings, period: Period) -> Run:
    return of_history(settings, await asyncio.to_thread(whole, settings), period)


async def _rehearsed(
    settings: Settings, runs: Sequence[Run], now: int, tell: Callable[[int, int], None]
) -> list[Backtest]:
    kept = await in_force(settings)
    for run in runs:
        await run.declarations.adopt(kept)
        await run.declarations.editions.refresh()
    described = await asyncio.to_thread(describe, settings)
    await asyncio.to_thread(_play, settings, described, runs, now, tell)
    return [run.told for run in runs]


def _play(
    settings: Settings, described: Described, runs: Sequence[Run], now: int, tell: Callable[[int, int], None]
) -> None:
    until: Mapping[int, int] = ends(settings, INTERACTIONS)
    known = recorded(in_order(settings, INTERACTIONS, until), described.id, settings.policy)
    for run in runs:
        run.begin(settings, described, known)
    total = sum(until.values())
    play(runs, _incoming(settings, described, in_order(settings, INTERACTIONS, until)), now, lambda n: tell(n, total))


def play(
    runs: Sequence[Run], events: Iterable[Incoming], now: int, tell: Callable[[int], None] = lambda done: None
) -> None:
    """Let runs that have begun see these events, and the time up to `now` after them."""
    latest = max((run.period.until for run in runs), default=now)
    for number, incoming in enumerate(events):
        if number % TELL_EVERY == 0:
            tell(number)
        if incoming.record.timestamp > latest:
            break
        for run in runs:
            run.rerun.take(incoming)
    for run in runs:
        run.rerun.until(min(now, run.period.until))
        run.told.settle(run.rerun.customer)


def _incoming(settings: Settings, described: Described, lines: Iterable[Stored]) -> Iterable[Incoming]:
    for stored in lines:
        with suppress(Rejected):  # it is among the dead letters
            yield one(line_of(stored), described.id, False, settings.policy)
