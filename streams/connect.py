"""What may belong together: the rules by which an event makes identities one customer's, or is refused.

A free identity, whom nobody knows yet, is taken on anybody's word. Two customers who are both known become one
only by what is proven of both identities. Limits, blocked and shared values and what was taken apart by hand
stand against either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.kinds import LARGEST, LEVELS, Policy
from hub.profile import Known, Link, blank
from profile_store.draft import Draft
from profile_store.structure import apart
from profile_store.why import KIND

FULL, SHARED, DIVIDED, CLAIMED = "size", "shared", "divided", "claimed"
"""Reasons, beside `limit:<type>`."""


def against(
    policy: Policy, pair: tuple[Draft, Draft | None], names: tuple[str, str], levels: Mapping[str, int], now: int
) -> str:
    """Why two identities of an event cannot be one customer's, or an empty string.

    `names` are the event's owner and the identity in question; `pair` their customers, of whom the second may be
    missing.
    """
    draft, other = pair
    for name in names:
        if not policy.connects(name):
            return SHARED if policy.of(name).links else KIND
    ours, theirs = draft.document, blank("", names[1]) if other is None else other.document
    if apart(ours["nodes"], theirs["nodes"], (ours["links"], theirs["links"])):
        return DIVIDED
    if other is not None and any(levels.get(name, 0) < LEVELS[policy.of(name).proof] for name in names):
        return CLAIMED
    new: Mapping[str, Known | None] = (
        other.profile["identities"] if names[1] in theirs["nodes"] and other is not None else {names[1]: None}
    )
    return crowded(policy, draft.profile["identities"], new, now)


def crowded(policy: Policy, ours: Mapping[str, Known], theirs: Mapping[str, Known | None], now: int) -> str:
    """Which limit both together would break, or an empty string."""
    if len(ours.keys() | theirs.keys()) > LARGEST:
        return FULL
    for kind in {name.partition(":")[0] for name in theirs}:
        described = policy.of(f"{kind}:")
        if not described.limit:
            continue
        since = now - described.window * 1000 if described.window else 0
        values = {name for name in ours if _counts(name, kind, ours[name], since)}
        values |= {name for name in theirs if _counts(name, kind, theirs[name], since)}
        if len(values) > described.limit:
            return f"limit:{kind}"
    return ""


def _counts(name: str, kind: str, known: Known | None, since: float) -> bool:
    return name.partition(":")[0] == kind and (known is None or known["last"] >= since)


def entry(one: str, other: str, link: Link) -> list[object]:
    """A link as a decision event lists it: `[one, other, state, time, ref, rule, keep, lose]`."""
    return [one, other, *link]


def named(entries: Collection[list[object]]) -> list[str]:
    """All identities that decisions name."""
    return list(dict.fromkeys(str(end) for one in entries for end in one[:2]))
