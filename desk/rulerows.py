"""The list of rules: each as it is now, the ones that speak first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from desk.rulelabels import STATES
from rules.history import History, Version
from rules.model import Rule
from rules.shape import said, spread

PAGE: Final = 50
_TURN: Final = {state: number for number, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Row:
    """A rule in the list. A retired one is shown as it was last."""

    last: Version
    rule: dict[str, Any]
    """Spread out."""

    @property
    def id(self) -> str:
        """What the rule is called in addresses."""
        return self.last.id


@dataclass(frozen=True, slots=True)
class Found:
    """One page of the list."""

    rows: Sequence[Row]
    fit: int
    """How many fit in all."""
    counts: dict[str, int]
    """By state, of those that fit the words."""
    page: int
    pages: int


def latest(versions: Sequence[Version]) -> Rule | None:
    """What a rule said last; of a retired one what it said before."""
    return next((one.rule for one in reversed(versions) if one.rule is not None), None)


def found(history: History, words: str, state: str, page: int, language: str) -> Found:
    """The rules that have all the words in their id, names, note or events, and are in this state."""
    wanted = words.casefold().split()
    fitting = []
    for versions in history.versions.values():
        rule = latest(versions)
        if rule is not None and all(word in _text(rule) for word in wanted):
            fitting.append((versions[-1], rule))
    counts = Counter(last.state for last, _ in fitting)
    chosen = [one for one in fitting if not state or one[0].state == state]
    chosen.sort(key=lambda one: (_TURN.get(one[0].state, 9), _name(one[1], language).casefold(), one[0].id))
    pages = max(1, -(-len(chosen) // PAGE))
    page = min(page, pages)
    shown = [Row(last, spread(said(rule))) for last, rule in chosen[(page - 1) * PAGE : page * PAGE]]
    return Found(shown, len(chosen), dict(counts), page, pages)


def _name(rule: Rule, language: str) -> str:
    return rule.name.get(language) or next(iter(rule.name.values()))


def _text(rule: Rule) -> str:
    return " ".join((rule.id, *rule.name.values(), rule.note, *map(str, rule.on))).casefold()
