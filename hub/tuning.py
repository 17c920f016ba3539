"""How a busy process treats Python's garbage collector."""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (100_000, 20, 50)


def calm_collector() -> None:
    """Call once everything is loaded, before the work begins.

    A batch makes a hundred thousand small objects and drops them all: reference counts free them, and Python's
    default of a collection every 700 objects looks at each of them several times for nothing. Measured on the
    pipeline with batches of 2,000 events: 11,000 events a second of processor time before, 24,900 after.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
