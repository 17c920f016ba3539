"""Events that come in while something else happens, no faster than they are applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hub import bus
from hub.event import Event
from tests.faults.harness import Installation, until

LOT: Final = 20


class Sending:
    """Sends events until told to stop; at most so many are `ahead` of those that are applied."""

    def __init__(self, hub: Installation, producer: bus.Producer, event: Callable[[int], Event], *, ahead: int) -> None:
        self._hub, self._producer, self._event, self._ahead = hub, producer, event, ahead
        self.sent, self.over = 0, False

    async def run(self) -> None:
        while not self.over:
            await self._hub.accept(self._producer, [self._event(self.sent + one) for one in range(LOT)])
            self.sent += LOT
            await self._hub.until_count(self.sent - self._ahead)

    async def more(self, count: int) -> None:
        wanted = self.sent + count

        async def there() -> bool:
            return self.sent >= wanted

        await until(f"{count} more events are sent", there)
