"""What operators declared: rules, traits and segments, put together for the pipeline.

Rules may change at any time: they only say what is sent from their edition on. Traits and segments are part of what a
customer *is*, so they belong to the store that was folded with them, and stand in it. Whoever works on a store takes
them from there, and other ones come into force with another store, on every worker in the same step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from hub.logs import get
from hub.settings import Settings
from profile_store.facets import windows
from rules.book import Book, Folders
from rules.lifecycle import segments_of
from rules.membership import Segments
from rules.traits import catalogue
from streams.decide import Engine
from streams.editions import Editions
from streams.fold import PLAIN, Folding

log: Final = get("declared")


@dataclass(frozen=True, slots=True)
class Declared:
    """All that is in force at one moment."""

    engine: Callable[[int, int], Engine]
    """The rules that decide at a place in the log: partition, offset."""
    folding: Folding = PLAIN
    segments: Segments = field(default_factory=Segments)


def everywhere(engine: Engine) -> Callable[[int, int], Engine]:
    """Rules that never change: the same at every place of the log."""
    return lambda partition, offset: engine


class Kept(Protocol):
    """A store that knows what it is folded with."""

    async def declared(self, offer: bytes) -> bytes: ...


def folding_of(book: Book) -> Folding:
    """How a store is folded that has this book."""
    return Folding(windows.index(catalogue(book.traits).features), {one.id: one.reads for one in book.typed})


class Declarations:
    """Rules as they were published; traits and segments as the store has them."""

    def __init__(self, settings: Settings) -> None:
        self.folders = Folders(settings.traits_dir, settings.segments_dir)
        for problem in self.folders.problems:
            log.error("a declaration is not in force", problem=str(problem))
        self.editions = Editions(settings)
        self.book = self.folders.book
        """What is in force."""
        self._use(self.book)

    def __call__(self) -> Declared:
        """What is in force now."""
        return Declared(self.editions.at, self._folding, self._segments)

    @property
    def pending(self) -> bool:
        """Whether the folders say something else, without a mistake, than is in force."""
        return self.folders.sound and self.folders.book.version != self.book.version

    async def adopt(self, store: Kept) -> None:
        """Put in force what a store is folded with; one that is new takes what the folders say. Raises Transient."""
        book = Book.from_json(await store.declared(self.folders.book.to_json()))
        if book.version != self.book.version:
            log.info(
                "other declarations are in force",
                typed=len(book.typed),
                computed=len(book.traits),
                segments=len(book.segments),
            )
            self._use(book)
        self.book = book

    def _use(self, book: Book) -> None:
        made = catalogue(book.traits)
        self.look, until = windows.readers(made.readings)
        self._folding = folding_of(book)
        self._segments = Segments(segments_of(book.segments), made.readings, self.look, until)
        self.editions.read_by(self.look)
