"""What a rule needs to be told before it can speak: kinds of events, and fields."""

from __future__ import annotations

from collections.abc import Iterable

from rules import tree
from rules.conditions import Condition, Seen
from rules.model import Rule
from rules.waits import Until


def events(rule: Rule) -> list[str]:
    """The kinds of events it listens to, waits for or asks about, `type` or `type/name`."""
    nodes = (node for root in _roots(rule) for node, _, _ in tree.walk(root))
    asked = [kind for node in nodes if isinstance(node, Seen) for kind in node.seen]
    before = rule.after.seen if rule.after is not None else ()
    return list(dict.fromkeys([*map(str, rule.on), *before, *asked]))


def fields(rule: Rule) -> list[str]:
    """The fields that decide whether it speaks, and when; what its messages put in is not among them."""
    nodes = [node for root in _roots(rule) for node, _, _ in tree.walk(root)]
    found = [name for node in nodes for name in tree.fields_of(node)]
    found += [node.correlate or "" for node in nodes if isinstance(node, Seen)]
    found += [rule.after.correlate or ""] if rule.after is not None else []
    found += [rule.wait.field] if isinstance(rule.wait, Until) else []
    found.append(rule.correlate or "")
    return sorted({name for name in found if name and not name.startswith("item")})


def _roots(rule: Rule) -> Iterable[Condition]:
    return [root for root in (rule.when, rule.unless) if root is not None]
