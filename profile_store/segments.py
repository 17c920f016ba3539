"""Members of segments: one lexical set a bucket, with an entry `segment, customer` for each membership.

Written in the same step as the customer's document, as search terms are, so that neither is ever ahead of the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from hub.errors import Rejected
from profile_store import keys
from profile_store.connect import Client, translated
from profile_store.shards import many

SEPARATOR: Final = "\x00"
END: Final = "\x01"
"""What follows the separator: no entry of the segment is greater."""
MOST: Final = 1000


def entry(segment: str, customer: str) -> str:
    """A membership as it stands in the set."""
    return f"{segment}{SEPARATOR}{customer}"


def written(customer: str, before: Collection[str], now: Collection[str]) -> dict[str, list[Any]]:
    """What a change of a customer's segments writes: two more lists of its member in the commit."""
    came, went = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    lists: dict[str, list[Any]] = {}
    if came:
        lists["entered"] = [part for name in came for part in (0, entry(name, customer))]
    if went:
        lists["left"] = [entry(name, customer) for name in went]
    return lists


def joined(ours: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    """The memberships of two customers that turn out to be one, before they are asked anew: the longer one counts."""
    return {name: min(ours.get(name, since), since) for name, since in {**ours, **theirs}.items()}


def _range(segment: str) -> tuple[str, str]:
    return f"[{segment}{SEPARATOR}", f"({segment}{END}"


class Members:
    """Who is in which segment, for reading."""

    def __init__(self, client: Client, at: keys.Keys = keys.FIRST) -> None:
        self._client = client
        self._at = at

    async def count(self, segment: str) -> int:
        """How many customers are in a segment. Raises Transient."""
        low, high = _range(segment)
        counts = (("ZLEXCOUNT", self._at.segments(number), low, high) for number in range(keys.BUCKETS))
        return sum(await many(self._client, counts))

    async def members(self, segment: str, after: str = "", limit: int = 100) -> tuple[list[str], str]:
        """A page of the customers in a segment, and the cursor of the next one, empty at the end.

        Raises Transient, and Rejected when `after` is no cursor.
        In the order of the buckets, and in each of the customers' ids: who is a member all the while is met once.
        """
        bucket, _, customer = after.partition(":")
        if after and not (bucket.isascii() and bucket.isdecimal() and customer):
            raise Rejected("this is no cursor of ours", field="after")
        number, limit = int(bucket or 0), max(1, min(limit, MOST))
        low, high = _range(segment)
        start = f"({entry(segment, customer)}" if customer else low
        found: list[str] = []
        while number < keys.BUCKETS:
            with translated():
                raw = await self._client.zrange(
                    self._at.segments(number), start, high, bylex=True, offset=0, num=limit - len(found)
                )
            found += [one.decode().partition(SEPARATOR)[2] for one in cast(list[bytes], raw)]
            if len(found) == limit:
                return found, f"{number}:{found[-1]}"
            number, start = number + 1, low
        return found, ""

    async def drop(self, segment: str) -> int:
        """Forget the members of a segment that is not declared any more; how many there were. Raises Transient."""
        low, high = _range(segment)
        removals = (("ZREMRANGEBYLEX", self._at.segments(number), low, high) for number in range(keys.BUCKETS))
        return sum(await many(self._client, removals))


class Untold:
    """Who came into a segment or left it since other declarations are in force, and is still to be told."""

    def __init__(self, client: Client, at: keys.Keys) -> None:
        self._client = client
        self._at = at

    async def any(self) -> bool:
        """Whether there is anybody. Raises Transient."""
        names = [name for number in range(keys.BUCKETS) for name in (self._at.entered(number), self._at.left(number))]
        with translated():
            return bool(await self._client.exists(*names))

    async def some(self, number: int, limit: int) -> tuple[list[str], list[str]]:
        """Entries of a bucket: who came, and who left. Raises Transient."""
        wanted = (self._at.entered(number), self._at.left(number))
        found = await many(self._client, (("ZRANGE", name, 0, limit - 1) for name in wanted))
        came, went = ([entry_.decode() for entry_ in one] for one in found)
        return came, went

    async def done(self, number: int, came: Collection[str], went: Collection[str]) -> None:
        """These were told. Raises Transient."""
        some = ((self._at.entered(number), came), (self._at.left(number), went))
        await many(self._client, (("ZREM", name, *entries) for name, entries in some if entries))


def parted(entry_: str) -> tuple[str, str]:
    """The segment and the customer of an entry."""
    segment, _, customer = entry_.partition(SEPARATOR)
    return segment, customer
