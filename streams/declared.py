"""What operators declared: rules, computed traits and segments, put together for the pipeline.

Rules may change at any time: they only say what is sent from now on. Computed traits and segments are part of what a
customer *is*, so they belong to the store that was folded with them, and stand in it. Whoever works on a store takes
them from there, and other ones come into force with another store, on every worker in the same step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from hub.computed import nothing
from hub.logs import get
from hub.settings import Settings
from profile_store.facets import windows
from profile_store.facets.windows import Index
from rules.book import Book, Folders
from rules.lifecycle import segments_of
from rules.membership import Segments
from rules.traits import catalogue
from rules.watch import RuleFolder
from streams.decide import Engine

log: Final = get("declared")


@dataclass(frozen=True, slots=True)
class Declared:
    """All that is in force at one moment."""

    engine: Engine
    features: Index = field(default_factory=dict)
    """What computed traits keep, by kind of event."""
    segments: Segments = field(default_factory=Segments)


class Kept(Protocol):
    """A store that knows what it is folded with."""

    async def declared(self, offer: bytes) -> bytes: ...


def features_of(book: Book) -> Index:
    """What the computed traits of a book keep, by kind of event."""
    return windows.index(catalogue(book.traits).features)


class Declarations:
    """Rules as their folder has them now; computed traits and segments as the store has them."""

    def __init__(self, settings: Settings) -> None:
        self.folders = Folders(settings.traits_dir, settings.segments_dir)
        for problem in self.folders.problems:
            log.error("a declaration is not in force", problem=str(problem))
        self.rules = RuleFolder(
            settings.rules_dir, timezone=settings.timezone, language=settings.language, computed=nothing
        )
        self.book = self.folders.book
        """What is in force."""
        self._use(self.book)

    def __call__(self) -> Declared:
        """What is in force now."""
        return Declared(self.rules.engine, self._features, self._segments)

    @property
    def pending(self) -> bool:
        """Whether the folders say something else, without a mistake, than is in force."""
        return self.folders.sound and self.folders.book.version != self.book.version

    async def adopt(self, store: Kept) -> None:
        """Put in force what a store is folded with; one that is new takes what the folders say. Raises Transient."""
        book = Book.from_json(await store.declared(self.folders.book.to_json()))
        if book.version != self.book.version:
            log.info("other declarations are in force", traits=len(book.traits), segments=len(book.segments))
            self._use(book)
        self.book = book

    def _use(self, book: Book) -> None:
        made = catalogue(book.traits)
        look, until = windows.readers(made.readings)
        self._features = windows.index(made.features)
        self._segments = Segments(segments_of(book.segments), made.readings, look, until)
        self.rules.read_by(look)
