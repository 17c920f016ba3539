"""When the folders of traits and segments say something else: a rebuild, started by the hub itself.

A trait that was folded from today on would be another one than after a rebuild, and two workers that saw the file at
different moments would make two different customers. So the declarations in force stay those that the store was
folded with, until a store that was built with the new ones takes its place. Building is the work of a process of its
own, which is the same as `hub customer rebuild --all`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import hub
from hub.beside import beside
from hub.errors import Transient
from hub.logs import get
from hub.metrics import DECLARATIONS_PENDING
from profile_store.ledger import Ledger
from streams.declared import Declarations

EVERY: Final = 0.5
REBUILD: Final = ("-m", "hub", "customer", "rebuild", "--all", "--if-changed")
LAUNCH: Final = Path(hub.__file__).parent / "servers" / "launch.py"
"""Lets a process end with the one that started it."""
LEADER: Final = 0
"""The partition whose worker looks after it."""
AFTER: Final = 3.0
"""Seconds until the workers have surely noticed that another store is in use."""
PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds after a rebuild that failed, doubled each time."""

log = get("redeclare")


def command() -> list[str]:
    """How the rebuild is started."""
    return [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), sys.executable, *REBUILD]


class Redeclarer:
    """Looks at the folders again and again, and has the store rebuilt when they changed."""

    def __init__(self, declarations: Declarations, ledger: Ledger, assigned: Callable[[], frozenset[int]]) -> None:
        self._declarations = declarations
        self._ledger = ledger
        self._assigned = assigned
        self._child: asyncio.subprocess.Process | None = None
        self._seen = ""
        self._not_before = 0.0
        self._failures = 0

    async def run(self) -> None:
        """Until cancelled; a rebuild that is under way ends with it."""
        try:
            while True:
                await asyncio.sleep(EVERY)
                with contextlib.suppress(Transient):
                    await self.look()
        finally:
            if self._child is not None and self._child.returncode is None:
                self._child.kill()

    async def look(self) -> None:
        """Look once, and start a rebuild or see to the one that is under way."""
        declarations = self._declarations
        if await beside(declarations.folders.look):
            for problem in declarations.folders.problems:
                log.error("a declaration is wrong: those in force stay", problem=str(problem))
        DECLARATIONS_PENDING.set(declarations.pending)
        self._ended()
        # A file may be half written, and several may belong together: twice the same is meant so.
        seen, self._seen = self._seen, declarations.folders.book.version if declarations.pending else ""
        if not self._seen or self._seen != seen or self._child is not None or LEADER not in self._assigned():
            return
        if time.monotonic() < self._not_before:
            return
        if not self._ledger.one_server:
            log.error("other traits or segments are declared; empty the cluster to have them in force")
            self._not_before = time.monotonic() + LONGEST_PAUSE
            return
        log.info("other traits or segments are declared: building all customers with them")
        self._child = await asyncio.create_subprocess_exec(*command())

    def _ended(self) -> None:
        child = self._child
        if child is None or child.returncode is None:
            return
        self._child = None
        self._failures = self._failures + 1 if child.returncode else 0
        pause = min(PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE) if self._failures else AFTER
        self._not_before = time.monotonic() + pause
        if self._failures:
            log.error("the rebuild failed and is tried again; the declarations in force stay", code=child.returncode)
