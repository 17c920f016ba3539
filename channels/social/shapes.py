"""Reading JSON that somebody else wrote: a field that is not what it should be is simply not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from hub.event import Event, make
from hub.identity import Identity, identity
from hub.ids import body_key, event_id

SOURCE: Final = "/channels/social/meta"
MOST_ITEMS: Final = 50
LONGEST: Final = 20_000
EARLIEST: Final = datetime(2004, 2, 4, tzinfo=UTC)
"""Facebook's first day: what claims to be older has a broken clock."""
AHEAD: Final = timedelta(hours=1)

Json = Mapping[str, Any]
NOTHING: Final[Json] = {}


def obj(value: Any) -> Json:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else NOTHING


def objects(value: Any) -> list[Json]:
    """The objects of a list, or none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text or a whole number as text, or an empty text."""
    if isinstance(value, str):
        return value[:LONGEST]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def moment(value: Any, received: datetime) -> datetime:
    """A Unix time; when we got it, if that makes no sense. Meta writes seconds here and milliseconds there."""
    number = text(value)
    if not number.isascii() or not number.isdecimal() or len(number) > 14:
        return received
    try:
        found = datetime.fromtimestamp(int(number) / (1000 if len(number) > 11 else 1), UTC)
    except (OverflowError, ValueError, OSError):
        return received
    return found if EARLIEST < found < received + AHEAD else received


def known(kind: str, *parts: str) -> list[Identity]:
    """A verified identity of the given parts, or none when one is missing."""
    found = identity(kind, "/".join(parts), verified=True) if all(parts) else None
    return [found] if found else []


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a webhook: whose page or account it is about."""

    object: str
    account: str
    received: datetime

    def event(
        self, kind: str, key: str, people: list[Identity], content: Json, time: datetime | None = None, **data: Any
    ) -> Event:
        """An event; what names nobody is kept under the account it came for, as unknown."""
        if not people or not key:
            return self.unknown(content, people)
        return make(
            kind,
            id=event_id(SOURCE, key),
            source=SOURCE,
            identities=people,
            received=self.received,
            time=time,
            account=self.account,
            network=self.object,
            **{name: value for name, value in data.items() if value not in (None, "", [], {})},
        )

    def unknown(self, content: Json, people: list[Identity] | None = None, time: datetime | None = None) -> Event:
        """What this version of the hub has no word for, kept as it is."""
        nobody: Identity = {"type": "meta_account", "value": f"{self.object}/{self.account or '?'}", "verified": True}
        kept = repr_of(content)
        return make(
            "social.unknown",
            id=event_id(SOURCE, f"unknown:{self.account}:{body_key(kept.encode())}"),
            source=SOURCE,
            identities=people or [nobody],
            received=self.received,
            time=time,
            account=self.account,
            network=self.object,
            raw=kept[:LONGEST],
        )


def repr_of(content: Json) -> str:
    """The content as JSON with its keys in order, so that a resend looks the same."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
