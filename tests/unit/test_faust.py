"""What we rely on in the pinned Faust and aiokafka, and what we do about the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator

from hub.errors import Transient
from hub.settings import read
from streams.app import Batch, FaustLog, FaustRunner, worked_on
from streams.decode import Record
from streams.runner import Log, check_membership


class Nobody:
    """Takes no batch."""

    async def take(self, log: Log, records: Mapping[int, Sequence[Record]]) -> None:
        """Never called."""


def _batch() -> Batch:
    return Batch(cast(FaustLog, None), {})


async def test_a_batch_that_a_rebalance_threw_away_is_given_up() -> None:
    runner = FaustRunner(read(kafka_bootstrap_servers="localhost:1"), Nobody())
    app: Any = runner._app
    channel = app.batches.clone(is_iterator=True)  # as the processor reads it
    app.flow_control.resume()
    batch = _batch()
    await app.batches.put(batch)
    assert channel.queue.qsize() == 1
    app.flow_control.suspend()  # a rebalance begins …
    app.flow_control.resume()  # … and ends
    assert channel.queue.qsize() == 0, "Faust keeps it now: then it need not be given up"
    await asyncio.wait_for(worked_on(batch), 2)
    assert not batch.taken


async def test_a_batch_in_the_processors_hands_is_waited_for() -> None:
    batch = _batch()
    batch.taken = True
    waiting = asyncio.create_task(worked_on(batch))
    done, _ = await asyncio.wait({waiting}, timeout=0.6)  # longer than one that nobody takes is waited for
    assert not done
    batch.done.set()
    await asyncio.wait_for(waiting, 2)


async def test_a_coordinator_that_cancelled_itself_is_noticed() -> None:
    coordinating = asyncio.create_task(asyncio.Event().wait())
    consumer = SimpleNamespace(_coordinator=SimpleNamespace(_coordination_task=coordinating))
    check_membership(consumer)
    coordinating.cancel()
    await asyncio.wait({coordinating})
    with pytest.raises(Transient, match="lost"):
        check_membership(consumer)
    check_membership(SimpleNamespace(_coordinator=None))  # not started yet


def test_aiokafka_still_names_these_things_so() -> None:
    assert "_coordination_task" in GroupCoordinator.__init__.__code__.co_names
    assert "_coordinator" in AIOKafkaConsumer.__init__.__code__.co_names
