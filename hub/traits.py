"""Traits whose type is declared: what is said is put into that type, or refused with what stood against it. Pure.

| type | what is taken | kept as | `least` and `most` bound |
|---|---|---|---|
| text | text, or a number | text without outer blanks | its characters |
| number, integer | a number, or text in Latin, Persian or Arabic digits | a number | its value |
| boolean | true, 1, yes, on, بله, …, or false, 0, no, off, خیر, … | true or false | – |
| date | ISO 8601; of a moment its day as it is written | `2026-01-31` | the day |
| moment | ISO 8601, in UTC where it names no zone | `2026-01-31T12:00:00.000Z` | the moment |
| choice | one of `words`, or one of their titles | the word | – |
| list | texts, or one text; only `words`, where there are some | a list of texts | how many they are |
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from hub.event import rfc3339
from hub.jsonbytes import dumps

Kind = Literal["text", "number", "integer", "boolean", "date", "moment", "choice", "list"]

LONGEST: Final = 1_000
"""Characters of a text, bytes of anything else, declared or not."""
ITEM: Final = 100
"""Characters of a text in a list."""
ITEMS: Final = 20
"""Texts of a list, where nothing else is declared."""
EXACT: Final = 2**53
"""Whole numbers beyond are not the same in every program."""

TYPE, LEAST, MOST, SHORT, LONG, FEW, MORE = "type", "least", "most", "short", "long", "few", "more"
WORDS, SIZE, CUT, MANY = "words", "size", "cut", "many"
REASONS: Final = (TYPE, LEAST, MOST, SHORT, LONG, FEW, MORE, WORDS, SIZE, CUT, MANY)
"""Why a statement is not kept, or not whole: it is not of its type, below or above its bound (a value, characters,
texts), none of the words, too large, longer than a text may be, or one of too many."""
_BOUNDS: Final = MappingProxyType({"text": (SHORT, LONG), "list": (FEW, MORE)})

Bound: TypeAlias = int | float | str | None
No: TypeAlias = tuple[str, Any]
"""`(reason, limit)`: what stood against a statement; for `type` the limit is the type."""

_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩٫−", "01234567890123456789.-", "٬\u200c\u200e\u200f\u061c")
"""Persian and Arabic digits and signs in Latin ones, without what groups them or turns the direction of writing."""
_LETTERS: Final = str.maketrans("يكى", "یکی", "\u200c\u200e\u200f\u061c")
"""The letters of an Arabic keyboard in Persian ones."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?")
_SHORT: Final = 60
"""Characters of a text that may be a number or a moment."""
_SHOWN: Final = 80
"""Characters of what a note repeats."""


def shortened(text: str) -> str:
    """A text as a note repeats it."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def folded(text: str) -> str:
    """A word as words are compared: in small letters, with one blank between its parts, on any keyboard."""
    return " ".join(text.translate(_LETTERS).casefold().split())


_BOOLEANS: Final[Mapping[str, bool]] = MappingProxyType(
    {
        **dict.fromkeys(map(folded, ("true", "yes", "on", "1", "۱", "بله", "بلی", "آری", "درست")), True),
        **dict.fromkeys(map(folded, ("false", "no", "off", "0", "۰", "خیر", "نه", "نادرست")), False),
    }
)


@dataclass(frozen=True, slots=True)
class Type:
    """What one trait may be."""

    kind: Kind
    least: Bound = None
    most: Bound = None
    words: Mapping[str, str] = field(default_factory=dict)
    """What may be said, `folded` → the word it stands for."""

    def read(self, said: Any) -> tuple[Any, No | None]:
        """The value in this type and None, or None and what stood against it."""
        value = _READ[self.kind](said)
        if value is None:
            return None, (TYPE, self.kind)
        if self.words:
            found = [self.words.get(folded(one)) for one in ([value] if self.kind == "choice" else value)]
            if None in found:
                return None, (WORDS, shortened(", ".join(dict.fromkeys(self.words.values()))))
            value = found[0] if self.kind == "choice" else found
        size: Any = len(value) if self.kind in {"text", "list"} else value
        below, above = _BOUNDS.get(self.kind, (LEAST, MOST))
        if self.least is not None and size < self.least:
            return None, (below, self.least)
        most: Any = self.most if self.most is not None else {"text": LONGEST, "list": ITEMS}.get(self.kind)
        if most is not None and size > most:
            return None, (above, most)
        # No text is longer than `most` allows, and no list of so many texts can be told from its bytes alone.
        return (None, (SIZE, LONGEST)) if self.kind == "list" and len(dumps(value)) > LONGEST else (value, None)


Types: TypeAlias = Mapping[str, Type]
"""The declared ones by name."""
UNTYPED: Final[Types] = MappingProxyType({})


def _text(said: Any) -> str | None:
    if isinstance(said, str):
        return said.strip()
    found = _number(said)
    return None if found is None else str(found)


def _number(said: Any) -> int | float | None:
    if isinstance(said, str) and len(said) <= _SHORT:
        text = said.translate(_DIGITS).strip()
        if not _NUMBER.fullmatch(text):
            return None
        said = float(text) if set(text) & set(".eE") else int(text)
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    if isinstance(said, int):
        return said if -EXACT <= said <= EXACT else None
    return said if math.isfinite(said) else None


def _integer(said: Any) -> int | None:
    found = _number(said)
    if isinstance(found, float):
        return int(found) if found.is_integer() and abs(found) <= EXACT else None
    return found


def _boolean(said: Any) -> bool | None:
    if isinstance(said, bool):
        return said
    if isinstance(said, str):
        return _BOOLEANS.get(folded(said[:_SHORT]))
    return bool(said) if isinstance(said, int | float) and said in {0, 1} else None


def _moment(said: Any) -> str | None:
    if not isinstance(said, str) or len(said) > _SHORT:
        return None
    try:
        found = datetime.fromisoformat(said.translate(_DIGITS).strip())
        return rfc3339(found.replace(tzinfo=UTC) if found.tzinfo is None else found)
    except (ValueError, OverflowError):
        return None


def _date(said: Any) -> str | None:
    """The day as it is written, whatever the zone behind it: a birthday does not move."""
    if not isinstance(said, str) or len(said) > _SHORT:
        return None
    text = said.translate(_DIGITS).strip()
    for read in (date.fromisoformat, lambda one: datetime.fromisoformat(one).date()):
        try:
            return read(text).isoformat()
        except ValueError:
            continue
    return None


def _list(said: Any) -> list[str] | None:
    found = [_text(one) for one in (said if isinstance(said, list) else [said])]
    texts = [one for one in found if one is not None and len(one) <= ITEM]
    return texts if len(texts) == len(found) else None


_READ: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "text": _text,
        "number": _number,
        "integer": _integer,
        "boolean": _boolean,
        "date": _date,
        "moment": _moment,
        "choice": _text,
        "list": _list,
    }
)
