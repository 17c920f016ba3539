"""What new features would keep had they been there from the start: read from the log, put into the parts there are."""

from __future__ import annotations

from collections.abc import Iterable

from hub.computed import Feature
from hub.event import Event
from hub.profile import Profile
from profile_store.facets.windows import Rings, index, merge_rings, note, wanting


def backfill(features: Iterable[Feature], events: Iterable[Event]) -> dict[str, Rings]:
    """The rings of these features by the identity whose events they are of, `type:value`.

    Give it every event from before the features were folded live, and none from after: merging what it returns
    into the parts then is the same as having folded from the start. Of an event that was sent twice one counts.
    """
    wanted = index(features)
    found: dict[str, Rings] = {}
    known: set[tuple[str, str]] = set()
    for event in events:
        looking = wanting(wanted, event)
        if not looking:
            continue
        one = (event.subject, event.ref)
        if one in known:
            continue
        known.add(one)
        rings: Rings = {}
        note(rings, looking, event, event.ms, event.ref)
        if rings:
            merge_rings(found.setdefault(event.subject, {}), rings)
    return found


def adopt(part: Profile, rings: Rings) -> None:
    """Put backfilled rings into the part of their identity."""
    if rings:
        merge_rings(part.setdefault("windows", {}), rings)
