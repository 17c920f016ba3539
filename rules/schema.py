"""The JSON Schema of a rule, for editors of YAML and JSON: made from the models, with the short forms they accept.

It is kept to draft 7, which every language server knows. What a schema cannot say (sizes of whole trees, what a
template may hold, fields that belong together) is said when the rule is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from rules import paths, spans
from rules.catalogue import Catalogue
from rules.conditions import MAX_VALUES
from rules.model import Rule
from rules.template import MAX_SOURCE

Json: TypeAlias = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
SAYS: Final[Mapping[str, str]] = {
    "Rule.id": "What the rule is called in files and addresses; it never changes.",
    "Rule.name": "What people call it, one text or one by language.",
    "Rule.note": "Why the rule is there, for whoever reads it next.",
    "Rule.state": "Only live rules speak; a shadow rule decides and notes what it would have said.",
    "Rule.priority": "Among rules of the same purpose the higher one is asked first.",
    "Rule.on": "The events it listens to: `type`, or `type/name` for tracked events and pages.",
    "Rule.if": "What must hold; unknown, such as a missing field, is no.",
    "Rule.wait": "How long after the event it speaks.",
    "Rule.correlate": "Waits are kept apart by this field of the event.",
    "Rule.unless": "Silence when this holds at the moment of speaking.",
    "Rule.max_age": "An event that reached the hub later than this after it happened is not answered.",
    "Rule.cap": "At most so many messages of this rule to one customer.",
    "Rule.once": "How often at most: each time, once a day, or once for ever.",
    "Send.channel": "The first that is reachable and allowed is taken.",
    "Send.purpose": "Marketing needs consent; others go to who did not refuse them.",
    "Send.subject": "The subject of a mail.",
    "Send.text": "The message, one text or one by language.",
    "Send.short": "The text for SMS, where every 70 to 160 characters cost.",
    "Text.ignore_case": "Whether capitals and small letters are alike.",
    "Seen.within": "How long ago at most; without it, in `unless` of a rule that waits: since the cause.",
    "Has.list": "A field whose value is a list.",
    "Has.has": "What one of its elements must fulfil; the element is `item`, a field of it `item.<name>`.",
}
"""What the fields mean, where the models do not say it as data."""
_FILLED: Final = "Between {{ and }} stand customer, event, facts and hub, with filters as default or money."
_NODES: Final = (
    *("All", "AnyOf", "Not", "Compare", "OneOf", "Between", "Exists", "Text", "Matches", "Versus", "Within"),
    *("Has", "Every", "NoneOf", "Seen", "TimeOfDay", "Weekday", "OnDate", "Near", "Changed"),
)
_SCALARS: Final[Json] = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}


def schema(catalogue: Catalogue | None = None) -> Json:
    """The schema; with a catalogue editors offer what is declared in it."""
    known = catalogue or Catalogue()
    made: Json = Rule.model_json_schema(by_alias=True)
    parts: Json = made.pop("$defs")
    parts["Rule"] = made
    for name in ("All", "AnyOf", "Not", "Has", "Every", "NoneOf"):
        _nested(parts[name])
    for name, part in parts.items():
        part.pop("title", None)
        for field, said in part.get("properties", {}).items():
            part["properties"][field] = _plain(said, SAYS.get(f"{name}.{field}", ""))
    parts |= _shared(known)
    for place, change in _CHANGES.items():
        name, _, field = place.partition(".")
        said = parts[name]["properties"][field]
        parts[name]["properties"][field] = {**_kept(said), **change(said)}
    rule = parts.pop("Rule")
    return {"$schema": DRAFT, "title": "A rule of Interaction Hub", **rule, "$defs": parts}


def _plain(said: Json, says: str) -> Json:
    """A field without what editors have no use for: titles, null, and defaults of null."""
    said = {key: value for key, value in said.items() if key != "title"}
    if "default" in said and said["default"] is None:
        del said["default"]
    some = [one for one in said.get("anyOf", ()) if one != {"type": "null"}]
    if len(some) == 1:
        del said["anyOf"]
        said = {**some[0], **said}
    if said.get("oneOf", [{}])[0].get("$ref") == "#/$defs/All":
        said = {"$ref": "#/$defs/Condition"}
    # Next to $ref draft 7 reads nothing.
    if says:
        said = {"allOf": [said], "description": says} if "$ref" in said else {**said, "description": says}
    return said


def _kept(said: Json) -> Json:
    kept: Json = {key: said[key] for key in ("description", "default") if key in said}
    # The models keep spans as milliseconds, and people write them.
    return {**kept, "default": spans.text(kept["default"])} if isinstance(kept.get("default"), int) else kept


def _nested(part: Json) -> None:
    for said in part["properties"].values():
        if "items" in said:
            said["items"] = {"$ref": "#/$defs/Condition"}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _shared(known: Catalogue) -> Json:
    """What several fields have in common."""
    events = sorted(known.events) + [f"web.track/{name}" for name in sorted(known.properties)]
    span = {
        "type": "string",
        "pattern": spans.PATTERN,
        "description": "A span of time with its unit, at most 400d: 90s, 30m, 2h, 7d, 1h30m.",
        "examples": ["30m", "7d"],
    }
    return {
        "Condition": {"oneOf": [_ref(name) for name in _NODES]},
        "Span": span,
        "Field": {
            "description": "event.<field>, profile.<part>.<field>, or inside `has` item.<field>.",
            "anyOf": [{"enum": fields(known)}, {"type": "string", "pattern": r"^(event|profile)\..+$|^item(\..+)?$"}],
        },
        "Kind": {
            "description": "A type of event, or web.track/<name>.",
            "anyOf": [{"enum": events}, {"type": "string", "pattern": r"^[a-z]{2,20}\.[a-z_-]{2,40}(/.+)?$"}],
        },
        "Words": _by_language({"type": "string", "minLength": 1, "maxLength": 200}, ""),
        "Template": _by_language({"type": "string", "minLength": 1, "maxLength": MAX_SOURCE}, _FILLED),
    }


def fields(known: Catalogue) -> list[str]:
    """The fields that are known by name."""
    heads = {f"event.{name}" for said in known.events.values() for name in said}
    heads |= {f"event.properties.{name}" for said in known.properties.values() for name in said}
    heads |= {f"event.{name}" for name in paths.ENVELOPE} | {f"profile.{name}" for name in paths.PLAIN}
    heads |= {f"profile.traits.{name}" for name in known.traits}
    heads |= {f"profile.computed.{name}" for name in known.computed}
    heads |= {f"profile.segments.{name}" for name in known.segments}
    return sorted(heads)


def _by_language(text: Json, says: str) -> Json:
    """A text alone, or one by language."""
    many = {
        "type": "object",
        "patternProperties": {"^[a-z]{2,3}$": text},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 50,
    }
    found: Json = {"anyOf": [text, many]}
    return {**found, "description": says} if says else found


def _several(one: Json, most: int) -> Json:
    """One, or a list of them."""
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": most}]}


def _span(said: Json) -> Json:
    return {"allOf": [_ref("Span")]}


def _field(said: Json) -> Json:
    return {"allOf": [_ref("Field")]}


def _of(name: str) -> Callable[[Json], Json]:
    return lambda said: {"allOf": [_ref(name)]}


def _pair(said: Json) -> Json:
    ends = ({"type": "number"}, {"type": "string", "maxLength": 1000})
    return {"anyOf": [{"type": "array", "items": end, "minItems": 2, "maxItems": 2} for end in ends]}


_TEXT: Final[Json] = {"type": "string", "minLength": 1, "description": "The condition in a part of CEL."}
_CHANGES: Final[Mapping[str, Callable[[Json], Json]]] = {
    "Rule.name": _of("Words"),
    "Rule.on": lambda said: _several({"anyOf": [_ref("Kind"), _ref("On")]}, 50),
    "Rule.wait": lambda said: {"anyOf": [_ref("Span"), _ref("Until")]},
    "Rule.max_age": _span,
    "Rule.correlate": _field,
    "Cap.per": _span,
    "Send.channel": lambda said: _several(said["items"], 10),
    "Send.subject": _of("Template"),
    "Send.text": _of("Template"),
    "Send.short": _of("Template"),
    **dict.fromkeys([f"{one}.field" for one in ("Compare", "OneOf", "Between", "Exists", "Text", "Within")], _field),
    **dict.fromkeys([f"{one}.field" for one in ("Matches", "Versus", "Near")], _field),
    **dict.fromkeys([f"{one}.list" for one in ("Has", "Every", "NoneOf")], _field),
    **dict.fromkeys(("Versus.than", "Changed.changed", "Seen.correlate", "After.correlate"), _field),
    **dict.fromkeys(("Changed.from", "Changed.to"), lambda said: _several(_SCALARS, MAX_VALUES)),
    "Versus.times": lambda said: {"type": "number", "exclusiveMinimum": 0, "maximum": 10**9},
    "Weekday.weekday": lambda said: _several(said["items"], 7),
    **dict.fromkeys(("Rule.if", "Rule.unless"), lambda said: {"anyOf": [_ref("Condition"), _TEXT]}),
    "Between.value": _pair,
    "Within.value": _span,
    "Seen.seen": lambda said: _several(_ref("Kind"), 50),
    "Seen.within": _span,
}
"""By model and field: the forms in which it may be written, in place of the one it is kept in."""
