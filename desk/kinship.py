"""Who belongs together, for the API and the page: why, who may be the same, and what joining or parting would do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from desk import views
from desk.history import History
from desk.ports import Store
from hub.kinds import LARGEST, Policy
from hub.profile import Document, Known, Profile
from hub.traits import LONGEST
from profile_store import outlook, why
from profile_store.document import view
from profile_store.outlook import Union
from profile_store.registers import FIRED, NAMES
from profile_store.timeline import TEXT
from profile_store.traits import NOTES
from profile_store.why import Claim, No, Tie
from streams.connect import FULL, crowded
from streams.identify import REFUSALS

SUGGESTED: Final = 8
"""Suggestions that are looked up: each is a question to the store."""
ASKED: Final = 8
"""Identities that are looked for among the claims for others: each is a question to every bucket."""


@dataclass(frozen=True, slots=True)
class Kinship:
    """Why one customer is who it is."""

    profile: Profile
    ties: list[Tie]
    refusals: list[No]
    suggestions: list[tuple[str, Profile]]
    """Identities that were only claimed → the known customer who has them, or for whom they were claimed."""
    claims: list[Claim]
    others: dict[str, Profile]
    """The customers of the claims, by id."""

    @property
    def decisions(self) -> list[Tie | No]:
        """All that was decided."""
        return [*self.ties, *self.refusals, *self.claims]

    @property
    def profiles(self) -> list[Profile]:
        """Whose events led to what is said here."""
        return [self.profile, *self.others.values()]

    def of(self, name: str) -> list[Tie]:
        """What joins one identity to the customer."""
        return why.of_identity(self.ties, name)


async def kinship(
    store: Store, policy: Policy, profile: Profile, named_by: Collection[Profile] | None = None
) -> Kinship:
    """Links, refusals, claims for others, and who may be the same person. Raises Transient.

    `named_by`: what `claimants` gave a moment ago, for who asks often.
    """
    ties, refusals = why.links(profile), why.refusals(profile, policy)
    found = await claimants(store, profile) if named_by is None else named_by
    others = {one["id"]: one for one in found}
    claims = why.claims(profile, found, policy)
    suggestions = await suggested(store, profile, refusals, [(one, others[one["customer"]]) for one in claims])
    return Kinship(profile, ties, refusals, suggestions, claims, others)


async def claimants(store: Store, profile: Profile) -> list[Profile]:
    """Customers for whom one of this customer's identities was named and refused. Raises Transient."""
    names = [f"{one['type']}:{one['value']}" for one in views.identities(profile)]
    return await store.claimants(names[:ASKED])


async def suggested(
    store: Store, profile: Profile, refusals: Collection[No], claims: Collection[tuple[Claim, Profile]]
) -> list[tuple[str, Profile]]:
    """Other known customers who have an identity that was only claimed for this one, or the reverse; each once."""
    found: dict[str, tuple[str, Profile]] = {}
    for no in refusals:
        if no["code"] != why.CLAIMED or len(found) >= SUGGESTED:
            continue
        other = await store.find(no["identity"])
        if other is not None and other[1]["id"] != profile["id"]:
            found.setdefault(other[1]["id"], (no["identity"], other[1]))
    for claim, one in claims:
        if claim["code"] == why.CLAIMED:
            found.setdefault(one["id"], (claim["identity"], one))
    return list(found.values())[:SUGGESTED]


