"""Many seeded schedules of the protocol, in as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from typing import Final

from hub.tuning import calm_collector
from tests.unit.protocol import by_hand
from tests.unit.schedule import Schedule

BLOCK: Final = 50
"""Schedules that a process plays before it tells of them."""
LONGEST: Final = 60
"""Seconds after which a schedule is one that never ends; it takes some hundredths of one."""

_process: Final = ExitStack()
"""What lasts as long as a process that plays."""

Fault = tuple[int, list[str]]
"""A seed, and what is wrong after its schedule."""


def play(seed: int) -> list[str]:
    """What is wrong after one schedule; to be called `by_hand`."""
    return Schedule(seed).run()


def played(seeds: Sequence[int]) -> Iterator[tuple[int, list[Fault]]]:
    """Play all of these: of one block after the other, how many they were, and those that ended badly."""
    blocks = [seeds[start : start + BLOCK] for start in range(0, len(seeds), BLOCK)]
    cores = min(len(os.sched_getaffinity(0)), len(blocks))
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn"), _prepare) as pool:
        try:
            for done in as_completed([pool.submit(_block, block) for block in blocks]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    _process.enter_context(by_hand())
    signal.signal(signal.SIGALRM, _endless)
    calm_collector()


def _endless(*_: object) -> None:
    raise TimeoutError(f"not at its end after {LONGEST} s")


def _block(seeds: Sequence[int]) -> tuple[int, list[Fault]]:
    found: list[Fault] = []
    for seed in seeds:
        signal.alarm(LONGEST)
        try:
            faults = play(seed)
        except Exception:  # whatever a schedule raises is told with its seed
            faults = [traceback.format_exc()]
        signal.alarm(0)
        if faults:
            found.append((seed, faults))
    return len(seeds), found
