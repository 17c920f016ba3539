"""What customers would become, if somebody joined two or took one apart. Pure; nothing is decided here."""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from typing import Any, Final

from typing_extensions import TypedDict

from hub.ids import customer_id
from hub.profile import APART, JOINED, STATE, VALUE, Document, Link, Profile, Register, blank
from profile_store import stage
from profile_store.document import view
from profile_store.merge import merge
from profile_store.registers import later
from profile_store.structure import apart, candidates, components

TABLES: Final = ("traits", "facts", "consent")


class Conflict(TypedDict):
    """A name under which two customers say different things."""

    table: str
    name: str
    ours: Register
    theirs: Register
    wins: str
    """`ours` or `theirs`: whose statement would be shown, because it is the newer one."""


class Union(TypedDict):
    """Two customers as one."""

    profile: Profile
    keeps: str
    """The id that would stay."""
    conflicts: list[Conflict]
    divided: bool
    """Whether somebody took these two apart before."""


def age(profile: Profile) -> tuple[bool, int, str]:
    """Customers ordered by who keeps the id when two become one: the older one does."""
    return profile["events"] == 0, profile["first"], profile["id"]


def together(one: Profile, other: Profile) -> Union:
    """What the two would be as one customer."""
    keeps, gives = sorted((one, other), key=age)
    whole = deepcopy(keeps)
    merge(whole, gives)
    whole["identities"] = {**deepcopy(gives["identities"]), **whole["identities"]}
    for name in whole["identities"].keys() & whole["mentions"].keys():
        whole["identities"][name] = whole["mentions"][name]
    whole["links"] = {**deepcopy(gives["links"]), **whole["links"]}
    whole["stage"] = stage.of(whole)
    return {
        "profile": whole,
        "keeps": keeps["id"],
        "conflicts": list(_conflicts(one, other)),
        "divided": apart(one["identities"], other["identities"], (one["links"], other["links"])),
    }


def _conflicts(one: Profile, other: Profile) -> list[Conflict]:
    found: list[Conflict] = []
    for table in TABLES:
        ours: dict[str, Register] = one[table]
        theirs: dict[str, Register] = other[table]
        for name in sorted(ours.keys() & theirs.keys()):
            mine, yours = ours[name], theirs[name]
            if mine[VALUE] != yours[VALUE]:
                wins = "ours" if later(mine, yours) is mine else "theirs"
                found.append({"table": table, "name": name, "ours": mine, "theirs": yours, "wins": wins})
    return found


def taken_apart(document: Document, names: Collection[str]) -> list[Profile]:
    """The customers that would be there without what joins these identities to the others; the first keeps the id.

    One customer means that nothing would change.
    """
    nodes = document["nodes"]
    out = set(names) & set(nodes)
    links = {name: _cut(name, link, out, nodes) for name, link in document["links"].items()}
    groups = components(nodes, links)
    if len(groups) == 1:
        return [view(document)]
    root = _root(document)
    groups.sort(key=lambda group: root not in group)
    return [view(_alone(document, group, links, root)) for group in groups]


def along(document: Document, name: str) -> list[str]:
    """An identity with those that belong to the customer only through it: what most likely goes with it, sorted."""
    root = _root(document)
    if name == root:
        return [name]
    rest = [node for node in document["nodes"] if node != name]
    groups = components(rest, document["links"])
    return sorted([name, *(node for group in groups if root not in group for node in group)])


def _root(document: Document) -> str:
    """The identity whose place is the customer's."""
    nodes = document["nodes"]
    found = candidates(nodes, document["links"])
    return next((node for node in nodes if customer_id(node) == document["id"]), found[0])


def _cut(name: str, link: Link, out: Collection[str], nodes: Collection[str]) -> Link:
    ends = name.split("\n", 1)
    inside = all(end in nodes for end in ends)
    crosses = inside and (ends[0] in out) != (ends[1] in out)
    return [APART, *link[1:]] if crosses and link[STATE] == JOINED else link


def _alone(document: Document, group: list[str], links: dict[str, Link], root: str) -> Document:
    found = candidates(group, links)
    alone = blank(customer_id(root if root in found else found[0]), *group)
    alone["parts"] = {name: deepcopy(part) for name, part in document["parts"].items() if name in group}
    alone["links"] = {name: link for name, link in links.items() if set(name.split("\n", 1)) & set(group)}
    return alone


def counted(profile: Profile) -> dict[str, Any]:
    """A customer in a few numbers, for whoever decides."""
    return {
        "id": profile["id"],
        "events": profile["events"],
        "first": profile["first"],
        "last": profile["last"],
        "identities": sorted(profile["identities"]),
        "traits": len(profile["traits"]),
        "facts": len(profile["facts"]),
        "received": sum(one["received"] for one in profile["channels"].values()),
        "sent": sum(one["sent"] for one in profile["channels"].values()),
    }
