"""A rule as the text of a rule file: always in the same order and the same form, and read back it is the same rule.

Comments are no part of a rule: whoever prints what was read loses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from rules.model import Rule
from rules.shape import said, tight
from rules.source import SCALARS
from rules.tree import check_raw

PARTS: Final = (
    ("id", "name", "note", "state", "priority"),
    ("on", "if", "after", "wait", "correlate", "unless", "max_age"),
    ("send",),
    ("cap", "once"),
)
"""What stands together; an empty line between, and what is not named here last."""
ORDER: Final = (
    "channel",
    "purpose",
    "subject",
    "text",
    "short",
    "field",
    "op",
    "value",
    "list",
    "has",
    "seen",
    "within",
)
WIDTH: Final = 110
"""Longer texts are folded, longer conditions written one below the other."""
_TAG: Final = "tag:yaml.org,2002:"
_LARGEST: Final = 10**18
"""From here on whole numbers have more digits than a rule file may write."""
_BREAKS: Final = re.compile("[\r\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists stand further in than what they belong to."""
        super().increase_indent(flow, False)


for _kind, _pattern, _first in SCALARS:
    _Dumper.add_implicit_resolver(_TAG + _kind, re.compile(_pattern), list(_first))


def printed(rule: Rule) -> str:
    """The text of a rule."""
    return text(said(rule))


def text(data: dict[str, Any]) -> str:
    """The text of a rule as data, sound or not. Raises ValueError when it is too deep or too large."""
    check_raw(data)
    data = tight(data)
    named = {key for part in PARTS for key in part}
    parts = (*PARTS, tuple(key for key in data if key not in named))
    groups = ({key: data[key] for key in part if key in data} for part in parts)
    return "\n".join(_block(group) for group in groups if group) or "{}\n"


def inline(data: Any) -> str:
    """A value on one line."""
    return _serialised(_node(data, flow=True)).strip()


def _block(group: dict[str, Any]) -> str:
    return _serialised(yaml.MappingNode(_TAG + "map", [_pair(key, value, flow=False) for key, value in group.items()]))


def _serialised(node: yaml.Node) -> str:
    found: str = yaml.serialize(node, Dumper=_Dumper, allow_unicode=True, width=WIDTH if _wraps(node) else 10**6)
    return found.removesuffix("...\n")


def _wraps(node: yaml.Node) -> bool:
    """Flow style is for what fits on a line: there the width must not break it."""
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _node(value: Any, *, flow: bool) -> yaml.Node:
    if isinstance(value, dict):
        inner = flow or _short(value)
        keys = sorted(value, key=lambda key: ORDER.index(key) if key in ORDER else len(ORDER))
        return yaml.MappingNode(_TAG + "map", [_pair(key, value[key], flow=inner) for key in keys], flow_style=inner)
    if isinstance(value, list | tuple):
        inner = flow or _short(value)
        return yaml.SequenceNode(_TAG + "seq", [_node(one, flow=inner) for one in value], flow_style=inner)
    return _scalar(value, flow=flow)


def _pair(key: str, value: Any, *, flow: bool) -> tuple[yaml.Node, yaml.Node]:
    return _scalar(key, flow=True), _node(value, flow=flow)


def _scalar(value: Any, *, flow: bool) -> yaml.ScalarNode:
    if value is None:
        return yaml.ScalarNode(_TAG + "null", "null")
    if isinstance(value, bool):
        return yaml.ScalarNode(_TAG + "bool", "true" if value else "false")
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= _LARGEST):
        return yaml.ScalarNode(_TAG + "float", _real(float(value)))
    if isinstance(value, int):
        return yaml.ScalarNode(_TAG + "int", str(value))
    return yaml.ScalarNode(_TAG + "str", value, style=_style(value, flow=flow))


def _real(value: float) -> str:
    written = repr(value)
    return written if "." in written or "e" not in written else written.replace("e", ".0e", 1)


def _style(value: str, *, flow: bool) -> str | None:
    """A text of several lines as a block, a long one folded; in quotes where neither can say it exactly."""
    if _BREAKS.search(value):
        return '"'
    if "\n" in value:
        exact = value.strip() and value.strip() == value.removesuffix("\n")
        return "|" if exact and not flow else '"'
    folds = not flow and len(value) > WIDTH and value == " ".join(value.split())
    if folds:
        return ">"
    return '"' if "{{" in value or "{%" in value else None


def _short(value: Any) -> bool:
    """Whether it fits on one line: plain values, and few of them."""
    inside = list(value.values()) if isinstance(value, dict) else list(value)
    if isinstance(value, dict) and any(key in value for key in ("all", "any", "name", "en", "text")):
        return False
    return all(isinstance(one, str | int | float | None) or _flat(one) for one in inside) and _width(value) < WIDTH - 20


def _flat(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return all(isinstance(one, str | int | float | None) for one in inside)


def _width(value: Any) -> int:
    return sum(len(one) + 4 for one in _words(value))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _words(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)
    else:
        # A text of several lines is no part of a line.
        yield str(value) if "\n" not in str(value) else " " * WIDTH


def has_remarks(source: str) -> bool:
    """Whether a text has comments, which printing it anew would lose."""
    if "#" not in source:
        return False
    try:
        events = [one for one in yaml.parse(source, Loader=yaml.SafeLoader) if isinstance(one, yaml.ScalarEvent)]
    except yaml.YAMLError:
        return True
    spans = [(one.start_mark.index, one.end_mark.index) for one in events if one.start_mark and one.end_mark]
    signs = (found.end() - 1 for found in re.finditer(r"(?:^|\s)#", source))
    return any(not any(start <= sign < end for start, end in spans) for sign in signs)
