"""Traits an operator declares: what type each has, how personal it is, and who may say it.

In the settings, or in a file of YAML:

```yaml
name: {type: text, label: Name, sensitivity: personal, limit: 120}
birthday: {type: date, sensitivity: personal}
premium: {type: boolean, sources: [crm.updated]}
```

What is not declared is kept as it comes, within bounds. What is left out has a reason, to be counted and shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hub.errors import Misconfigured
from hub.event import rfc3339
from hub.jsonbytes import dumps

Kind = Literal["text", "number", "boolean", "date", "moment", "url", "list"]
Sensitivity = Literal["normal", "personal", "sensitive"]

LONGEST: Final = 1_000
"""Characters of a text and bytes of anything else, declared or not."""
UNKNOWN: Final = 64
"""Traits kept of one customer that nobody declared."""
LIMITS: Final[Mapping[str, int]] = MappingProxyType({"text": 200, "url": 500, "list": 20})
"""Characters or items, where a declaration names no limit."""
ITEM: Final = 100
"""Characters of an item of a list."""
LONGEST_NAME: Final = 100

EMPTY, NAMELESS, TYPE, LIMIT, SOURCE, SIZE, MANY = (
    *("empty", "name", "type", "limit", "source", "size"),
    "many",
)
"""Why something is left out: there is nothing, its name is none, it is not of its type, it is longer than declared,
this source may not say it, it is too large, or there are too many that nobody declared."""
REASONS: Final = (EMPTY, NAMELESS, TYPE, LIMIT, SOURCE, SIZE, MANY)

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


class Trait(BaseModel):
    """One declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Kind
    label: str = Field(default="", max_length=80)
    sensitivity: Sensitivity = "normal"
    limit: int | None = Field(default=None, ge=1, le=LONGEST)
    """Characters of a text or a URL, items of a list."""
    sources: tuple[str, ...] = ()
    """Types of the events that may say it; none named, any may."""


_DECLARED: Final[TypeAdapter[dict[str, Trait]]] = TypeAdapter(dict[str, Trait])


class Traits:
    """What is declared, and what may be kept."""

    def __init__(self, declared: Mapping[str, Trait] | None = None) -> None:
        self.declared: Mapping[str, Trait] = MappingProxyType(dict(declared or {}))

    @classmethod
    def read(cls, said: Mapping[str, Any] | None) -> Self:
        """Declarations as settings or YAML have them. Raises Misconfigured with what is wrong."""
        try:
            declared = _DECLARED.validate_python(said or {})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise Misconfigured(f"traits: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        for name in declared:
            if not name.strip() or len(name) > LONGEST_NAME:
                raise Misconfigured(f"traits: a name has 1 to {LONGEST_NAME} characters: {name[:40]!r}")
        return cls(declared)

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Declarations from a file. Raises Misconfigured."""
        try:
            said = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise Misconfigured(f"traits: {' '.join(str(error).split())[:200]}") from None
        if said is not None and not isinstance(said, dict):
            raise Misconfigured("traits: write names and their declarations")
        return cls.read(said)

    def keep(self, name: str, value: Any, source: str = "") -> tuple[Any, str | None]:
        """The value in its declared type and None, or None and the reason why it is left out."""
        if not name.strip() or len(name) > LONGEST_NAME:
            return None, NAMELESS
        if value is None:
            return None, EMPTY
        declared = self.declared.get(name)
        if declared is None:
            return _untyped(value)
        if declared.sources and source not in declared.sources:
            return None, SOURCE
        found = _READ[declared.type](value)
        if found is None:
            return None, TYPE
        limit = declared.limit or LIMITS.get(declared.type, LONGEST)
        if isinstance(found, str | list) and len(found) > limit:
            return None, LIMIT
        return (found, None) if len(dumps(found)) <= LONGEST * 4 else (None, SIZE)

    def bound(self, table: dict[str, Any], most: int = UNKNOWN) -> list[str]:
        """Take out what nobody declared and is too many, the lexically largest names; these names."""
        unknown = sorted(name for name in table if name not in self.declared)
        for name in unknown[most:]:
            del table[name]
        return unknown[most:]

    def sensitivity(self, name: str) -> Sensitivity:
        """How personal a trait is; normal where nobody said."""
        declared = self.declared.get(name)
        return "normal" if declared is None else declared.sensitivity

    def label(self, name: str) -> str:
        """What people call it."""
        declared = self.declared.get(name)
        return (declared.label if declared else "") or name.replace("_", " ")


def _untyped(value: Any) -> tuple[Any, str | None]:
    if isinstance(value, str):
        return (value, None) if len(value) <= LONGEST else (None, SIZE)
    try:
        raw = dumps(value)
    except (orjson.JSONEncodeError, RecursionError):
        return None, TYPE
    if len(raw) > LONGEST:
        return None, SIZE
    found = orjson.loads(raw)
    return (None, EMPTY) if found is None else (found, None)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    found = None if isinstance(value, bool) else _number(value)
    return None if found is None else str(found)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= 40 and "_" not in value:
        try:
            value = float(value) if set(value) & set(".eE") else int(value)
        except ValueError:
            return None
    if isinstance(value, int):
        return value if -(2**53) <= value <= 2**53 else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    said = str(value).strip().lower() if isinstance(value, str) or value in (0, 1) else ""
    return True if said in _TRUE else False if said in _FALSE else None


def _moment(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return rfc3339(found.replace(tzinfo=UTC) if found.tzinfo is None else found)
    except (ValueError, OverflowError):
        return None


def _date(value: Any) -> str | None:
    """The day as it is written, whatever the time zone behind it: a birthday does not move."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(value.strip()).date().isoformat()
    except ValueError:
        return None


def _url(value: Any) -> str | None:
    """Only what a browser can open without harm."""
    if not isinstance(value, str) or not value.strip().isprintable() or " " in value.strip():
        return None
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        return None
    plain = parts.username is None and parts.password is None and port != 0
    return value.strip() if parts.scheme in {"http", "https"} and parts.hostname and plain else None


def _list(value: Any) -> list[Any] | None:
    found = []
    for one in value if isinstance(value, list) else [value]:
        item = one if isinstance(one, bool) else _text(one) if isinstance(one, str) else _number(one)
        if item is None or (isinstance(item, str) and len(item) > ITEM):
            return None
        found.append(item)
    return found


_READ: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "text": _text,
        "number": _number,
        "boolean": _boolean,
        "date": _date,
        "moment": _moment,
        "url": _url,
        "list": _list,
    }
)
