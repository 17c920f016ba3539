"""Claims as the dispatcher uses them: never asked while they are incomplete, never failing for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import time
from typing import Final, Protocol, TypeVar

from channels.outcomes import Outcomes
from hub import logs
from hub.errors import Transient

MINE: Final = "mine"
LOST: Final = "lost"
FREE: Final = "free"
MONTH_MS: Final = 30 * 24 * 3600 * 1000

T = TypeVar("T")
log = logs.get("dispatcher")


class Claims(Protocol):
    """Who sends what, remembered outside this process. All raise Transient; see profile_store/claims.py."""

    @property
    def owner(self) -> str: ...
    async def look(self, trigger: str) -> str: ...
    async def take(self, trigger: str) -> str: ...
    async def arm(self, trigger: str) -> str: ...
    async def disarm(self, trigger: str) -> str: ...
    async def seize(self, trigger: str) -> str: ...
    async def finish(self, trigger: str, state: str) -> None: ...
    async def begin_refill(self) -> str: ...
    async def refill(self, token: str, states: list[tuple[str, str]]) -> None: ...
    async def end_refill(self, token: str) -> bool: ...
    async def close(self) -> None: ...


class Stopping(Exception):
    """We are asked to end; somebody else goes on with what is not sent."""


class Patience:
    """Waits for what is away, unless we are asked to end."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    def end(self) -> None:
        """Wait for nothing any more."""
        self._stop.set()

    def begin(self) -> None:
        """Wait again."""
        self._stop.clear()

    def check(self) -> None:
        """Raise Stopping when nothing new may begin."""
        if self._stop.is_set():
            raise Stopping

    async def surely(self, work: Callable[[], Awaitable[T]], *, stubborn: bool = False) -> T:
        """Do it again until it works: what it needs is away for a while at most.

        Stubborn: also while we are stopping, because the message is out and nobody else knows.
        """
        wait = 0.1
        while True:
            try:
                return await work()
            except Transient as error:
                log.warning("waiting", error=str(error))
                await (asyncio.sleep(wait) if stubborn else self.pause(wait))
                wait = min(wait * 2, 5.0)

    async def pause(self, seconds: float) -> None:
        """Wait. Raises Stopping."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return
        raise Stopping


class Claiming:
    """The claims, filled up from the log whenever the store has lost some. Nothing here raises Transient."""

    def __init__(self, claims: Claims, outcomes: Outcomes, patience: Patience) -> None:
        self._claims = claims
        self._outcomes = outcomes
        self._patience = patience
        self._filling = asyncio.Lock()

    @property
    def owner(self) -> str:
        """The name our claims carry."""
        return self._claims.owner

    async def take(self, trigger: str) -> str:
        """Take what nobody is sending: MINE, or how its claim stands."""
        return await self._complete(self._claims.take, trigger)

    async def arm(self, trigger: str) -> str:
        """The last step before it goes out: MINE, or somebody else has it."""
        return await self._complete(self._arm, trigger)

    async def disarm(self, trigger: str) -> str:
        """It certainly did not go out."""
        return await self._complete(self._claims.disarm, trigger)

    async def seize(self, trigger: str) -> str:
        """Take over from the dead what may be sent twice."""
        return await self._complete(self._claims.seize, trigger)

    async def finish(self, trigger: str, state: str) -> None:
        """It is over."""
        await self._patience.surely(partial(self._claims.finish, trigger, state), stubborn=True)

    async def _complete(self, step: Callable[[str], Awaitable[str]], trigger: str) -> str:
        """A step of a claim, once the claims are complete."""
        again = partial(step, trigger)
        while (verdict := await self._patience.surely(again)) == LOST:
            await self._fill(trigger)
        return verdict

    async def _arm(self, trigger: str) -> str:
        verdict = await self._claims.arm(trigger)
        if verdict == FREE:  # our claim was in the lost tail of the store, before the log knew of it
            verdict = await self._claims.take(trigger)
            return await self._claims.arm(trigger) if verdict == MINE else verdict
        return verdict

    async def _fill(self, trigger: str) -> None:
        """Put the claims of the last month back from the log; one task at a time."""
        async with self._filling:
            self._patience.check()
            if await self._patience.surely(partial(self._claims.look, trigger)) != LOST:
                return
            log.warning("claims were lost; they are read from the log again")
            started = time()
            await self._patience.surely(self._refill)
            log.info("claims are complete", seconds=round(time() - started, 1))

    async def _refill(self) -> None:
        token = await self._claims.begin_refill()
        async for batch in self._outcomes.since(int(time() * 1000) - MONTH_MS):
            states = [(one.trigger, f"sending:{one.reason}" if one.state == "claimed" else one.state) for one in batch]
            await self._claims.refill(token, states)
        if not await self._claims.end_refill(token):
            raise Transient("claims were lost again while they were read")
