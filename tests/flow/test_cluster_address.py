"""The address of a cluster: what it may say, and what is said when nothing or something else is there."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import RedisCluster as Client
from redis.asyncio import SSLConnection

from hub.errors import Misconfigured, Transient
from hub.settings import Settings
from profile_store.cluster import ClusterLedger
from profile_store.connect import connect
from profile_store.health import health


def _settings(url: str) -> Settings:
    return Settings(redis_url=url)


@pytest.mark.parametrize(
    "url", ["redis+cluster://127.0.0.1:1/3", "redis+cluster://127.0.0.1:x", "redis+cluster://", "http+cluster://a:1"]
)
def test_an_address_that_cannot_be(url: str) -> None:
    with pytest.raises(Misconfigured):
        connect(_settings(url))


def test_an_address_names_several_nodes_and_a_login() -> None:
    client = connect(_settings("rediss+cluster://user:p%40ss@one:7000,two:7001/0"))
    assert isinstance(client, Client)
    assert [(node.host, node.port) for node in client.startup_nodes] == [("one", 7000), ("two", 7001)]
    wanted = {"username": "user", "password": "p@ss"}
    assert {name: client.connection_kwargs[name] for name in wanted} == wanted
    assert issubclass(client.connection_kwargs["connection_class"], SSLConnection)


async def test_a_server_that_is_no_cluster(redis_server: Any) -> None:
    client = connect(_settings(redis_server.url.replace("://", "+cluster://")))
    try:
        with pytest.raises(Misconfigured, match="is none"):
            await health(client)
    finally:
        await client.aclose()


async def test_a_cluster_that_is_away() -> None:
    client = connect(_settings("redis+cluster://127.0.0.1:1,127.0.0.1:2"))
    try:
        assert isinstance(client, Client)
        with pytest.raises(Transient):
            await ClusterLedger(client, "nobody").watermarks()
    finally:
        await client.aclose()
