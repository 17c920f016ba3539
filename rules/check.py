"""Rules held against what is known before they are published: what they cannot do, what they cost, and how they stand
to each other. Whether a rule is one at all was settled when it was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rules import cost, fields, messages, overlap, purpose, truth
from rules.catalogue import Catalogue
from rules.finding import Finding
from rules.model import CAPS, GlobalCap, Rule
from rules.sight import Sight

KINDS: Final[tuple[Callable[[Sight], Iterator[Finding]], ...]] = (
    fields.unknown,
    fields.unfit,
    truth.contradictions,
    purpose.odd,
    cost.over,
    messages.unread,
)
"""What is looked for in one rule, in the order it is told."""


def check(rules: Sequence[Rule], catalogue: Catalogue, caps: Sequence[GlobalCap] = CAPS) -> list[Finding]:
    """What is found about rules: of each in turn, then about those in force together. Pure."""
    found = [finding for rule in rules for finding in check_one(rule, catalogue)]
    return [*found, *overlap.compared(rules, catalogue, caps)]


def check_one(rule: Rule, catalogue: Catalogue) -> list[Finding]:
    """What is found about one rule alone, as an editor asks at every key."""
    sight = Sight(rule, catalogue)
    return list(dict.fromkeys(finding for kind in KINDS for finding in kind(sight)))
