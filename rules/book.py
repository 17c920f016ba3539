"""The traits and segments that a store is folded with, as one text that is kept beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import orjson

from hub import ids
from rules.declared import load_segments, load_traits
from rules.lifecycle import Group, grouped
from rules.load import Problem, files
from rules.traits import Declaration, Trait, catalogue
from rules.typed import Typed

Stamp = tuple[str, int, int, int]


@dataclass(frozen=True)
class Book:
    """Declarations that go together. Of one version everybody makes the same customers of the same events."""

    traits: tuple[Trait, ...] = ()
    """The computed ones."""
    segments: tuple[Group, ...] = ()
    typed: tuple[Typed, ...] = ()
    lot: str = ""
    """Which store it was written for: what is told once of each has it in its name."""

    @cached_property
    def version(self) -> str:
        """A hash of what they say; what they are called is not part of it."""
        return ids.digest(orjson.dumps([_said(some) for some in self._parts.values()]).decode())

    @property
    def _parts(self) -> dict[str, tuple[Declaration, ...]]:
        parts: dict[str, tuple[Declaration, ...]] = {"traits": self.traits, "segments": self.segments}
        # Without them a book is what it was before there were any, and nothing is built anew.
        return {**parts, "typed": self.typed} if self.typed else parts

    def to_json(self, lot: str = "") -> bytes:
        """The text, for one more store."""
        dumped = {
            name: [one.model_dump(mode="json", by_alias=True) for one in some] for name, some in self._parts.items()
        }
        return orjson.dumps({"lot": lot or token_hex(8), **dumped})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """What `to_json` wrote. Raises ValueError."""
        said = orjson.loads(text)
        traits = tuple(Trait.model_validate(one) for one in said["traits"])
        typed = tuple(Typed.model_validate(one) for one in said.get("typed", ()))
        return cls(traits, tuple(grouped(one) for one in said["segments"]), typed, said["lot"])


def _said(some: Iterable[Declaration]) -> list[Any]:
    dumped = (one.model_dump(mode="json", by_alias=True, exclude={"name", "note"}) for one in some)
    return sorted(dumped, key=lambda one: str(one["id"]))


class Folders:
    """The folders of traits and segments, which may change at any time."""

    def __init__(self, traits: Path, segments: Path) -> None:
        self._traits, self._segments = traits, segments
        self._stamps: tuple[Stamp, ...] | None = None
        self.book = Book()
        """What of them is sound."""
        self.problems: tuple[Problem, ...] = ()
        self.look()

    @property
    def sound(self) -> bool:
        """Whether all of it is."""
        return not self.problems

    def look(self) -> bool:
        """Read them again if a file changed; whether they say something else now, or something else is wrong."""
        stamps = (*stamped(self._traits), *stamped(self._segments))
        if stamps == self._stamps:
            return False
        before = self.book.version, self.problems
        traits = load_traits(self._traits)
        segments = load_segments(self._segments, catalogue(traits.computed).readings)
        self.book = Book(traits.computed, segments.items, traits.typed)
        self.problems = (*traits.problems, *segments.problems)
        self._stamps = stamps
        return (self.book.version, self.problems) != before


def stamped(folder: Path) -> Iterable[Stamp]:
    """What tells whether the files of a folder are those they were."""
    for path in files(folder):
        try:
            found = path.stat()
        except FileNotFoundError:  # taken away just now
            continue
        yield str(path), found.st_mtime_ns, found.st_size, found.st_ino
