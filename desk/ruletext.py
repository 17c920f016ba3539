"""What a rule says, in sentences of the reader's language. What has no words here is shown as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from markupsafe import Markup, escape

from desk import labels, rulelabels
from desk.filters import Filters, isolated
from desk.rulefields import Fields, moment
from desk.words import Words
from rules import print as printer
from rules import spans
from rules.spans import UNITS

_MOMENTS: Final = {"lt": "before", "le": "before", "gt": "after", "ge": "after"}
"""Moments come before or after each other."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a condition, and what stands below it."""

    kind: str
    """group, list, line, or raw: not in words."""
    text: Markup
    parts: list[Line] = field(default_factory=list)


class RuleText:
    """Rules in one language."""

    def __init__(self, words: Words, filters: Filters, fields: Fields) -> None:
        self._words = words
        self._filters = filters
        self._fields = fields

    def table(self) -> dict[str, Any]:
        """What templates use, by name."""
        return {
            "rule_event": self.event,
            "rule_condition": self.condition,
            "rule_span": self.span,
            "rule_ways": self.ways,
            "rule_cap": self.cap,
            "rule_field": self._fields.name,
        }

    def event(self, kind: object) -> Markup:
        """What happens, for an event `type` or `type/name`."""
        if isinstance(kind, Mapping):
            kind = kind.get("type", "") if kind.get("name") is None else f"{kind.get('type', '')}/{kind['name']}"
        type_, slash, name = str(kind).partition("/")
        if slash and type_ in rulelabels.NAMED_EVENTS:
            return self._put(rulelabels.NAMED_EVENTS[type_], name=isolated(name))
        known = rulelabels.EVENTS.get(type_)
        if known is None or slash:
            return isolated(kind, "ltr")
        return escape(self._words.say(known))

    def span(self, text: object) -> str:
        """`1h30m` in words; what is no span as it is written."""
        try:
            left = spans.parse(text)
        except ValueError:
            return str(text)
        parts = []
        for unit, size in UNITS.items():
            if unit == "w" and left % size:
                continue  # 30 days are not 4 weeks and 2 days
            number, left = divmod(left, size)
            if number:
                parts.append(self._unit(unit, number))
        return " ".join(parts)

    def _unit(self, unit: str, number: int) -> str:
        ngettext = self._words.catalogue.ngettext
        found = {
            "w": ngettext("%(n)s week", "%(n)s weeks", number),
            "d": ngettext("%(n)s day", "%(n)s days", number),
            "h": ngettext("%(n)s hour", "%(n)s hours", number),
            "m": ngettext("%(n)s minute", "%(n)s minutes", number),
            "s": ngettext("%(n)s second", "%(n)s seconds", number),
            "ms": ngettext("%(n)s millisecond", "%(n)s milliseconds", number),
        }[unit]
        return found % {"n": self._words.digits(number)}

    def ways(self, channels: object) -> str:
        """The channels in the order they are tried."""
        names = [self._filters.label(str(one), labels.CHANNELS) for one in _listed(channels)]
        return self._words.say(", else ").join(names)

    def cap(self, cap: Mapping[str, Any]) -> str:
        """How many messages at most."""
        number = cap.get("count", 0)
        count = self._words.catalogue.ngettext("%(n)s message", "%(n)s messages", number if number == 1 else 2)
        said = count % {"n": self._words.digits(number)}
        return self._words.say("%(count)s in any %(span)s", count=said, span=self.span(cap.get("per")))

    def condition(self, node: object) -> Line:
        """A condition as lines within lines."""
        if not isinstance(node, Mapping):
            return Line("raw", isolated(printer.inline(node), "ltr"))
        for key, kind in (("all", "all"), ("any", "any")):
            if isinstance(node.get(key), list):
                return self._group(kind, node[key])
        if "not" in node:
            return self._not(node["not"])
        if "list" in node:
            return self._list(node)
        if "seen" in node:
            return Line("line", self._seen(node))
        return self._line(node)

    def lines(self, node: object, depth: int = 0) -> list[str]:
        """The same as indented plain text, for a comparison."""
        line = self.condition(node)
        return _flat(line, depth)

    def _group(self, kind: str, parts: list[Any]) -> Line:
        if len(parts) == 1 and kind in {"all", "any"}:
            return self.condition(parts[0])
        return Line("group", self._put(rulelabels.GROUPS[kind]), [self.condition(one) for one in parts])

    def _not(self, part: Any) -> Line:
        if isinstance(part, Mapping) and isinstance(part.get("any"), list):
            return self._group("none", part["any"])
        if isinstance(part, Mapping) and isinstance(part.get("all"), list):
            return self._group("not-all", part["all"])
        return Line("group", self._put(rulelabels.NOT), [self.condition(part)])

    def _list(self, node: Mapping[str, Any]) -> Line:
        key = next((one for one in rulelabels.LISTS if one in node), None)
        if key is None:
            return Line("raw", isolated(printer.inline(node), "ltr"))
        text = self._put(rulelabels.LISTS[key], field=self._fields.name(node["list"]))
        return Line("list", text, [self.condition(node[key])])

    def _seen(self, node: Mapping[str, Any]) -> Markup:
        between = escape(self._words.say(" or "))
        events = between.join(self.event(one) for one in _listed(node["seen"]))
        span = node.get("within")
        values = {"events": events} if span is None else {"events": events, "span": self.span(span)}
        return self._put(rulelabels.SEEN[span is not None], **values)

    def _line(self, node: Mapping[str, Any]) -> Line:
        op, value = str(node.get("op")), node.get("value")
        if node.keys() - {"field", "op", "value", "ignore_case"} or not isinstance(node.get("field"), str):
            return Line("raw", isolated(printer.inline(dict(node)), "ltr"))
        if op == "exists":
            op = "unknown" if value is False else "known"
        elif isinstance(value, bool) and op in {"eq", "ne"}:
            op = "yes" if value is (op == "eq") else "no"
            segment = str(node["field"]).removeprefix("profile.segments.")
            if segment != node["field"]:
                membership = rulelabels.SENTENCES["member" if op == "yes" else "stranger"]
                return Line("line", self._put(membership, name=isolated(segment)))
        elif op in _MOMENTS and moment(str(node["field"])):
            op = _MOMENTS[op]
        sentence = rulelabels.SENTENCES.get(op)
        if sentence is None:
            return Line("raw", isolated(printer.inline(dict(node)), "ltr"))
        said: dict[str, object] = {"field": self._fields.name(node["field"])}
        if op == "between":
            low, high = (*_listed(value), "", "")[:2]
            said |= {"low": self._value(low), "high": self._value(high)}
        elif op == "within":
            said["value"] = self.span(value)
        else:
            said["value"] = escape(self._words.say(", ")).join(map(self._value, _listed(value)))
        return Line("line", self._put(sentence, **said))

    def _value(self, value: object) -> Markup:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Markup("<b>{}</b>").format(isolated(self._words.digits(value), "ltr"))
        return Markup("<b>{}</b>").format(self._filters.plain(value))

    def _put(self, message: str, **values: object) -> Markup:
        return escape(self._words.say(message)) % values if values else escape(self._words.say(message))


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _flat(line: Line, depth: int) -> list[str]:
    own = "    " * depth + line.text.striptags()
    return [own, *(text for part in line.parts for text in _flat(part, depth + 1))]
