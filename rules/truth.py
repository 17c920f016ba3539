"""Conditions that can never hold, and conditions that always do."""

from __future__ import annotations

from collections.abc import Iterator

from rules.clauses import clauses
from rules.conditions import Condition
from rules.fields import unfit, words
from rules.finding import Finding, Severity, dotted
from rules.room import Clash, Room
from rules.sight import Leaf, Sight
from rules.tree import field_of

_MOST_TOLD = 5


def contradictions(sight: Sight) -> Iterator[Finding]:
    """What in a rule cannot be so together, and what is so whatever happens."""
    rule = sight.rule
    for name, root in sight.roots:
        found, possible = _clashes(sight, name, root)
        yield from found
        if possible and not sight.reader.possible((root, "does not hold")):
            yield from _always(sight, name)
    # What is asked at two moments may well differ.
    if rule.wait is None and rule.when is not None and rule.unless is not None:
        reader = sight.reader
        told = not reader.possible((rule.unless, "does not hold")) or not reader.possible((rule.when, "holds"))
        if not told and reader.implies(rule.when, rule.unless):
            reason = "holds whenever `if` does: the rule never speaks"
            yield sight.told(("unless",), "error", "contradiction", reason)


def _clashes(sight: Sight, name: str, root: Condition) -> tuple[list[Finding], bool]:
    reader = sight.reader
    reader.clashes = []
    possible = reader.narrow(root, "holds", Room(), (name,)) is not None
    # Of an `unless` that can never hold the rule still speaks.
    severity: Severity = "warning" if possible or name == "unless" else "error"
    alone = [one for one in reader.clashes if not one.others]
    told = {one.asked[0]: one for one in reader.clashes if one.others}
    found = [_told(sight, one, severity) for one in list(told.values())[:_MOST_TOLD]]
    ways = clauses(root) if possible else []
    if len(ways) > 1:
        possible = any(reader.possible(*((part, "holds") for part in way)) for way in ways)
        if not possible:
            reason = f"none of the {len(ways)} ways in which this could hold is possible"
            found = [sight.told((name,), "warning" if name == "unless" else "error", "contradiction", reason)]
    if not possible and not found and not alone:
        found = [sight.told((name,), severity, "contradiction", "this can never hold")]
    return found, possible


def _told(sight: Sight, clash: Clash, severity: Severity) -> Finding:
    place, node, _ = clash.asked
    others = [f"{words(Leaf(*one))} ({dotted(one[0])})" for one in clash.others[:_MOST_TOLD]]
    name = field_of(node) or "this"
    reason = f"{name} cannot be {words(Leaf(*clash.asked))} and at the same time {' and '.join(others)}"
    hint = "drop one, or put them under `any`" if severity == "error" else ""
    return sight.told(place, severity, "contradiction", reason, hint)


def _always(sight: Sight, name: str) -> Iterator[Finding]:
    if name == "unless":
        yield sight.told((name,), "error", "always", "this always holds: the rule never speaks")
    elif not any(one.code == "always" for one in unfit(sight)):  # told of a part already
        yield sight.told((name,), "warning", "always", "this holds for every event the rule listens to", "leave it out")
