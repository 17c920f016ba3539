"""`hub customer verify`: is a customer, byte for byte, what the log says?"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import Progress, TextColumn

from hub.cli.customer import look_up
from hub.errors import Rejected
from hub.profile import Document
from hub.replay import stored_since
from hub.settings import Settings, read
from hub.topics import INTERACTIONS
from profile_store.cluster import ledger
from profile_store.connect import connect
from profile_store.document import canonical, unpacked
from profile_store.store import Store
from rules.book import Book, Folders
from streams import verify as pure
from streams.declared import folding_of
from streams.decode import Incoming, one
from streams.fold import Folding
from streams.foretell import Line
from streams.gate import applied
from streams.topic import Described, describe

console = Console(highlight=False, soft_wrap=True)
ROUNDS = 3
"""How often a customer is compared whose events come in just now."""


@dataclass(slots=True)
class Seen:
    """A customer as it is stored, and how far the log was applied before."""

    document: Document
    marks: dict[int, str]
    book: Book
    """The traits and segments that it is folded with."""

    @property
    def folding(self) -> Folding:
        """How it is folded."""
        return folding_of(self.book)


@dataclass(slots=True)
class Compared:
    """A customer beside what its events make of it."""

    stored: Document
    folded: Document | None
    folding: Folding
    events: list[Incoming] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Byte for byte."""
        return self.folded is not None and canonical(self.stored) == canonical(self.folded)


async def look(settings: Settings, identifier: str) -> Seen:
    """The customer as it is stored now. Raises Rejected when there is none."""
    client = connect(settings)
    try:
        store = Store(client)
        at = await store.where()
        here = ledger(client, settings.group)
        here.at = at
        marks = await here.watermarks()
        profile = await look_up(store, settings, identifier)
        raw = (await here.read({profile["id"]: []}))[profile["id"]].value
        if raw is None or raw[:1] == b">":
            raise Rejected(f"{identifier} is being joined to another customer; try again")
        said = await store.declared()
        book = Book.from_json(said) if said is not None else Folders(settings.traits_dir, settings.segments_dir).book
        return Seen(unpacked(raw), marks, book)
    finally:
        await client.aclose()


def _applied(found: Incoming, seen: Seen, topic_id: str) -> bool:
    """Whether the store can know an event: it stands before the watermark, or the part says that it has it."""
    record = found.record
    if record.offset < applied(seen.marks.get(record.partition, ""), topic_id):
        return True
    told = seen.document["parts"].get(found.keys[0])
    return told is not None and record.offset <= told["fences"].get(found.fence, -1)


def _events(settings: Settings, seen: Seen, topic: Described, places: Collection[int]) -> Iterator[Incoming]:
    """All events of these partitions that the store can know."""
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} events"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"reading {len(places)} of {len(topic.partitions)} partitions", total=None)
        for line in stored_since(settings, INTERACTIONS, dict.fromkeys(places, 0)):
            progress.advance(task)
            record = Line(line.value, line.partition, line.offset, line.timestamp)
            with suppress(Rejected):  # it is among the dead letters
                found = one(record, topic.id, True, settings.policy)
                if _applied(found, seen, topic.id):
                    yield found


def compare(settings: Settings, seen: Seen, topic: Described, *, whole: bool) -> Compared:
    """Fold a customer again; of what its events lead to, everything is read."""
    places = None if whole else pure.homes(seen.document, len(topic.partitions))
    names = pure.wanted(seen.document)
    identity, folding = seen.document["nodes"][0], seen.folding
    while True:
        where = topic.partitions if places is None else sorted(places)
        events = [one for one in _events(settings, seen, topic, where) if pure.concerns(one, names)]
        folded = pure.refold(events, folding).document(identity)
        more = names if folded is None else names | pure.wanted(folded)
        if more == names:
            return Compared(seen.document, folded, folding, events)
        # A decision that the store does not know leads to others.
        names, places = more, None


def check(settings: Settings, identifier: str, *, whole: bool) -> Compared:
    """Compare, and again when events may have come in meanwhile. Raises Rejected or Transient."""
    topic = describe(settings)
    for number in range(ROUNDS):
        seen = asyncio.run(look(settings, identifier))
        found = compare(settings, seen, topic, whole=whole or number > 0)
        if found.equal:
            break
    return found


def verify(
    identifier: str,
    whole: Annotated[
        bool, typer.Option(help="Read all partitions, also those where no event of this customer is known.")
    ] = False,
) -> None:
    """Fold a customer again from the log alone and compare: equal, or the first event that differs.

    Example: hub customer verify email:sara@example.com
    """
    settings = read()
    found = check(settings, identifier, whole=whole)
    if found.equal:
        console.print(f"[green]equal[/], byte for byte, to its {len(found.events)} events in the log")
        return
    stored, folded = found.stored, found.folded
    lines = ["the log knows nobody like that"] if folded is None else _lines(stored, folded)
    for line in lines:
        console.print(line, markup=False)
    guilty = pure.culprit(stored, found.events, found.folding)
    if guilty is not None:
        one_, record = guilty.incoming.event, guilty.incoming.record
        console.print(
            f"first differing event: {one_.id} ({one_.type}) at partition {record.partition}, "
            f"offset {record.offset}: {guilty.what}",
            markup=False,
        )
    console.print(f"[red]{len(lines)} differences[/]")
    raise typer.Exit(1)


def _lines(stored: Document, folded: Document) -> list[str]:
    return pure.differences(orjson.loads(canonical(stored)), orjson.loads(canonical(folded)))


def register(app: typer.Typer) -> None:
    """Add `hub customer verify`."""
    app.command()(verify)
