"""Keep a set of processes running: start in order, restart what dies, stop in reverse."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal, Self

from hub.errors import Misconfigured
from hub.servers.guard import StateLock
from hub.servers.process import Child, Spec, end_leftovers, ended

FIRST_DELAY, LONGEST_DELAY = 0.2, 10.0
PROVEN_AFTER = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Kind = Literal["starting", "ready", "died", "stopping", "stopped", "killed", "leftover"]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a process, for progress lines; `seconds` belongs to the kind."""

    kind: Kind
    name: str
    text: str
    seconds: float = 0.0


def ignore(_happening: Happening) -> None:
    """Tell nobody."""


class Supervisor:
    """Runs processes as one thing.

    `start` returns when all are ready and raises Misconfigured, with nothing left running, when one cannot be.
    """

    def __init__(self, specs: Sequence[Spec], *, state: Path, log: Callable[[Happening], None] = ignore) -> None:
        _check(specs)
        self._state = state
        self._tell = log
        self._lock = StateLock(state)
        self._children = {spec.name: Child(spec, state) for spec in specs}
        self._ready = {spec.name: asyncio.Event() for spec in specs}
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, *, after_start: Callable[[], None] = lambda: None) -> None:
        """Start everything, keep it running until Ctrl-C or SIGTERM, stop everything."""
        with self._signals():
            try:
                await self.start()
                if not self._stopping.is_set():
                    after_start()
                await self._stopping.wait()
            finally:
                await self.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_fault: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything in order; returns when all are ready, or early when asked to stop."""
        self._lock.take()
        for name in await asyncio.to_thread(end_leftovers, self._state):
            self._tell(Happening("leftover", name, f"{name} was left by a killed hub, ended it"))
        children = list(self._children.values())
        self._tasks = [asyncio.create_task(self._bring_up(child)) for child in children]
        everything = asyncio.gather(*self._tasks)
        try:
            await self._or_stopping(everything)
        except BaseException:
            await self.stop()
            raise
        if not self._stopping.is_set():
            self._tasks = [asyncio.create_task(self._keep(child)) for child in children]

    async def stop(self) -> None:
        """Stop everything, what was started last first."""
        self._stopping.set()
        gone = {name: asyncio.Event() for name in self._children}
        await asyncio.gather(*(self._take_down(child, gone) for child in self._children.values()))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lock.release()

    def ask_to_stop(self) -> None:
        """Let `run` come to its end; asked a second time, kill instead of waiting."""
        if self._stopping.is_set():
            for child in self._children.values():
                child.kill()
        self._stopping.set()

    def pid(self, name: str) -> int | None:
        """The id of a process while it runs."""
        return self._children[name].pid

    async def _bring_up(self, child: Child) -> None:
        """Start a child once what it needs is ready, and wait until it is ready itself."""
        name = child.spec.name
        for needed in child.spec.after:
            await self._or_stopping(self._ready[needed].wait())
        if self._stopping.is_set():
            return
        self._tell(Happening("starting", name, f"{name} starting"))
        try:
            await child.start()
            if self._stopping.is_set():  # whoever stops the others has not seen this one yet
                await child.stop()
            seconds = await child.until_ready()
        except Misconfigured:
            if self._stopping.is_set():
                return
            child.kill()
            await child.wait()
            raise
        self._ready[name].set()
        self._tell(Happening("ready", name, f"{name} ready in {seconds:.1f} s", seconds))

    async def _keep(self, child: Child) -> None:
        """Start a child again whenever it ends, later and later if it does not hold."""
        name, delay = child.spec.name, FIRST_DELAY
        why = ended(await child.wait())
        while not self._stopping.is_set():
            self._ready[name].clear()
            if child.held >= PROVEN_AFTER:
                delay = FIRST_DELAY
            self._tell(Happening("died", name, f"{name} {why}, restarting in {delay:g} s", delay))
            await self._or_stopping(asyncio.sleep(delay))
            delay = min(delay * 2, LONGEST_DELAY)
            why = await self._once_more(child)

    async def _once_more(self, child: Child) -> str:
        """One more run of a child; how it ended."""
        try:
            await self._bring_up(child)
        except Misconfigured as error:
            return str(error).partition(". The end of its log")[0].removeprefix(f"{child.spec.name} ")
        return ended(await child.wait())

    async def _or_stopping(self, awaitable: Awaitable[object]) -> None:
        """Wait for this, or for the wish to stop."""
        wanted = asyncio.ensure_future(awaitable)
        wish = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({wanted, wish}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wish.cancel()
        if wanted.done():
            wanted.result()
        elif isinstance(wanted, asyncio.Task):  # a gather is not ours to cancel: its tasks end by themselves
            wanted.cancel()

    async def _take_down(self, child: Child, gone: dict[str, asyncio.Event]) -> None:
        """Stop a child once everything that leans on it is gone."""
        name = child.spec.name
        for other in self._children.values():
            if name in other.spec.after:
                await gone[other.spec.name].wait()
        if child.pid is not None:
            self._tell(Happening("stopping", name, f"{name} stopping"))
            if await child.stop():
                self._tell(Happening("killed", name, f"{name} did not stop in {child.spec.stop_timeout:g} s, killed"))
            else:
                self._tell(Happening("stopped", name, f"{name} stopped"))
        gone[name].set()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.ask_to_stop)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)


def _check(specs: Sequence[Spec]) -> None:
    """Refuse what can never start: two of one name, an unknown need, a circle."""
    needs = {spec.name: set(spec.after) for spec in specs}
    if len(needs) != len(specs):
        raise ValueError(f"two processes of one name among {[spec.name for spec in specs]}")
    if unknown := set().union(*needs.values()) - set(needs):
        raise ValueError(f"nothing is called {', '.join(sorted(unknown))}")
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        raise ValueError(f"these wait for each other: {' → '.join(error.args[1])}") from error
