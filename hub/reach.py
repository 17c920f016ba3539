"""Whether something may be sent: what the customer allowed, and what is known of the address. Pure.

Rules ask before they speak, pages before they offer a way; both ask here, so that they never differ. It reads what
profile_store/facets/permission.py keeps, whose words and places stand here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

KEPT: Final = "permission"
"""The facet's name in the profile. It has `consent` by `channel/purpose`, and `reach` by `channel/type:value`."""
TIME, REF, SOURCE, EVIDENCE = range(4)
GIVEN, WITHDRAWN = range(2)
NUMBER, WHEN, BY, CODE = range(4)

KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "email": ("email",),
        "sms": ("phone",),
        "phone": ("phone",),
        "social": ("whatsapp", "instagram_id", "meta_psid", "telegram"),
    }
)
"""By which identities a customer is reached over a channel."""

SOFT: Final = 3
"""So many soft bounces, the newest since anything arrived, close an address."""
SOFT_MS: Final = 7 * 86_400_000
"""After so long without a further one it is tried again."""

HARD_BOUNCE, SOFT_BOUNCES = "hard-bounce", "soft-bounces"
COMPLAINT, BLOCKED, STOPPED = "complaint", "blocked", "stopped"
REFUSED, NOT_ASKED, EXPIRED = "withdrawn", "not-asked", "expired"


class Leave(NamedTuple):
    """Whether the customer allows a kind of message."""

    why_not: str = ""
    """Empty when they do, else REFUSED, NOT_ASKED or EXPIRED."""
    said: str = ""
    """The statement that decides, `channel/purpose`; empty where nothing was said."""


def leave(profile: Mapping[str, Any], channel: str, purpose: str, now: int) -> Leave:
    """Whether messages of a purpose may go over a channel at a moment (ms).

    Withdrawing for the channel, for any channel, for the purpose or for all of them each closes the way. Marketing
    must have been agreed to, and a leave that was given for a time ends with it; others need nobody's leave.
    """
    consent = profile.get("consent", {})
    for where in (channel, "any"):
        for what in (purpose, "all"):
            name = f"{where}/{what}"
            if name in consent and consent[name][0] is False:
                return Leave(REFUSED, name)
    if purpose != "marketing":
        return Leave()
    given = [name for name in (f"{channel}/marketing", "any/marketing") if name in consent and consent[name][0]]
    for name in given:
        if not _expired(profile, name, now):
            return Leave("", name)
    return Leave(EXPIRED, given[0]) if given else Leave(NOT_ASKED)


def _expired(profile: Mapping[str, Any], name: str, now: int) -> bool:
    given, _ = profile.get(KEPT, {}).get("consent", {}).get(name, (None, None))
    until = None if given is None else given[EVIDENCE].get("expires")
    return until is not None and until <= now


def addresses(profile: Mapping[str, Any], channel: str) -> list[str]:
    """The customer's addresses on a channel, `type:value`: verified ones first, then those seen last."""
    kinds = KINDS[channel]
    known = {key: one for key, one in profile.get("identities", {}).items() if key.partition(":")[0] in kinds}
    return sorted(known, key=lambda key: (known[key]["verified"], known[key]["last"], key), reverse=True)


def faults(profile: Mapping[str, Any], channel: str, address: str, now: int) -> tuple[str, ...]:
    """What keeps messages from an address. A sign of life after a bounce ends it; a complaint and STOP stay."""
    facts = profile.get(KEPT, {}).get("reach", {}).get(f"{channel}/{address}", {})
    if not facts:
        return ()
    alive = facts.get("ok", -1)
    when = {fact: said[WHEN] for fact, said in facts.items() if fact != "ok"}
    found = []
    if when.get("hard", -1) > alive:
        found.append(HARD_BOUNCE)
    often = "soft" in facts and facts["soft"][NUMBER] >= SOFT
    if often and when["soft"] > alive and now - when["soft"] <= SOFT_MS:
        found.append(SOFT_BOUNCES)
    if "complaint" in facts:
        found.append(COMPLAINT)
    if when.get("blocked", -1) > alive:
        found.append(BLOCKED)
    if when.get("stop", -1) > when.get("start", -1):
        found.append(STOPPED)
    return tuple(found)
