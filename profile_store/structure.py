"""The identities of a customer and what connects them, as a graph. Pure.

A link is a register of two identities: joined or apart, since when. Customers are what joined links connect.
Each joined link also says which customer gave up its id for which; the id of a customer is the place of the one
identity that never gave it up. Both follow from the set of links alone, whatever order they become known in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from hub.ids import customer_id
from hub.profile import APART, CAUSE, JOINED, LOSE, SINCE, STATE, Link


def pair(one: str, other: str) -> str:
    """The name of the link between two identities."""
    return f"{one}\n{other}" if one < other else f"{other}\n{one}"


def newer(one: Link | None, other: Link) -> bool:
    """Whether the second of two statements about a link stands; at the same moment, being apart does."""
    return one is None or _rank(other) > _rank(one)


def _rank(link: Link) -> tuple[int, bool, str, str]:
    return link[SINCE], link[STATE] == APART, link[CAUSE], str(link[3:])


def stands(one: Sequence[Any] | None, other: Sequence[Any]) -> bool:
    """Whether the second of two refusals, `[reason, time, event]`, stands; of the same event, the greater reason."""
    return one is None or (*other[1:], other[0]) > (*one[1:], one[0])


def components(nodes: Iterable[str], links: Mapping[str, Link]) -> list[list[str]]:
    """The groups of identities that joined links connect, each sorted, the groups by their first."""
    leader = {node: node for node in nodes}

    def find(node: str) -> str:
        while leader[node] != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for name, link in links.items():
        one, _, other = name.partition("\n")
        if link[STATE] == JOINED and one in leader and other in leader:
            leader[find(one)] = find(other)
    groups: dict[str, list[str]] = {}
    for node in sorted(leader):
        groups.setdefault(find(node), []).append(node)
    return sorted(groups.values())


def candidates(nodes: Collection[str], links: Mapping[str, Link]) -> list[str]:
    """The identities that gave up their place to nobody here. One, unless links are missing or came twice."""
    lost = {
        link[LOSE]
        for name, link in links.items()
        if link[STATE] == JOINED and all(end in nodes for end in name.split("\n", 1))
    }
    return sorted(set(nodes) - lost, key=customer_id) or sorted(nodes, key=customer_id)


def apart(one: Collection[str], other: Collection[str], links: Iterable[Mapping[str, Link]]) -> bool:
    """Whether somebody took apart what would become one."""
    for table in links:
        for name, link in table.items():
            if link[STATE] != APART:
                continue
            left, _, right = name.partition("\n")
            if (left in one and right in other) or (left in other and right in one):
                return True
    return False
