"""R2: the gateway is killed in the middle of requests; what it said yes to is in the log, whatever is repeated."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest

from hub.ids import event_id
from tests.gateways import KEY, GatewayProcess, gateway
from tests.servers import KafkaServer
from tests.waiting import until


class Senders:
    """Clients that send one event after the other, and repeat each until it is accepted."""

    def __init__(self, hub: GatewayProcess) -> None:
        self._hub = hub
        self.accepted: list[str] = []
        self.tries = 0
        self.running = True

    async def run(self, number: int) -> None:
        """One client."""
        async with httpx.AsyncClient(timeout=2, auth=(KEY, "")) as client:
            turn = 0
            while self.running:
                ids = [f"{number}-{turn}-{place}" for place in range(5)]
                batch = [{"type": "track", "event": "Hi", "userId": f"u{number}", "messageId": id} for id in ids]
                await self._until_accepted(client, orjson.dumps({"batch": batch}))
                self.accepted += ids
                turn += 1

    async def _until_accepted(self, client: httpx.AsyncClient, body: bytes) -> None:
        while True:
            self.tries += 1
            try:
                answer = await client.post(f"{self._hub.url}/v1/batch", content=body)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                return
            assert answer.status_code == 429, answer.text
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kills", [pytest.param(3, id="ci"), pytest.param(20, id="full", marks=pytest.mark.full)])
async def test_killed_gateway(seed: int, kafka_server: KafkaServer, tmp_path: Path, kills: int) -> None:
    random = Random(seed)
    with gateway(kafka_server.address, tmp_path / "hub", f"r2-{time.time_ns()}.") as hub:
        hub.topics()
        await asyncio.to_thread(hub.start)
        senders = Senders(hub)
        tasks = [asyncio.create_task(senders.run(number)) for number in range(8)]
        for _ in range(kills):
            before = len(senders.accepted)
            await until(lambda before=before: len(senders.accepted) > before + 100, 30)  # type: ignore[misc]
            await asyncio.sleep(random.random() * 0.05)
            await asyncio.to_thread(hub.kill)
            await asyncio.to_thread(hub.start)
        senders.running = False
        await asyncio.gather(*tasks)
        events = await asyncio.to_thread(hub.events)
    found = {event.id for event in events}
    repeated = len(events) - len(found)
    print(f"R2: {kills} kills, {len(senders.accepted)} events accepted, {senders.tries} tries, {repeated} repeated")
    lost = [id for id in senders.accepted if event_id("/channels/web/segment", id) not in found]
    assert not lost
    assert len(found) == len(senders.accepted), "one id, however often it was sent"
