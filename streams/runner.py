"""What a runner is: it brings batches of records from the partitions it was given. There are two of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from hub.errors import Transient
from streams.decode import Record


@contextmanager
def translated() -> Iterator[None]:
    """A broker that is away, or a partition that was taken from us meanwhile: look again later."""
    try:
        yield
    except (KafkaError, TimeoutError) as error:
        raise Transient(f"Kafka: {error!r}") from error


def check_membership(consumer: Any) -> None:
    """Raises Transient when an aiokafka consumer has given up its group for good: only a new one joins again.

    When it leaves because a batch took too long and is to join again at that moment, it cancels itself, and says so
    to nobody who does not ask.
    """
    coordinator = consumer._coordinator
    if coordinator is not None and coordinator._coordination_task.cancelled():
        raise Transient("this worker's place in the group is lost")


class Log(Protocol):
    """A runner's view of the log `interactions`, as the processor needs it."""

    def assigned(self) -> frozenset[int]:
        """The partitions this worker has now."""
        ...

    def partitions(self) -> frozenset[int]:
        """All partitions there are, as far as this worker heard."""
        ...

    def end(self, partition: int) -> int | None:
        """The offset after the newest record that the broker told of."""
        ...

    def asked(self, partition: int) -> int:
        """When the broker last told where the end is, in ms."""
        ...

    async def beginnings(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """The oldest offset there is, by partition. One question for all: each waits for a fetch to come back."""
        ...

    async def committed(self, partition: int) -> int | None:
        """The offset up to which everything, what it set off included, was done."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Note that everything before these offsets is done."""
        ...

    def seek(self, partition: int, offset: int) -> None:
        """Read on from this offset."""
        ...

    def pause(self, partition: int) -> None:
        """Fetch nothing from a partition until it is resumed, or assigned anew."""
        ...

    def resume(self, partition: int) -> None:
        """Fetch from a paused partition again."""
        ...


class Batches(Protocol):
    """Takes what a runner brings."""

    async def take(self, log: Log, records: Mapping[int, Sequence[Record]]) -> None:
        """Work on records of several partitions, each in order; empty when there was nothing for a while."""
        ...


class Runner(Protocol):
    """Reads the log as a member of the consumer group until it is stopped."""

    async def run(self) -> None:
        """Run until `stop`, or until something is broken for good."""
        ...

    async def stop(self) -> None:
        """Leave the group and return from `run`."""
        ...
