"""What typed traits, and the words of a choice, are called by whoever declared them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from rules.book import Stamp, stamped
from rules.declared import load_traits


@dataclass(frozen=True, slots=True, eq=False)
class Titles:
    """Titles by language; one without a language stands under any."""

    traits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    words: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """By trait and word; of words that have titles."""


UNTITLED: Final = Titles()


def titles(folder: Path) -> Titles:
    """Those of a folder of traits as its files are now."""
    stamps = tuple(stamped(folder))
    return _read(folder, stamps) if stamps else UNTITLED


@lru_cache(maxsize=4)
def _read(folder: Path, _: tuple[Stamp, ...]) -> Titles:
    typed = load_traits(folder).typed
    words = {(one.id, word): named for one in typed for word, named in one.words.items() if named}
    return Titles({one.id: one.name for one in typed}, words)