async def causes(
    history: History, profiles: Collection[Profile], decisions: Collection[Tie | No]
) -> dict[str, dict[str, Any]]:
    """The events behind decisions by their short names, as far as the log gives them in the time there is."""
    moments = {one["event"]["ref"]: one["time"] for one in decisions}
    return await history.causes(profiles, moments)


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit that two customers together would break."""

    code: str
    type: str
    limit: int
    values: list[str]
    forced: bool
    """Whether somebody with the right may set it aside."""


def standing(policy: Policy, one: Profile, other: Profile, now: int) -> list[Standing]:
    """Every limit that stands against two customers becoming one."""
    ours, theirs = one["identities"], other["identities"]
    found: list[Standing] = []
    if crowded(policy, ours, theirs, now) == FULL:
        found.append(Standing(FULL, "", LARGEST, sorted(ours.keys() | theirs.keys()), forced=False))
    for kind in sorted({name.partition(":")[0] for name in (*ours, *theirs)}):
        mine, yours = _of(ours, kind), _of(theirs, kind)
        if yours and crowded(policy, mine, yours, now) == f"limit:{kind}":
            found.append(Standing("limit", kind, policy.of(f"{kind}:").limit, sorted({*mine, *yours}), forced=True))
    return found


def _of(known: Mapping[str, Known], kind: str) -> dict[str, Known]:
    return {name: one for name, one in known.items() if name.partition(":")[0] == kind}


@dataclass(frozen=True, slots=True)
class Joining:
    """What two customers would be as one, and what stands against it."""

    ours: Profile
    theirs: Profile
    union: Union
    limits: list[Standing]

    @property
    def possible(self) -> bool:
        """Whether anybody may do it."""
        return all(one.forced for one in self.limits)


def joining(policy: Policy, one: Profile, other: Profile) -> Joining:
    """A preview of a merge."""
    limits = standing(policy, one, other, views.now_ms())
    return Joining(one, other, outlook.together(one, other), limits)


def parting(document: Document, names: Collection[str]) -> list[Profile]:
    """A preview of taking identities out of a customer: the customers there would be, the one that keeps the id first.

    A single one means that nothing would change.
    """
    return outlook.taken_apart(document, names)


# As the API shows it.


def as_json(found: Kinship, events: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Links, refusals and suggestions for the API."""
    return {
        "id": found.profile["id"],
        "links": [_decided(dict(tie), events) for tie in found.ties],
        "refusals": [_decided(dict(no), events) for no in found.refusals],
        "claims": [
            _decided({**one, "customer": summary(found.others[one["customer"]])}, events) for one in found.claims
        ],
        "suggestions": [{"identity": name, "customer": summary(other)} for name, other in found.suggestions],
    }


def _decided(one: dict[str, Any], events: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    event = {**one["event"], **events.get(one["event"]["ref"], {})}
    when = event["time"]
    return {**one, "time": views.moment(one["time"]), "event": {**event, "time": when and views.moment(when)}}


def summary(profile: Profile) -> dict[str, Any]:
    """A customer in a few words and numbers."""
    numbers = outlook.counted(profile)
    times = {name: views.moment(numbers[name]) if profile["events"] else None for name in ("first", "last")}
    return {**numbers, **times, "name": views.name_of(profile) or None, "stage": profile["stage"]}


def joined_json(found: Joining) -> dict[str, Any]:
    """A merge's preview for the API."""
    return {
        "keeps": found.union["keeps"],
        "possible": found.possible,
        "ours": summary(found.ours),
        "theirs": summary(found.theirs),
        "together": summary(found.union["profile"]),
        "conflicts": [
            {**one, "ours": views.said(one["ours"]), "theirs": views.said(one["theirs"])}
            for one in found.union["conflicts"]
        ],
        "limits": [
            {"code": one.code, "type": one.type, "limit": one.limit, "values": one.values, "forced": one.forced}
            for one in found.limits
        ],
        "divided": found.union["divided"],
    }


BOUNDS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("mentions", "counts", "latest", "traits", "facts", "consent"), NAMES),
    **{"refused": REFUSALS, "fired": FIRED, "unfit": NOTES},
}
"""Entries that are kept in each table of what the events of one identity tell."""


def stored(document: Document) -> dict[str, Any]:
    """Everything that is kept of a customer beside the timeline, for an export; and what is not, and why."""
    return {
        "profile": view(document),
        "parts": document["parts"],
        "links": document["links"],
        "left_out": left_out(document),
    }


def left_out(document: Document) -> list[dict[str, Any]]:
    """What a profile does not hold of the events that an export lists, with the reason."""
    found: list[dict[str, Any]] = [
        {"table": "timeline", "reason": f"a line has {TEXT} characters of a text, and short fields of what is long"},
        {"table": "traits, facts", "reason": f"of a text {LONGEST} characters are kept; what is larger is not"},
    ]
    for name, part in document["parts"].items():
        for table, most in BOUNDS.items():
            if len(part.get(table, ())) >= most:  # type: ignore[arg-type]
                which = "newest" if table == "fired" else "first by name"
                found.append({"identity": name, "table": table, "reason": f"{most} are kept, the {which}"})
    return found
