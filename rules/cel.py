"""Conditions as text: a part of CEL, the Common Expression Language, read into the same tree as YAML.

| condition | text |
|---|---|
| all, any, not | `a && b`, `a \\|\\| b`, `!a` |
| eq, ne, lt, le, gt, ge | `event.properties.total >= 100` |
| in | `profile.traits.tier in ["gold", "vip"]` |
| between | `event.properties.total >= 1 && event.properties.total <= 5` |
| exists | `has(profile.traits.tier)`, ``has(profile.consent.`email/marketing`)`` |
| prefix, suffix, contains | `event.name.startsWith("Order")`, `.endsWith("…")`, `.contains("…")` |
| the same with ignore_case | `caseless(event.text).contains("hello")` |
| within | `within(event.time, duration("7d"))` |
| seen | `seen("web.track/Order Completed", duration("1h"))`, `seen(["sms.received", "email.received"])` |
| list, has | `event.products.exists(item, item.price > 5)`, `"vip" in event.tags` |

Names that are no words stand in brackets: `profile.counts["email.received"]`. Moments are compared with
`timestamp("2026-01-31T12:00:00Z")`. CEL's own parser (cel-expr-python, an extra) reads the text; nothing is run.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from rules import tree
from rules.cel_read import Reader
from rules.cel_values import Refused
from rules.cel_wire import decoded
from rules.cel_write import LONGEST, NoText, write
from rules.conditions import MAX_DEPTH, Condition

_FAULT: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (?:Syntax error: )?(.*)")
_INSTEAD: Final = {"=": "==", "and": "&&", "AND": "&&", "&": "&&", "or": "||", "OR": "||", "|": "||", "not": "!"}
_TOLD: Final = (
    (r"token recognition error at: '([\"'`]).*", "a text that begins with {0} has no end on this line"),
    (r"token recognition error at: '([^\x00-\x7f]).*'", 'names beyond A to Z stand in brackets: event["{0}…"]'),
    (r"token recognition error at: '(.+?)\s*'", "{0} has no meaning here"),
    (r"missing '(.+)' at .*", "{0} is missing here"),
    (r".*input '<EOF>'.*", "the text ends here, but something must follow"),
    (r"(?:extraneous|mismatched) input '(.+?)' expecting.*", "{0} cannot stand here"),
    (r"no viable alternative at input '(.+)'", "cannot be read from {0} on"),
    (
        r"has\(\) argument must be.*",
        "has() takes a field; names in brackets stand between backticks: has(a.`odd name`)",
    ),
    (r"unsupported syntax '(.+)'", "{0} is not possible here"),
    (r".*(?:max recursion depth|recursion limit).*", f"nested deeper than {MAX_DEPTH}"),
)
"""What the parser says, and what we say."""


class CelError(ValueError):
    """A text that is no condition: line and column (from 1; 0 when the text is not to blame) and what to write."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"line {line}, column {column}: {reason}" if line else reason)
        self.line = line
        self.column = column
        self.reason = reason


def read(text: str) -> Condition:
    """The condition a text stands for. Raises CelError."""
    if len(text) > LONGEST:
        raise CelError(1, 1, f"longer than {LONGEST} characters")
    try:
        root = Reader().condition(decoded(_parse(text)))
    except Refused as error:
        raise CelError(*_position(text, error.at), error.reason) from None
    try:
        tree.check(root)
    except PydanticCustomError as error:
        raise CelError(1, 1, error.message()) from None
    return root


def _said(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return read(raw)
    except CelError as error:
        raise PydanticCustomError("cel", "{reason}", {"reason": str(error), "line": error.line}) from None


Said = Annotated[Condition, BeforeValidator(_said)]
"""A condition in a document: a tree, or a text."""


@cache
def parser() -> Any:
    """CEL's parser, once it is needed."""
    return import_module("cel_expr_python.cel").NewEnv()


def _parse(text: str) -> bytes:
    try:
        found = parser()
    except ImportError:
        told = "conditions as text need CEL's parser: install interaction-hub[cel] (the package cel-expr-python)"
        raise CelError(0, 0, f"{told}, or write the condition as a tree") from None
    try:
        text.encode()
        # Names and types are ours to check: we know more of them than a declaration could say.
        parsed: bytes = found.compile(text, disable_check=True).serialize()
    except UnicodeEncodeError as error:
        raise CelError(*_position(text, error.start), "half a character stands here") from None
    except RuntimeError as error:
        raise _fault(str(error)) from None
    return parsed


def _position(text: str, at: int) -> tuple[int, int]:
    """Line and column of a place in the text, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _fault(said: str) -> CelError:
    """The first fault the parser found, in our words."""
    found = _FAULT.search(said)
    line, column, reason = (int(found[1]), int(found[2]), found[3]) if found else (1, 1, said)
    if not 1 <= line <= LONGEST:  # its way to say that it knows no place: 0 or -1, or that as an unsigned number
        line, column = 1, 1
    for pattern, words in _TOLD:
        match = re.fullmatch(pattern, reason)
        if match:
            told = words.format(*(one[:40] for one in match.groups()))
            wrong = match[1] if match.re.groups else ""
            return CelError(line, column, told + (f"; write {_INSTEAD[wrong]}" if wrong in _INSTEAD else ""))
    return CelError(line, column, reason.removesuffix(" [INVALID_ARGUMENT]"))


__all__ = ["LONGEST", "CelError", "NoText", "Said", "read", "write"]
