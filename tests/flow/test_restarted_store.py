"""A Redis that was restarted between two commits, or cannot write for a while: it shows, and work goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from hub.errors import Transient
from hub.settings import read
from profile_store.connect import Gap, connect, install, translated
from profile_store.ledger import Ledger
from tests.contract.places import write
from tests.servers import RedisServer


async def test_a_restart_between_two_commits_is_noticed(private_redis: Callable[..., RedisServer]) -> None:
    redis = private_redis()
    client = connect(read(redis_url=redis.url))
    try:
        await install(client)
        ledger = Ledger(client, "g")
        await ledger.read({"c1": [], "c2": []})
        assert await ledger.commit([write("c1")], []) == []
        redis.kill()
        redis.start()
        with suppress(Transient), translated():  # the connection that died says so; one that was made since does not
            await client.ping()
        with pytest.raises(Gap):
            await ledger.commit([write("c2")], [])
        with pytest.raises(Gap):
            await ledger.read({"c2": []})
        found = await ledger.read({"c2": []})
        assert found["c2"].value is None
        assert await ledger.commit([write("c2")], []) == []
    finally:
        await client.aclose()


@pytest.mark.parametrize("state", ["replica", "full"])
async def test_a_server_that_cannot_write_now_is_waited_for(
    private_redis: Callable[..., RedisServer], state: str
) -> None:
    redis = private_redis()
    client = connect(read(redis_url=redis.url))
    try:
        await install(client)
        ledger = Ledger(client, "g")
        await ledger.read({"c1": []})
        if state == "replica":
            await client.execute_command("REPLICAOF", "127.0.0.1", "1")
        else:
            await client.config_set("maxmemory", 1)
        with pytest.raises(Transient):
            await ledger.commit([write("c1")], [])
        await client.execute_command("REPLICAOF", "NO", "ONE")
        await client.config_set("maxmemory", 0)
        assert await ledger.commit([write("c1")], []) == []
    finally:
        await client.aclose()
