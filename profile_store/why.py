"""Why a customer is who it is: what made each link, what stood against each refusal, who may be the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from typing_extensions import TypedDict

from hub.ids import customer_id
from hub.kinds import LARGEST, Policy
from hub.profile import CAUSE, JOINED, KEEP, LOSE, REF, RULE, SINCE, SOURCE, STATE, TIME, Profile, Register

REASON, REFUSED_AT, REFUSED_BY = range(3)
LIMIT: Final = "limit"
KIND: Final = "type"
"""Nothing that was claimed: identities of this type connect nobody, and are named by everybody."""
CLAIMED: Final = "claimed"
"""The one reason that suggests something: somebody said so, and only proof is missing."""


class Evidence(TypedDict):
    """The event behind a decision, as far as the profile still knows it."""

    ref: str
    type: str | None
    time: int | None


class Tie(TypedDict):
    """What is known of two identities belonging together."""

    one: str
    other: str
    state: str
    """`joined` or `apart`."""
    rule: str
    """`together` (named in one event), `by hand`, `taken apart` (what was left of a customer)."""
    time: int
    kept: str
    """The customer's id that stayed."""
    given_up: str
    event: Evidence


class No(TypedDict):
    """An identity that was named and not taken as the customer's, and what stood against it."""

    identity: str
    code: str
    """`claimed`, `divided`, `shared`, `blocked`, `type`, `size` or `limit`."""
    type: str
    """The type of identity that the limit or block is of."""
    limit: int | None
    """How many of that type (of all types, for `size`) one customer has at most; None where no number stood."""
    window: float | None
    """Seconds in which that many count; None: ever."""
    time: int
    event: Evidence


class Claim(No):
    """An identity of this customer that was named for another one, and not taken as theirs."""

    customer: str
    """The other's id."""


def evidence(profile: Profile) -> dict[str, tuple[str, int]]:
    """Short names of events → type and time, of all that the profile's statements still name."""
    found: dict[str, tuple[str, int]] = {}
    for register in _registers(profile):
        found.setdefault(register[REF], (register[SOURCE], register[TIME]))
    return found


def _registers(profile: Profile) -> Iterator[Register]:
    for table in (profile["latest"], profile["traits"], profile["facts"], profile["consent"]):
        yield from table.values()
    if "call" in profile:
        yield profile["call"]


def _event(ref: str, known: dict[str, tuple[str, int]]) -> Evidence:
    kind, time = known.get(ref, (None, None))
    return {"ref": ref, "type": kind, "time": time}


def links(profile: Profile) -> list[Tie]:
    """Every link of the customer, those that join and those that hold apart, the newest first."""
    known = evidence(profile)
    found: list[Tie] = []
    for name, link in profile["links"].items():
        one, _, other = name.partition("\n")
        found.append(
            {
                "one": one,
                "other": other,
                "state": link[STATE],
                "rule": link[RULE],
                "time": link[SINCE],
                "kept": customer_id(link[KEEP]),
                "given_up": customer_id(link[LOSE]),
                "event": _event(link[CAUSE], known),
            }
        )
    return sorted(found, key=lambda tie: (-tie["time"], tie["one"], tie["other"]))


def of_identity(ties: list[Tie], name: str) -> list[Tie]:
    """What joins one identity to the customer."""
    return [tie for tie in ties if tie["state"] == JOINED and name in (tie["one"], tie["other"])]


def refusals(profile: Profile, policy: Policy) -> list[No]:
    """Identities that are not the customer's although an event named them, the newest refusal first."""
    known = evidence(profile)
    found = [
        refusal(name, said, policy, known)
        for name, said in profile["refused"].items()
        if name not in profile["identities"]  # it was overruled since
    ]
    return sorted(found, key=lambda no: (-no["time"], no["identity"]))


def standing(profile: Profile) -> list[str]:
    """Identities that are not the customer's, and whose owners, if they have any, should hear of it."""
    return [
        name for name, said in profile["refused"].items() if name not in profile["identities"] and said[REASON] != KIND
    ]


def claims(profile: Profile, others: Iterable[Profile], policy: Policy) -> list[Claim]:
    """Which of the customer's identities were named for these others and refused, the newest refusal first."""
    found: list[Claim] = []
    for other in (one for one in others if one["id"] != profile["id"]):
        wanted = set(standing(other))
        refused = (no for no in refusals(other, policy) if no["identity"] in wanted)
        found += [{**no, "customer": other["id"]} for no in refused if no["identity"] in profile["identities"]]
    return sorted(found, key=lambda one: (-one["time"], one["identity"], one["customer"]))


def refusal(name: str, said: list[Any], policy: Policy, known: dict[str, tuple[str, int]] | None = None) -> No:
    """One refusal with the limit or block that stopped it."""
    code, _, kind = str(said[REASON]).partition(":")
    described = policy.of(f"{kind}:") if kind else policy.of(name)
    if code == "shared" and name.partition(":")[2] in described.blocked:
        code = "blocked"
    limits = {LIMIT: described.limit, "size": LARGEST}
    return {
        "identity": name,
        "code": code,
        "type": kind or name.partition(":")[0],
        "limit": limits.get(code),
        "window": described.window or None if code == LIMIT else None,
        "time": said[REFUSED_AT],
        "event": _event(said[REFUSED_BY], known or {}),
    }


def outcome(profile: Profile, ref: str, policy: Policy) -> tuple[str, No | None] | None:
    """What became of a request: `joined`, `apart`, or `refused` and why; None while nothing is decided."""
    states = {link[STATE] for link in profile["links"].values() if link[CAUSE] == ref}
    if states:
        return "joined" if states == {JOINED} else "apart", None
    for name, said in profile["refused"].items():
        if said[REFUSED_BY] == ref:
            return "refused", refusal(name, said, policy)
    return None
