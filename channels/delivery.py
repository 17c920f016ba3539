"""One trigger's way to its customer: claimed, logged, sent, logged, told to the profile.

| what is seen when a trigger is met | what is done |
|---|---|
| nobody has it, or somebody who has not sent it | claim it, log the claim, send |
| over | nothing |
| a dead dispatcher was sending it, the log knows the end | tell the end again, under the same event id |
| the same, and the log does not know | send again if the receiver recognises repeats, else it is in doubt |
| the claims are not complete | fill them up from the log first |
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Final, Literal

from channels.base import Channel, Receipt
from channels.claiming import MINE, Claiming, Claims, Patience, Stopping
from channels.letter import outbound
from channels.log import Log
from channels.outcomes import Outcomes
from channels.outgoing import InDoubt
from hub import logs, metrics
from hub.errors import HubError, Rejected, Transient, Unauthenticated
from hub.settings import Settings
from hub.trigger import Outcome, Trigger

OVER: Final = frozenset({"sent", "failed", "held"})
GIVE_UP: Final = 900.0
"""Seconds after which a message its provider never took has failed."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 60.0
AT_ONCE: Final = 16
"""Messages on their way to one provider at the same time."""
DAY_MS: Final = 24 * 3600 * 1000

State = Literal["claimed", "sent", "failed", "in-doubt", "held"]
log = logs.get("dispatcher")


@dataclass(slots=True)
class Tries:
    """How it went so far with one message."""

    give_up: float
    wait: float = FIRST_WAIT
    doubted: bool = False
    """One try may have arrived: from now on it can end as sent or in doubt, and not as failed."""


class Delivery:
    """Carries triggers out, each at most once, or says that nobody knows."""

    def __init__(
        self, settings: Settings, claims: Claims, channels: Mapping[tuple[str, str], Channel], log_to: Log
    ) -> None:
        self._settings = settings
        self._channels = channels
        self._log = log_to
        self._outcomes = Outcomes(settings)
        self._patience = Patience()
        self._claims = Claiming(claims, self._outcomes, self._patience)
        self._turns = {name: asyncio.Semaphore(AT_ONCE) for name in channels}

    def stop(self) -> None:
        """Begin nothing new and wait for nothing any more."""
        self._patience.end()

    def resume(self) -> None:
        """Go on after stop(), with the partitions that are ours now."""
        self._patience.begin()

    def _channel(self, trigger: Trigger) -> Channel | None:
        for (name, provider), channel in self._channels.items():
            if name == trigger.channel and trigger.provider in {"", provider} and channel.can.outbound:
                return channel
        return None

    async def deliver(self, trigger: Trigger, logged_ms: int) -> None:
        """Bring it to an end, whatever that is. `logged_ms`: when the trigger was put on its topic."""
        channel = self._channel(trigger)
        verdict = await self._claims.take(trigger.id)
        if verdict == MINE:
            await self._begin(trigger, channel)
        elif verdict in OVER or (verdict == "in-doubt" and not (channel and channel.can.idempotent_send)):
            metrics.REPEATED.labels("sent before").inc()
        else:
            await self._resolve(trigger, channel, min(logged_ms, int(trigger.time.timestamp() * 1000)) - DAY_MS)

    async def _begin(self, trigger: Trigger, channel: Channel | None) -> None:
        if channel is None:
            await self._end(trigger, "failed", provider=trigger.provider, reason="no such channel to send through")
            return
        await self._note(trigger, "claimed", provider=channel.provider, reason=self._claims.owner)
        await self._send(trigger, channel)

    async def _resolve(self, trigger: Trigger, channel: Channel | None, since_ms: int) -> None:
        """A claim whose owner is gone: look how it ended, and if nobody wrote it down, decide."""
        known = await self._patience.surely(lambda: self._outcomes.last(trigger.id, trigger.customer, since_ms))
        if known is not None and known.state in OVER:
            await self._tell(trigger, known)
        elif channel is not None and channel.can.idempotent_send:
            await self._note(trigger, "in-doubt", provider=channel.provider, reason="sent again under the same key")
            if await self._claims.seize(trigger.id) == MINE:
                await self._send(trigger, channel)
        else:
            await self._end(trigger, "in-doubt", reason="the sender died before it knew whether it was taken")

    async def _send(self, trigger: Trigger, channel: Channel) -> None:
        """Try until it is taken, refused, or nobody knows."""
        tries = Tries(time() + GIVE_UP)
        while True:
            try:
                receipt = await self._try(trigger, channel)
            except Rejected as error:
                await self._end(trigger, "failed", provider=channel.provider, reason=str(error))
                return
            except (Transient, Unauthenticated) as error:
                if await self._hopeless(trigger, channel, error, tries):
                    return
            except Stopping:
                raise
            except Exception as error:
                # A fault of ours while the provider had the line: nobody knows, and repeating it blindly could harm.
                log.exception("the channel broke", trigger=trigger.id, channel=channel.name)
                await self._end(trigger, "in-doubt", provider=channel.provider, reason=type(error).__name__)
                return
            else:
                if receipt is None:
                    log.info("another dispatcher has it", trigger=trigger.id)
                else:
                    await self._end(trigger, "sent", provider=channel.provider, message=receipt.message)
                return

    async def _try(self, trigger: Trigger, channel: Channel) -> Receipt | None:
        """Send it, if it is still ours to send."""
        message = outbound(trigger, channel, self._settings)
        async with self._turns[channel.name, channel.provider]:
            self._patience.check()
            if await self._claims.arm(trigger.id) != MINE:
                return None
            return await channel.send(message)

    async def _hopeless(self, trigger: Trigger, channel: Channel, error: HubError, tries: Tries) -> bool:
        """After a try that brought nothing: end it, or wait for the next one."""
        unsure = isinstance(error, InDoubt)
        tries.doubted = tries.doubted or unsure
        if (unsure and not channel.can.idempotent_send) or time() > tries.give_up:
            await self._end(trigger, "in-doubt" if tries.doubted else "failed", channel.provider, str(error))
            return True
        if unsure:
            await self._note(trigger, "in-doubt", provider=channel.provider, reason=str(error))
        elif not tries.doubted:
            await self._claims.disarm(trigger.id)
        log.info("will be tried again", trigger=trigger.id, channel=channel.name, error=str(error))
        asked = error.retry_after if isinstance(error, Transient) else None
        await self._patience.pause(min(max(tries.wait, asked or 0.0), LONGEST_WAIT))
        tries.wait = min(tries.wait * 2, LONGEST_WAIT)
        return False

    async def _note(
        self, trigger: Trigger, state: State, provider: str = "", reason: str = "", message: str = ""
    ) -> Outcome:
        """Log what became of it."""
        outcome = Outcome(
            trigger=trigger.id,
            state=state,
            time=datetime.now(UTC),
            customer=trigger.customer,
            channel=trigger.channel,
            provider=provider,
            message=message,
            reason=reason[:500],
        )
        await self._patience.surely(lambda: self._log.outcome(outcome), stubborn=state != "claimed")
        return outcome

    async def _end(
        self, trigger: Trigger, state: State, provider: str = "", reason: str = "", message: str = ""
    ) -> None:
        await self._tell(trigger, await self._note(trigger, state, provider, reason, message))

    async def _tell(self, trigger: Trigger, outcome: Outcome) -> None:
        """Tell the profile, then close the claim. In this order, so that a crash between repeats and loses nothing."""
        await self._patience.surely(lambda: self._log.event(trigger, outcome), stubborn=True)
        await self._claims.finish(trigger.id, outcome.state)
        self._log.count(trigger, outcome)
