"""After a loss: new events wait until what was decided before them is known again, in all partitions.

Partitions are read again at different speeds. An event that is new must not be decided in one while another still
holds what makes two of its identities one customer, or takes them apart.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from hub.logs import get
from hub.metrics import REBUILT
from profile_store.ledger import Ledger
from streams.decode import Incoming
from streams.pipeline import Pipeline
from streams.runner import Log

LOOK_EVERY: Final = 0.1

Outstanding = Callable[[Mapping[int, int]], Awaitable[Sequence[Incoming]]]
"""The decisions that the log holds from offsets on."""

log = get("gate")


async def nothing(_: Mapping[int, int]) -> Sequence[Incoming]:
    """For a log without decisions."""
    return ()


def applied(mark: str, topic_id: str) -> int:
    """The offset after the last one that a watermark says is applied; 0 when it is of another topic, or missing."""
    topic, _, offset = mark.partition(":")
    return int(offset) + 1 if topic == topic_id else 0


class Gate:
    """Closed while partitions are read again."""

    def __init__(self, ledger: Ledger, pipeline: Pipeline, topic_id: str, outstanding: Outstanding) -> None:
        self._ledger = ledger
        self._pipeline = pipeline
        self._topic_id = topic_id
        self._outstanding = outstanding
        self._until: dict[int, int] = {}
        self._closed_at = 0.0
        self._looked_at = 0.0

    @property
    def closed(self) -> bool:
        """Whether new events have to wait."""
        return bool(self._until)

    def replayed(self, partition: int) -> int:
        """Up to which offset a partition is read again; 0 where it is not."""
        return self._until.get(partition, 0)

    async def close(self, log_: Log) -> None:
        """Partitions are behind what they had been: close until all are there again. Raises Transient."""
        until = {}
        marks = await self._ledger.watermarks()
        for partition, oldest in (await log_.beginnings(log_.partitions())).items():
            done = await log_.committed(partition) or 0
            if done > max(applied(marks.get(partition, ""), self._topic_id), oldest):
                until[partition] = done
        if until and not self._until:
            self._closed_at = time.monotonic()
            log.warning("the store lost what the log has; building it again", partitions=len(until))
        self._until = until

    async def open(self) -> bool:
        """Whether new events may come; opens when all is read. Raises Transient."""
        if not self._until:
            return True
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        marks = await self._ledger.watermarks()
        if any(applied(marks.get(one, ""), self._topic_id) < done for one, done in self._until.items()):
            return False
        foretold = await self._outstanding(self._until)
        if foretold:
            await self._pipeline.run(foretold, [])
        took = round(time.monotonic() - self._closed_at, 2)
        log.info("the store is what it was, rebuilt from the log", seconds=took, decisions_ahead=len(foretold))
        REBUILT.inc()
        self._until = {}
        return True
