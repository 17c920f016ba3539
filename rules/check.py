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


def check_among(
    rule: Rule, others: Sequence[Rule], catalogue: Catalogue, caps: Sequence[GlobalCap] = CAPS
) -> list[Finding]:
    """What is found about one rule that is to stand among others, what it changes about them included."""
    near = [one for one in others if one.id != rule.id and _meet(one, rule)]
    before = set(overlap.compared(near, catalogue, caps))
    after = overlap.compared([*near, rule], catalogue, caps)
    return [
        *check_one(rule, catalogue),
        *(one for one in after if one.rule == rule.id or (one.rule and one not in before)),
    ]


def _meet(one: Rule, other: Rule) -> bool:
    """Whether some event concerns both; only then can they get in each other's way."""
    return any(
        mine.type == its.type and (mine.name == its.name or None in (mine.name, its.name))
        for mine in one.on
        for its in other.on
    )
