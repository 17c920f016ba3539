"""Customers that changed and of whom the feed `profiles` does not have the newest: noted in the step that changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from profile_store.connect import translated
from profile_store.document import alias, count, version
from profile_store.ledger import Ledger


class Changed(NamedTuple):
    """A customer as it is now."""

    customer: str
    version: int
    """How often it was written; 0 when it is part of another."""
    value: bytes | None
    """What is stored; None when it is part of another."""


class Changes:
    """What waits for the feed, in the generation that a worker works on."""

    def __init__(self, client: Redis, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger

    async def some(self, bucket: int, most: int) -> list[Changed]:
        """Some customers of a bucket that wait, as they are now. Raises Transient.

        Which of them is left to chance: so nobody who changes all the time keeps others waiting.
        """
        at = self._ledger.at
        with translated():
            found = cast(list[bytes], await self._client.zrandmember(at.fed(bucket), most))
            names = [name.decode() for name in found or ()]
            values = await self._client.mget([at.profile(name) for name in names]) if names else []
        return [_changed(name, cast(bytes | None, value)) for name, value in zip(names, values, strict=True)]

    async def done(self, bucket: int, told: Sequence[Changed]) -> None:
        """The feed has these; whoever changed again since stays. Raises Transient."""
        if told:
            parts: list[Any] = [part for one in told for part in (one.customer, one.version)]
            with translated():
                await self._client.fcall("hub_fed", 1, self._ledger.at.fed(bucket), *parts)


def _changed(customer: str, value: bytes | None) -> Changed:
    if value is None or alias(value) is not None:
        return Changed(customer, 0, None)
    return Changed(customer, count(version(value)), value)
