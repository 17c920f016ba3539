"""Who sends which trigger: the dispatcher's claims. What is lost here is filled up again from the topic `outcomes`.

| value of a claim | what it means |
|---|---|
| missing | nobody has it |
| `taken:<owner>` | somebody has it and has not sent it; whoever meets it may take it over |
| `sending:<owner>` | it is on its way out; who meets it after that owner's death does not know whether it arrived |
| `sent`, `failed`, `in-doubt`, `held` | it is over |

Each bucket has a marker with the run of the Redis server its claims are complete for. Every step checks it in the
same script, so neither a flush nor a restart that lost the tail nor a failover can make a claim seem free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from hub.settings import Settings
from profile_store import keys
from profile_store.connect import Client, connect, translated
from profile_store.shards import many

_RUN: Final = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
"""
_STEP: Final = (
    _RUN
    + """
if redis.call('GET', KEYS[2]) ~= run then return 'lost' end
local now = redis.call('GET', KEYS[1]) or ''
local taken, sending = 'taken:' .. ARGV[2], 'sending:' .. ARGV[2]
local free = now == '' or string.sub(now, 1, 6) == 'taken:'
local rules = {
  take = {free, taken},
  arm = {now == taken or now == sending, sending},
  disarm = {now == sending or now == taken, taken},
  look = {false, ''},
  seize = {string.sub(now, 1, 8) == 'sending:' or now == 'in-doubt', sending},
}
local allowed, new = unpack(rules[ARGV[1]])
if not allowed then return now == '' and 'free' or now end
redis.call('SET', KEYS[1], new, 'EX', ARGV[3])
return 'mine'
"""
)
"""One step of one claim. Answers `mine`, `lost` when claims are not complete, `free`, or how the claim stands."""

_BEGIN: Final = _RUN + "redis.call('SET', KEYS[1], 'filling:' .. ARGV[1] .. ':' .. run)"
_END: Final = (
    _RUN
    + """
if redis.call('GET', KEYS[1]) ~= 'filling:' .. ARGV[1] .. ':' .. run then return 0 end
redis.call('SET', KEYS[1], run)
return 1
"""
)
_PUT_BACK: Final = (
    _RUN
    + """
if redis.call('GET', KEYS[2]) ~= 'filling:' .. ARGV[1] .. ':' .. run then return 0 end
local now = redis.call('GET', KEYS[1]) or 'taken:'
local open = string.sub(now, 1, 6) == 'taken:' or string.sub(now, 1, 8) == 'sending:'
if open or string.sub(ARGV[2], 1, 8) ~= 'sending:' then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
"""
)
"""While claims are filled up only `finish` writes beside us: what is over stays over, the rest is as it was logged."""


class RedisClaims:
    """The claims of all dispatchers, seen by one of them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._owner = uuid4().hex[:16]
        self._step, self._begin, self._end = map(client.register_script, (_STEP, _BEGIN, _END))

    @classmethod
    def from_settings(cls, settings: Settings) -> RedisClaims:
        """Claims in this installation's Redis; nothing is sent yet."""
        return cls(connect(settings))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _do(self, step: str, trigger: str) -> str:
        names = [keys.claim(trigger), keys.claims(keys.bucket(trigger))]
        with translated():
            answer: Any = await self._step(keys=names, args=[step, self._owner, keys.CLAIM_SECONDS])
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    @property
    def owner(self) -> str:
        """The name our claims carry; another one at each start."""
        return self._owner

    async def look(self, trigger: str) -> str:
        """How a claim stands: `free`, `lost`, or its value."""
        return await self._do("look", trigger)

    async def take(self, trigger: str) -> str:
        """Take a trigger that nobody is sending: `mine`, or as look(). Raises Transient."""
        return await self._do("take", trigger)

    async def arm(self, trigger: str) -> str:
        """Say that it goes out now: the last step before. Only the owner can."""
        return await self._do("arm", trigger)

    async def disarm(self, trigger: str) -> str:
        """Say that it certainly did not go out, and that we go on trying."""
        return await self._do("disarm", trigger)

    async def seize(self, trigger: str) -> str:
        """Take over what a dead dispatcher was sending; for messages that may be sent twice."""
        return await self._do("seize", trigger)

    async def finish(self, trigger: str, state: str) -> None:
        """Note how it ended. Raises Transient."""
        with translated():
            await self._client.set(keys.claim(trigger), state, ex=keys.CLAIM_SECONDS)

    async def begin_refill(self) -> str:
        """Start to fill the claims up: the pass to go on with. Until it ends every step answers `lost`."""
        token = uuid4().hex
        with translated():
            for number in range(keys.BUCKETS):
                await self._begin(keys=[keys.claims(number)], args=[token])
        return token

    async def refill(self, token: str, states: Sequence[tuple[str, str]]) -> None:
        """Put back triggers and how their claims stood, in the order they were logged. Raises Transient."""
        with translated():
            sha = await self._client.script_load(_PUT_BACK)  # on a cluster: on every master
        await many(
            self._client,
            (
                ("EVALSHA", sha, 2, keys.claim(one), keys.claims(keys.bucket(one)), token, state, keys.CLAIM_SECONDS)
                for one, state in states
            ),
        )

    async def end_refill(self, token: str) -> bool:
        """Declare the claims complete; False when Redis lost something again in the meantime."""
        with translated():
            done = [await self._end(keys=[keys.claims(number)], args=[token]) for number in range(keys.BUCKETS)]
        return all(done)
