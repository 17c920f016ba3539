"""A folder of rules that may change at any time: what is sound is in force, what is broken changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hub.computed import Lookup, nothing
from rules.engine import Engine
from rules.load import Page, Problem, files, read_file, unique
from rules.model import CAPS, GlobalCap, Rule

EVERY: Final = 0.5
"""Seconds between two looks at the folder."""

Stamp = tuple[int, int, int]


class RuleFolder:
    """The engine over a folder's rules, renewed when `poll` finds a change."""

    def __init__(
        self,
        path: Path,
        *,
        timezone: str = "UTC",
        language: str = "en",
        caps: Sequence[GlobalCap] = CAPS,
        hub: Mapping[str, Any] | None = None,
        computed: Lookup = nothing,
        every: float = EVERY,
    ) -> None:
        self._path = Path(path)
        self._timezone = timezone
        self._language = language
        self._caps = tuple(caps)
        self._hub = hub
        self._computed = computed
        self._every = every
        self._looked = float("-inf")
        self._stamps: dict[str, Stamp] = {}
        self._pages: dict[str, Page] = {}
        self.problems: tuple[Problem, ...] = ()
        self.engine = self._engine((), None)
        self.poll()

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
        if loaded.rules != self.engine.rules:
            self.engine = self._engine(loaded.rules, self.engine)
        return True

    def read_by(self, computed: Lookup) -> None:
        """From now on computed traits are read so."""
        self._computed = computed
        self.engine = self._engine(self.engine.rules, self.engine)

    def _read(self, name: str) -> Page:
        page = read_file(self._path / name)
        before = self._pages.get(name)
        # The last sound version of a broken file stays in force, so a slip of the pen silences nothing.
        return Page(name, before.rules, page.problems) if page.problems and before is not None else page

    def _engine(self, rules: Sequence[Rule], before: Engine | None) -> Engine:
        return Engine(
            rules,
            timezone=self._timezone,
            language=self._language,
            caps=self._caps,
            hub=self._hub,
            computed=self._computed,
            before=before,
        )


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
