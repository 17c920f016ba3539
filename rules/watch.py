"""A folder of rules that may change at any time: what is sound is in force, what is broken changes nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from rules.load import Page, Problem, files, read_file, unique
from rules.model import Rule

EVERY: Final = 0.5
"""Seconds between two looks at the folder."""

Stamp = tuple[int, int, int]


class RuleFolder:
    """The sound rules of a folder, renewed when `poll` finds a change."""

    def __init__(self, path: Path, *, every: float = EVERY) -> None:
        self._path = Path(path)
        self._every = every
        self._looked = float("-inf")
        self._stamps: dict[str, Stamp] = {}
        self._pages: dict[str, Page] = {}
        self.problems: tuple[Problem, ...] = ()
        self.rules: tuple[Rule, ...] = ()
        self.poll()

    @property
    def there(self) -> bool:
        """Whether there is such a folder."""
        return self._path.is_dir()

    def poll(self) -> bool:
        """Look for changes, at most every half second; true when other rules, or other problems, are there now."""
        moment = time.monotonic()
        if moment - self._looked < self._every:
            return False
        self._looked = moment
        stamps = {path.name: stamp for path in files(self._path) if (stamp := _stamp(path))}
        if stamps == self._stamps:
            return False
        changed = [name for name, stamp in stamps.items() if self._stamps.get(name) != stamp]
        pages = {name: page for name, page in self._pages.items() if name in stamps}
        for name in changed:
            pages[name] = self._read(name)
        self._stamps, self._pages = stamps, pages
        loaded = unique([pages[name] for name in sorted(pages)])
        self.problems = loaded.problems
        self.rules = loaded.rules
        return True

    def _read(self, name: str) -> Page:
        page = read_file(self._path / name)
        before = self._pages.get(name)
        # The last sound version of a broken file stays in force, so a slip of the pen silences nothing.
        return Page(name, before.rules, page.problems) if page.problems and before is not None else page


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
