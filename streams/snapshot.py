"""Snapshots: all customers as files, so that a rebuild need not begin at the beginning of the log.

Workers go on meanwhile, so each customer is copied at another moment. Every part knows which events it has, and what
it has is skipped when the log is read again from the first moment on. Only what changed its place meanwhile could be
copied twice or not at all: those customers are copied again, the last of them while nobody writes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import orjson

from hub.errors import Misconfigured, Transient
from hub.ids import digest
from hub.lots import lots
from hub.settings import Settings
from profile_store.copies import AT_ONCE, Copies, Copy, Writer, concerned, stored
from profile_store.draft import place
from profile_store.generations import Generations
from profile_store.keys import Keys
from profile_store.ledger import Ledger
from rules.book import Book
from streams.decode import Incoming
from streams.foretell import decisions, outstanding
from streams.gate import applied
from streams.relay import EVENT
from streams.topic import Described

FORMAT: Final = 2
FEW: Final = 2_000
"""Places that may be copied while the workers are held."""
ROUNDS: Final = 10
SEAL_MS: Final = 5_000
META, CUSTOMERS, AGAIN = "snapshot.json", "customers.gz", "again.gz"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot on disk."""

    folder: Path
    marks: dict[int, str]
    """The watermarks from which the log goes on."""
    places: int
    held: float = 0.0
    """Seconds for which the workers were held."""


def made_for(settings: Settings, declared: str) -> dict[str, Any]:
    """What must be the same where a snapshot is read again: other code, another policy or other
    declarations make other customers. `declared` is the version of those."""
    return {
        "format": FORMAT,
        "hub": version("interaction-hub"),
        "policy": digest(repr(sorted(settings.policy.kinds.items()))),
        "declarations": declared,
    }


def newest(settings: Settings) -> Path:
    """The folder of the newest snapshot. Raises Misconfigured when there is none."""
    found = sorted(one.parent for one in (settings.state / "snapshots").glob(f"*/{META}"))
    if not found:
        raise Misconfigured("there is no snapshot", "Take one: hub customer snapshot")
    return found[-1]


def opened(settings: Settings, folder: Path, declared: str) -> Snapshot:
    """The snapshot in a folder. Raises Misconfigured when it is not complete, or of another hub."""
    try:
        meta = orjson.loads((folder / META).read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{folder} holds no complete snapshot: {error}", "Take another.") from error
    other = [name for name, value in made_for(settings, declared).items() if meta.get(name) != value]
    if other:
        raise Misconfigured(
            f"{folder} was made with another {', '.join(other)}", "Rebuild from the log: hub customer rebuild --all"
        )
    return Snapshot(folder, {int(one): mark for one, mark in meta["marks"].items()}, meta["places"])


class Taking:
    """Takes one snapshot of the generation in use."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        generations: Generations,
        described: Described,
        copies: Callable[[Keys], Copies],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._generations = generations
        self._described = described
        self._copies = copies

    async def take(self, folder: Path) -> Snapshot:
        """Write it. Raises Transient, also when another generation came in use meanwhile."""
        at = Keys((await self._generations.standing()).current)
        copies, marks = self._copies(at), await self._generations.marks(at)
        unfinished = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        all_, again = Writer(unfinished / CUSTOMERS), dict[str, Copy]()
        try:
            async for places in copies.places():
                all_.add(await copies.read(places))
            since, moved = marks, set[str]()
            for _ in range(ROUNDS):
                before = since
                since = await self._generations.marks(at)
                moved = await self._moved(before)
                if len(moved) <= FEW:
                    break
                again |= await self._around(copies, moved)
            held, more = await self._sealed(lambda: self._last(copies, before))
            again |= more
        finally:
            all_.close()
        if (await self._generations.standing()).current != at.generation:
            raise Transient("another generation of the store came in use; take the snapshot again")
        await asyncio.to_thread(_save, unfinished / AGAIN, again.values())
        said = await self._generations.declared(at)
        declared = Book.from_json(said).version if said is not None else ""
        meta = {**made_for(self._settings, declared), "marks": {str(one): mark for one, mark in marks.items()}}
        _complete(unfinished, folder, {**meta, "places": all_.count})
        return Snapshot(folder, marks, all_.count, held)

    async def _moved(self, since: Mapping[int, str]) -> set[str]:
        """Places of the identities about which something was decided after these watermarks."""
        waiting = await self._ledger.waiting_triggers()
        bodies = [body for one in waiting.values() for id, body in one.items() if id.startswith(EVENT)]
        offsets = {one: applied(since.get(one, ""), self._described.id) for one in self._described.partitions}
        found = [*decisions(bodies, self._settings.policy), *await outstanding(self._settings, offsets)]
        return {where for one in found for where in _places(one)}

    async def _around(self, copies: Copies, places: set[str]) -> dict[str, Copy]:
        """Copies of these places, and of all places of the customers that they lead to."""
        found: dict[str, Copy] = {}
        missing = sorted(places)
        while missing:
            fresh: list[Copy] = []
            for some in lots(missing, AT_ONCE):
                fresh += await copies.read(some)
            found |= {one.place: one for one in fresh}
            places = places.union(missing)
            missing = sorted(concerned(fresh) - places)
        return found

    async def _last(self, copies: Copies, since: Mapping[int, str]) -> dict[str, Copy]:
        return await self._around(copies, await self._moved(since))

    async def _sealed(self, work: Callable[[], Awaitable[dict[str, Copy]]]) -> tuple[float, dict[str, Copy]]:
        """Do it while nobody writes. Raises Transient when it took too long for that."""
        started = time.monotonic()
        await self._generations.seal(SEAL_MS)
        try:
            done = await work()
        finally:
            await self._generations.unseal()
        held = time.monotonic() - started
        if held > SEAL_MS / 1000:
            raise Transient("too much changed while the snapshot was taken; take it when less comes in")
        return held, done


def _places(decided: Incoming) -> set[str]:
    return {place(str(end)) for entry in decided.event.data.get("links", ()) for end in entry[:2]}


def _save(path: Path, copies: Iterable[Copy]) -> None:
    writer = Writer(path)
    writer.add(list(copies))
    writer.close()


def _complete(unfinished: Path, folder: Path, meta: dict[str, Any]) -> None:
    """A folder with its last file is a whole snapshot, also after a power cut."""
    with (unfinished / META).open("wb") as file:
        file.write(orjson.dumps(meta, option=orjson.OPT_INDENT_2))
        file.flush()
    for name in (CUSTOMERS, AGAIN, META):
        with (unfinished / name).open("rb") as file:
            os.fsync(file.fileno())
    if folder.exists():
        shutil.rmtree(folder)
    unfinished.rename(folder)


async def load(snapshot: Snapshot, copies: Copies) -> int:
    """Fill an empty generation from a snapshot; how many places. Raises Transient."""
    again = {one.place: one for one in stored(snapshot.folder / AGAIN)}
    rest = (one for one in stored(snapshot.folder / CUSTOMERS) if one.place not in again)
    count = 0
    for some in _pieces(chain(again.values(), rest)):
        await copies.put(some)
        count += len(some)
    await copies.begin_at(snapshot.marks)
    return count


def _pieces(copies: Iterable[Copy]) -> Iterator[list[Copy]]:
    rest = iter(copies)
    while some := list(islice(rest, AT_ONCE)):
        yield some
