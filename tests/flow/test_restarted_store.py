"""A Redis that was restarted between two commits of one batch: the client connects again by itself, and it shows."""

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
