"""Rule files as text: YAML (JSON is YAML too) without surprises, and which line a field stands on.

`on`, `yes` and `no` are words, dates stay text; aliases, tags and repeated keys are refused, so a small file
cannot become a large one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import yaml

MAX_BYTES: Final = 200_000
MAX_DEPTH: Final = 60
MAX_EVENTS: Final = 20_000


class Unreadable(Exception):
    """The text is not what a rule file may be."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C parser where there is one
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name


SCALARS: Final = (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["~", "n", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]{0,17})$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+(?:[eE][-+]?[0-9]{1,3})?|[eE][-+]?[0-9]{1,3})$", "-0123456789"),
)
"""What a word without quotes is taken for: kind, pattern, first letters. All others are text."""
for _tag, _pattern, _first in SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def documents(text: str) -> list[tuple[Any, yaml.Node]]:
    """The documents of a file as plain data, each with its tree of marks. Raises Unreadable."""
    if len(text) > MAX_BYTES:
        raise Unreadable(1, f"longer than {MAX_BYTES} characters")
    try:
        _measure(text)
        loader = _Loader(text)
        try:
            found: list[tuple[Any, yaml.Node]] = []
            while loader.check_node():
                node = loader.get_node()
                _unique(node)
                found.append((loader.construct_document(node), node))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = text.rstrip().count("\n") + 1
        raise Unreadable(min(mark.line + 1, last) if mark else 1, error.problem or "cannot be read") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(1, f"cannot be read: {error}"[:200]) from None
    return found


def _measure(text: str) -> None:
    """Look at the stream of tokens before anything is built from it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader), 1):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable(line, "anchors and aliases are not allowed")
        if getattr(event, "tag", None):
            raise Unreadable(line, "tags (!…) are not allowed")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise Unreadable(line, f"nested deeper than {MAX_DEPTH}")
        if count > MAX_EVENTS:
            raise Unreadable(line, "too many values for one file")


def _unique(root: yaml.Node) -> None:
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.SequenceNode):
            todo += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    raise Unreadable(line, "a key must be text")
                if key.value in keys:
                    raise Unreadable(line, f"{key.value} stands here twice")
                keys.add(key.value)
                todo.append(value)


def line_of(root: yaml.Node, place: tuple[str | int, ...], within: int = 0) -> int:
    """The line of a field, as far as the text has it; `within` is a line inside a block of text, from 1."""
    return position_of(root, place, within)[0]


def position_of(root: yaml.Node, place: tuple[str | int, ...], within: int = 0) -> tuple[int, int]:
    """Line and column of a field, both from 1, as far as the text has it; a line within a text has column 1."""
    node, mark = root, root.start_mark
    for step in place:
        following: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == step:
                    following, mark = value, key.start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            following = node.value[step]
            mark = following.start_mark
        # What is not in the text (the kind of a node, a field that is missing) is passed over.
        node = following or node
    if within and isinstance(node, yaml.ScalarNode):
        return int(node.start_mark.line) + within + (node.style in {"|", ">"}), 1
    return int(mark.line) + 1, int(mark.column) + 1


def lines_with(root: yaml.Node, words: Collection[str]) -> Iterator[tuple[str, str, int]]:
    """Where one of these words stands as a whole value: the word, its place, its line."""
    todo: list[tuple[yaml.Node, tuple[str, ...]]] = [(root, ())]
    while todo:
        node, place = todo.pop()
        if isinstance(node, yaml.MappingNode):
            todo += [(value, (*place, key.value)) for key, value in reversed(node.value)]
        elif isinstance(node, yaml.SequenceNode):
            todo += [(value, (*place, str(number))) for number, value in reversed(list(enumerate(node.value)))]
        elif node.value in words:
            yield node.value, ".".join(place), node.start_mark.line + 1
