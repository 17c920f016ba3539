"""Which fields rules ask about in vain, for the command line: of the hub that runs, if one does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from hub.errors import HubError, Misconfigured
from hub.settings import Settings
from profile_store.connect import connect
from profile_store.store import Store
from rules.arrivals import Missing, asked, missing
from rules.model import Rule

_UNITS: Final = ((86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"))


def lacking(settings: Settings, rules: Sequence[Rule]) -> Mapping[str, list[Missing]] | None:
    """What each rule misses; None when no hub runs here, or its store does not answer."""
    if not settings.redis_url.get_secret_value():
        return None
    try:
        return asyncio.run(_read(settings, rules))
    except (HubError, Misconfigured):
        return None


async def _read(settings: Settings, rules: Sequence[Rule]) -> Mapping[str, list[Missing]]:
    wanted = {rule.id: asked(rule) for rule in rules}
    client = connect(settings)
    try:
        known = await Store(client).arrivals(list(dict.fromkeys(kind for some in wanted.values() for kind in some)))
    finally:
        await client.aclose()
    return {id: missing(some, known) for id, some in wanted.items()}


def told(one: Missing, now: int) -> str:
    """In one line: which field of which event, and since when."""
    what = f"{one.wanted.field} of {one.event}"
    kind = "text or list" if one.wanted.kind == "words" else one.wanted.kind
    how = f" as a {kind}" if one.otherwise else ""
    if one.state == "never":
        return f"{what} never came{how}"
    age = max(0, now - one.since)
    unit, name = next(((unit, name) for unit, name in _UNITS if age >= 2 * unit), _UNITS[-1])
    return f"{what} stopped coming{how} {age // unit} {name} ago"
