"""Many things in lots: for whoever takes no more at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def lots(some: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The same in their order, at most so many at a time; nothing of nothing."""
    for start in range(0, len(some), size):
        yield some[start : start + size]
