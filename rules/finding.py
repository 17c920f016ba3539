"""What checking rules brings to light, as people and editors are told it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal, TypeAlias

Severity = Literal["error", "warning"]
Code = Literal[
    "field",
    "event",
    "type",
    "contradiction",
    "always",
    "shadowed",
    "overlap",
    "uncompared",
    "purpose",
    "budget",
    "selectivity",
    "template",
]
Place: TypeAlias = tuple[str | int, ...]
"""The way to a field of a rule: keys and numbers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a rule. With an error it cannot do what it is there for; a warning is to be looked at."""

    rule: str
    """Its id; empty for what concerns no rule alone."""
    field: str
    """Where in the rule, as `if.all.0.value`."""
    severity: Severity
    code: Code
    reason: str
    hint: str = ""
    """What to do about it."""

    def __str__(self) -> str:
        said = f"{self.rule}: " if self.rule else ""
        said += f"{self.field}: " if self.field else ""
        return said + self.reason + (f"; {self.hint}" if self.hint else "")


def dotted(place: Place) -> str:
    """A place as text."""
    return ".".join(map(str, place))


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` when something is spelled alike, else nothing."""
    near = _near(word, tuple(sorted(known)), 0.6)
    return f"did you mean {near}?" if near else ""


@lru_cache(maxsize=4096)
def slip(word: str, known: tuple[str, ...]) -> str:
    """The known word that this one is almost, up to a letter or how it is joined; else nothing. For names that anyone
    may choose, where only a slip of the pen is to be told."""
    if len(word) < 3 or word in known:
        return ""
    joined = _joined(word)
    return next((one for one in known if _joined(one) == joined), "") or _near(word, known, 0.8)


@lru_cache(maxsize=4096)
def _near(word: str, known: tuple[str, ...], cutoff: float) -> str:
    return next(iter(get_close_matches(word[:100], known, n=1, cutoff=cutoff)), "")


def _joined(word: str) -> str:
    return "".join(one for one in word.casefold() if one not in "_- .")
