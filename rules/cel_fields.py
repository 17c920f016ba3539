"""Fields as CEL writes them: `profile.counts["email.received"]` for `profile.counts.email.received`."""

from __future__ import annotations

import json
import re
from typing import Final

from rules.paths import KEYED, parse

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTABLE: Final = re.compile(r"[A-Za-z0-9_./ -]+")
_TAKEN: Final = frozenset({"true", "false", "null", "in"})
MAPS: Final = frozenset({("event", "properties"), *(("profile", place) for place in KEYED)})
"""Where `"name" in …` asks for a name; everywhere else it asks for an element of a list."""


def quoted(text: str) -> str:
    """A text as CEL writes it."""
    return json.dumps(text, ensure_ascii=False)


def keys(field: str) -> tuple[str, ...]:
    """The names a field is made of, its root first."""
    path = parse(field)
    root = field.partition(".")[0]
    if root == "profile" and path.place != "plain":
        return (root, path.place, *path.keys)
    return (root, *path.keys)


def field(names: tuple[str, ...]) -> str:
    """The field of these names. Raises ValueError that says what to write where CEL would look elsewhere than we."""
    text = ".".join(names)
    found = keys(text)
    if found == names:
        return text
    if len(found) < len(names):
        raise ValueError(f"write {spelled(text)}")
    dotted = next(one for one in names if "." in one)
    raise ValueError(f"{quoted(dotted)} has a dot, and stands where a name cannot have one")


def spelled(text: str) -> str:
    """A field as CEL writes it."""
    return _chain(keys(text))


def _chain(names: tuple[str, ...]) -> str:
    root, *rest = names
    return root + "".join(f".{one}" if _plain(one) else f"[{quoted(one)}]" for one in rest)


def _plain(name: str) -> bool:
    return _WORD.fullmatch(name) is not None and name not in _TAKEN


def present(text: str) -> str | None:
    """The question whether a field is there; None when CEL cannot ask it."""
    *above, last = keys(text)
    if not above:
        return None
    if _plain(last):
        return f"has({_chain(tuple(above))}.{last})"
    if _QUOTABLE.fullmatch(last):
        return f"has({_chain(tuple(above))}.`{last}`)"
    return f"{quoted(last)} in {_chain(tuple(above))}" if tuple(above) in MAPS else None
