"""A folder of rules that may change at any time: what is sound is in force, what is broken changes nothing."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from hub.beside import let_go
from rules.load import Page, Problem, is_rule_file, read_file, unique
from rules.model import Rule

EVERY: Final = 0.5
"""Seconds between two looks at the folder."""
SELDOM: Final = 20
"""A look takes no more than this part of the time: ten thousand files take longer."""

Stamp = tuple[int, int, int]


class RuleFolder:
    """The sound rules of a folder, renewed when `poll` finds a change."""

    def __init__(self, path: Path, *, every: float = EVERY) -> None:
        self._path = Path(path)
        self._every = self._pause = every
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
        if moment - self._looked < self._pause:
            return False
        began = time.thread_time()
        stamps = _stamps(self._path)
        took = time.thread_time() - began
        self._looked, self._pause = moment, self._every and max(self._every, SELDOM * took)
        if stamps == self._stamps:
            return False
        changed = [name for name, stamp in stamps.items() if self._stamps.get(name) != stamp]
        pages = {name: page for name, page in self._pages.items() if name in stamps}
        for name in changed:
            pages[name] = self._read(name)
        loaded = unique([pages[name] for name in sorted(pages)])
        before, old = self._pages, dict(enumerate(self.rules))
        self._stamps, self._pages = stamps, pages
        self.problems = loaded.problems
        self.rules = loaded.rules
        for table in (before, old):
            let_go(table)
        return True

    def _read(self, name: str) -> Page:
        page = read_file(self._path / name)
        before = self._pages.get(name)
        # The last sound version of a broken file stays in force, so a slip of the pen silences nothing.
        return Page(name, before.rules, page.problems) if page.problems and before is not None else page


def _stamps(folder: Path) -> dict[str, Stamp]:
    """What tells whether a file changed, of all that `files` would list. Faster than that, since it is asked often."""
    stamps = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if is_rule_file(entry.name):
                with suppress(FileNotFoundError):
                    if entry.is_file():
                        found = entry.stat()
                        stamps[entry.name] = found.st_mtime_ns, found.st_size, found.st_ino
    return stamps
