"""Heavy work beside a running event loop: in a thread, and so that the loop hardly notices.

A thread alone is not enough, because Python runs one thread at a time. Making ten thousand rules ready makes half a
million objects, and two things then hold up the loop that wants to answer meanwhile:

- the garbage collector looks at all of them again and again, which finds nothing and cannot be interrupted;
- whoever wants to run asks, and waits for five milliseconds, each time, until the other thread gives way.

So the collector rests while such work lasts, what was made is then taken out of its sight, and the other thread gives
way at once. There is only one such thread: two would take turns with each other while the loop waits. Against long
steps of the work itself nothing helps but to do them bit by bit: also to let go of a large table is one step, unless
it is emptied first.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

GIVE_WAY: Final = 0.0005
"""Seconds after which the working thread gives way. Less makes the work slower and the loop no faster."""

P = ParamSpec("P")
T = TypeVar("T")

MANY: Final = 20_000
"""New objects from which on the collector is kept from them; fewer it may look at, that takes no millisecond or two."""


class _Quiet:
    """How many pieces of such work there are, and how the process was before the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._collected = True
        self._interval = 0.0

    def begin(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._collected, self._interval = gc.isenabled(), sys.getswitchinterval()
                gc.disable()
                sys.setswitchinterval(min(GIVE_WAY, self._interval))

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                sys.setswitchinterval(self._interval)
                # Else it would look at all of it in the next moment. What is frozen is still freed by reference counts.
                if gc.get_count()[0] >= MANY:
                    gc.freeze()
                if self._collected:
                    gc.enable()


_quiet: Final = _Quiet()
_thread: Final = ThreadPoolExecutor(1, "beside")


@contextmanager
def quiet() -> Iterator[None]:
    """Within it the collector rests and threads give way soon; much that was made in it is never looked at again."""
    _quiet.begin()
    try:
        yield
    finally:
        _quiet.end()


async def beside(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, done in a thread while the loop goes on, one after another. Raises what it raises."""
    inside = contextvars.copy_context()
    quietly = partial(inside.run, _quietly, work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_thread, quietly)


def _quietly(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    with quiet():
        return work(*args, **kwargs)


def let_go(table: MutableMapping[Any, Any]) -> None:
    """Empty a large table that nobody needs any more, so that others may run in between."""
    while table:
        table.popitem()
