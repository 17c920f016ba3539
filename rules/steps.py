"""What the slow reading of a condition finds, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Truth = bool | None
MARKS = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a condition: what was asked, what was found, and the answer (None: unknown)."""

    asked: str
    answer: Truth
    found: str = ""
    parts: tuple[Step, ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The step and its parts, one a line, indented."""
        found = f"  ({self.found})" if self.found else ""
        yield f"{'  ' * depth}{MARKS[self.answer]}: {self.asked}{found}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def blame(self) -> Step:
        """The first predicate that kept the whole from holding."""
        for part in self.parts:
            if part.answer is not True:
                return part.blame()
        return self
