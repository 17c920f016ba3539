"""What two versions of a rule say differently, part by part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from desk import rulelabels
from desk.filters import Filters
from desk.ruletext import RuleText
from desk.words import Words
from rules import print as printer

LONGEST: Final = 1200
"""Words of a text that are compared one by one; of a longer one all is shown as changed."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that was kept, is new, or is gone."""

    kind: Literal["same", "new", "gone"]
    text: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One part of a rule that is not what it was."""

    part: str
    """What it is called, translated."""
    language: str
    """Of a text; else empty."""
    pieces: tuple[Piece, ...]
    lines: bool = False
    """Whether its lines count, as those of a condition."""


class RuleDiff:
    """Comparing versions, in one language."""

    def __init__(self, words: Words, filters: Filters, text: RuleText) -> None:
        self._words = words
        self._filters = filters
        self._text = text

    def table(self) -> dict[str, Any]:
        """What templates use, by name."""
        return {"rule_changes": self.changes}

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Changed]:
        """The parts that differ, in the order of a rule; both are spread out."""
        one, other = self._parts(before), self._parts(after)
        found = []
        for key in dict.fromkeys((*one, *other)):
            was, now = one.get(key, ""), other.get(key, "")
            if was != now:
                part, _, language = key.partition("/")
                lines = part in {"if", "unless"}
                pieces = tuple(compared(was, now, by_line=lines))
                found.append(Changed(self._label(part), language, pieces, lines))
        return found

    def _label(self, part: str) -> str:
        known = rulelabels.PARTS.get(part)
        return self._words.say(known) if known else part

    def _parts(self, rule: Mapping[str, Any]) -> dict[str, str]:
        """Every part as text; texts in several languages are parts of their own."""
        found: dict[str, str] = {}
        send = rule.get("send") if isinstance(rule.get("send"), Mapping) else {}
        flat = {**{key: value for key, value in rule.items() if key not in {"id", "send"}}, **(send or {})}
        known = [key for key in rulelabels.PARTS if key in flat]
        for key in (*known, *(key for key in flat if key not in rulelabels.PARTS)):
            value = flat[key]
            if key in {"name", "subject", "text", "short"} and isinstance(value, Mapping):
                found |= {f"{key}/{language}": str(said) for language, said in value.items()}
            else:
                found[key] = self._said(key, value)
        return found

    def _said(self, key: str, value: Any) -> str:
        ways = {
            "state": lambda: self._filters.label(str(value), rulelabels.STATES),
            "purpose": lambda: self._filters.label(str(value), rulelabels.PURPOSES),
            "once": lambda: self._filters.label(str(value), rulelabels.ONCE),
            "on": lambda: "; ".join(self._text.event(one).striptags() for one in value),
            "if": lambda: "\n".join(self._text.lines(value)),
            "unless": lambda: "\n".join(self._text.lines(value)),
            "wait": lambda: self._text.span(value) if isinstance(value, str) else printer.inline(value),
            "max_age": lambda: self._text.span(value),
            "channel": lambda: self._text.ways(value),
            "cap": lambda: self._text.cap(value),
            "priority": lambda: self._words.digits(value),
            "note": lambda: str(value),
        }
        return ways[key]() if key in ways else printer.inline(value)


def compared(before: str, after: str, *, by_line: bool) -> Iterable[Piece]:
    """Two texts as what was kept, is gone and is new, word by word or line by line."""
    one, other = _split(before, by_line), _split(after, by_line)
    if len(one) > LONGEST or len(other) > LONGEST:
        one, other = [before], [after]
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(one[a:b]))
            continue
        if a < b:
            yield Piece("gone", "".join(one[a:b]))
        if c < d:
            yield Piece("new", "".join(other[c:d]))


def _split(text: str, by_line: bool) -> Sequence[str]:
    return text.splitlines(keepends=True) if by_line else re.findall(r"\s+|[^\s]+", text)
