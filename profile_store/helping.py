"""Finishing what somebody else, perhaps dead by now, left half done in a cluster.

Two things must not happen when a node loses its last seconds: that the old value of a customer is gone while the one
that took it over is not there, and that a record is gone while what it decided is not there. So a customer that
became part of another stays under its seal until the deciding bucket's node has told its replicas and had time to
write its log. Only then is it overwritten, and the record goes when the same is true of those that were overwritten.
Until then the seal and the record together mean the new value to everybody who reads it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from secrets import token_hex
from typing import Any, Final, cast

import msgpack

from profile_store import keys, seals
from profile_store.marks import pairs
from profile_store.seals import Transaction, Write
from profile_store.shards import Call, Shards

SETTLED_MS: Final = 3_000
"""A log that is written every second holds everything older than this: it may be a second late, and waits then."""
GRACE: Final = 0.5
"""Seconds for which somebody's open change is left alone by one who meets it."""
REMEMBERED_MS: Final = 120_000
"""For how long a bucket knows of a change after its record is gone: a record may come back with a lost moment."""
FORGET_EVERY: Final = 30.0
ABANDONED_MS: Final = 60_000
"""An open record of this age that nobody met is in nobody's hands."""


class Helper:
    """Looks after changes over several buckets, whoever began them."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self._forget_at = 0.0
        self._met: dict[str, float] = {}
        """Open transactions of others that are in our way, and since when."""

    async def values(self, sealed: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """Sealed values by key, and how they count. What nobody will finish is given up on the way."""
        by = {key: cast(Transaction, seals.sealed_by(value)) for key, value in sealed.items()}
        records = await self._records(set(by.values()))
        lost = [one for one, record in records.items() if record is None or self._too_long(one, record)]
        answers = await self._shards.call(("hub_decide", [keys.transactions(one.bucket)], [one.id]) for one in lost)
        records |= dict(zip(lost, answers, strict=True))
        given_up = {one for one in lost if records[one] is None}
        await self._shards.call(
            call for key, one in by.items() if one in given_up for call in _unseal(one, [(key, None)])
        )
        found: dict[str, bytes | None] = {}
        harmless: list[Call] = []
        for key, one in by.items():
            record, old = records[one], seals.before(sealed[key])
            decided = seals.after(record, key)
            found[key] = old if decided is None else decided
            if record is not None and decided is not None and seals.harmless(old, decided):
                harmless += self.carry_out(one, [write for write in seals.writes(record) if write[0] == key])
        await self._shards.call(harmless)
        return found

    async def _records(self, wanted: set[Transaction]) -> dict[Transaction, bytes | None]:
        ordered = list(wanted)
        calls: list[Call] = [("hub_record", [keys.transactions(one.bucket)], [one.id]) for one in ordered]
        found = await self._shards.call(calls, read=True)
        return dict(zip(ordered, found, strict=True))

    def _too_long(self, one: Transaction, record: bytes) -> bool:
        if record[:1] != seals.OPEN:
            self._met.pop(one.id, None)
            return False
        now = time.monotonic()
        for id in [id for id, since in self._met.items() if now - since > 60]:
            del self._met[id]
        return now - self._met.setdefault(one.id, now) > GRACE

    @staticmethod
    def let_go(transaction: Transaction, members: Sequence[str]) -> list[Call]:
        """Calls that give a transaction up that was refused, and free what it sealed."""
        decide: Call = ("hub_decide", [keys.transactions(transaction.bucket)], [transaction.id])
        return [decide, *_unseal(transaction, [(key, None) for key in members])]

    @staticmethod
    def carry_out(transaction: Transaction, writes: Sequence[Write]) -> list[Call]:
        """Calls that write what was decided, where the seal still is."""
        return _unseal(transaction, writes)

    @staticmethod
    def done(transaction: Transaction) -> Call:
        """The call that notes that all was written."""
        return "hub_done", [keys.transactions(transaction.bucket)], [transaction.id]

    async def tidy(self) -> int:
        """One look at all transactions; how many were brought on. Raises Transient."""
        calls: list[Call] = [("hub_transactions", [keys.transactions(one)], []) for one in range(keys.BUCKETS)]
        fresh: list[Transaction] = []
        seen: list[Transaction] = []
        decided: dict[Transaction, bytes] = {}
        written: dict[Transaction, bytes] = {}
        answers = await self._shards.call(calls, read=True)
        if not all(sound for _, _, sound in answers):
            return await self.heal()  # a record may be all that is left of what it decided: none goes before that
        for number, (now, found, _) in enumerate(answers):
            for id, record in pairs(found):
                one, age = Transaction(number, id.decode()), int(now) - seals.time(record)
                seen.append(one)
                if record[:1] == seals.OPEN:
                    if age > ABANDONED_MS:
                        fresh.append(one)
                elif age > SETTLED_MS:
                    (decided if record[:1] == seals.COMMITTED else written)[one] = record
        await self._shards.call(call for one in fresh for call in self.let_go(one, ()))
        if time.monotonic() > self._forget_at:
            self._forget_at = time.monotonic() + FORGET_EVERY
            await self._forget(seen)
        return len(fresh) + await self._overwrite(decided) + await self._drop(written)

    async def _overwrite(self, decided: Mapping[Transaction, bytes]) -> int:
        """Overwrite the members of changes that can no longer get lost."""
        safe = await self._shards.durable(one.bucket for one in decided) if decided else frozenset()
        ready = [one for one in decided if one.bucket in safe]
        await self._shards.call(call for one in ready for call in self.carry_out(one, seals.writes(decided[one])))
        await self._shards.call(self.done(one) for one in ready)
        return len(ready)

    async def _drop(self, written: Mapping[Transaction, bytes]) -> int:
        """Drop records of which nothing can be lost any more. A seal that came back is overwritten once more."""
        places = {one: {keys.bucket_of(key) for key, _ in seals.writes(record)} for one, record in written.items()}
        again: list[Transaction] = []
        for one, record in written.items():
            if any(await self._shards.call(self.carry_out(one, seals.writes(record)))):
                again.append(one)
        await self._shards.call(self.done(one) for one in again)
        safe = await self._shards.durable(number for one in written for number in places[one]) if written else set()
        gone = [one for one in written if one not in again and places[one] <= safe]
        await self._shards.commands(("HDEL", keys.transactions(one.bucket), one.id) for one in gone)
        return len(gone)

    async def _forget(self, known: Iterable[Transaction]) -> None:
        """Let buckets forget changes from long before the oldest that is still there. Its record cannot come back."""
        oldest = min((one.begun for one in known), default=int(time.time() * 1000))
        limit = min(oldest, int(time.time() * 1000)) - REMEMBERED_MS
        await self._shards.commands(
            ("ZREMRANGEBYSCORE", keys.reached(one), "-inf", limit) for one in range(keys.BUCKETS)
        )

    async def heal(self) -> int:
        """Make buckets sound whose servers were started anew; how many. Raises Transient.

        Until that is done nobody reads or writes in them. What was decided about them elsewhere is written there
        again. Every bucket gets a new epoch first: whoever knew the store as it was must look again at how far it is
        before anything that came back old can move on.
        """
        name = token_hex(8)
        everywhere = range(keys.BUCKETS)
        allowed = await self._shards.call(("hub_ticket", [keys.epoch(one)], [name]) for one in everywhere)
        unsound = [number for number, may in enumerate(allowed) if may]
        if not unsound:
            return 0
        decided = await self._decide_all()
        await self._shards.call(("hub_epoch", [keys.epoch(one)], [name]) for one in everywhere)
        calls: list[Call] = []
        for number in unsound:
            reaching = [
                (one.id, part)
                for one, record in decided
                if (part := [write for write in seals.writes(record) if keys.bucket_of(write[0]) == number])
            ]
            calls.append(("hub_heal", [keys.epoch(number)], [name, msgpack.packb(reaching, use_bin_type=False)]))
        done: int = sum(await self._shards.call(calls))
        if done < len(unsound):  # somebody else came after us, and may be at it just now
            await asyncio.sleep(0.05 + random.random() / 10)
        return done

    async def _decide_all(self) -> list[tuple[Transaction, bytes]]:
        """Every decided change there is, oldest first. Those that are open are given up: they may lack a seal."""
        calls: list[Call] = [("hub_transactions", [keys.transactions(one)], []) for one in range(keys.BUCKETS)]
        found = {
            Transaction(number, id.decode()): record
            for number, (_, hash, _) in enumerate(await self._shards.call(calls, read=True))
            for id, record in pairs(hash)
        }
        opened = [one for one, record in found.items() if record[:1] == seals.OPEN]
        answers = await self._shards.call(
            ("hub_decide", [keys.transactions(one.bucket)], [one.id, "healing"]) for one in opened
        )
        found |= dict(zip(opened, answers, strict=True))
        return sorted(((one, record) for one, record in found.items() if record), key=lambda item: seals.time(item[1]))


def _unseal(transaction: Transaction, writes: Sequence[tuple[str, dict[str, Any] | None]]) -> list[Call]:
    parts: dict[int, list[tuple[str, bytes, dict[str, Any] | None]]] = {}
    for key, what in writes:
        parts.setdefault(keys.bucket_of(key), []).append((key, transaction.seal, what))
    return [
        ("hub_unseal", [keys.transactions(number)], [msgpack.packb(part, use_bin_type=False)])
        for number, part in parts.items()
    ]
