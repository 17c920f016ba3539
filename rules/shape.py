"""A rule as data in two shapes: spread out, so that a form finds everything in one place, and tight, as people write.

Both say the same. What is not as it should be is left as it is: the check tells what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from rules import spans
from rules.model import ANY_LANGUAGE, Rule

WORDED: Final = ("subject", "text", "short")
"""What a message has in several languages."""
CONDITIONS: Final = ("if", "unless")
_BELOW: Final = ("all", "any", "not", "has", "every", "none")
"""Where a condition has parts."""


def said(rule: Rule) -> dict[str, Any]:
    """A rule as data, without what goes without saying."""
    return rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def spread(data: dict[str, Any]) -> dict[str, Any]:
    """Every text by language, every list as a list, every event as `type` or `type/name`."""
    return _change(data, _worded, _listed, lambda on: [_event(one) for one in _listed(on)])


def tight(data: dict[str, Any]) -> dict[str, Any]:
    """A text for all languages, and the only one of a list, without more around it."""
    return _change(data, _alone, _one, lambda on: _one([_event(one) for one in _listed(on)]))


def _change(
    data: dict[str, Any], worded: Callable[[Any], Any], listed: Callable[[Any], Any], events: Callable[[Any], Any]
) -> dict[str, Any]:
    changed = dict(data)
    ways: dict[str, Callable[[Any], Any]] = {"name": worded, "on": events}
    ways |= dict.fromkeys(("wait", "max_age"), _span)
    ways |= dict.fromkeys(CONDITIONS, lambda root: _seen(root, listed))
    for key, way in ways.items():
        if key in changed:
            changed[key] = way(changed[key])
    if isinstance(changed.get("cap"), dict) and "per" in changed["cap"]:
        changed["cap"] = {**changed["cap"], "per": _span(changed["cap"]["per"])}
    if isinstance(changed.get("send"), dict):
        send = dict(changed["send"])
        for key, way in {"channel": listed, **dict.fromkeys(WORDED, worded)}.items():
            if key in send:
                send[key] = way(send[key])
        changed["send"] = send
    return changed


def _seen(node: Any, listed: Callable[[Any], Any]) -> Any:
    """The events that a condition was to have seen, as a list or alone, all the way down."""
    if isinstance(node, list):
        return [_seen(one, listed) for one in node]
    if not isinstance(node, dict):
        return node
    changed = {key: _seen(node[key], listed) for key in _BELOW if key in node}
    if "seen" in node:
        changed["seen"] = listed(node["seen"])
    # How near a place must be is no span of time.
    for key in (*(() if "near" in node else ("within",)), *(("value",) if node.get("op") == "within" else ())):
        if key in node:
            changed[key] = _span(node[key])
    return {**node, **changed}


def _worded(said: Any) -> Any:
    return {ANY_LANGUAGE: said} if isinstance(said, str) else said


def _alone(said: Any) -> Any:
    return said[ANY_LANGUAGE] if isinstance(said, dict) and said.keys() == {ANY_LANGUAGE} else said


def _listed(said: Any) -> list[Any]:
    return list(said) if isinstance(said, list | tuple) else [said]


def _one(said: Any) -> Any:
    return said[0] if isinstance(said, list) and len(said) == 1 and isinstance(said[0], str) else said


def _span(said: Any) -> Any:
    """30 days are `30d` and not `4w2d`; weeks stay where there is nothing beside them."""
    try:
        left = spans.parse(said)
    except ValueError:
        return said
    weeks = spans.UNITS["w"]
    days, rest = divmod(left, spans.UNITS["d"])
    if left % weeks == 0 or not days:
        return spans.text(left)
    return f"{days}d{spans.text(rest)}"


def _event(one: Any) -> Any:
    """`type/name` for an event that is written as a mapping of just these."""
    if not isinstance(one, dict) or not one.keys() <= {"type", "name"}:
        return one
    kind, name = one.get("type"), one.get("name")
    if not isinstance(kind, str) or "/" in kind or not isinstance(name, str | None):
        return one
    return kind if name is None else f"{kind}/{name}"
