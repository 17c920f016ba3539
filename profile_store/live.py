"""Hearing of changes: pub/sub on a server, and on a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from redis.asyncio import Redis

from hub.errors import Transient
from profile_store.connect import Client, translated

QUIET: Final = 5.0
"""Seconds without a message after which we look whether we still listen in the right place."""


async def messages(client: Client, channel: str, in_bucket: str = "") -> AsyncIterator[bytes]:
    """What is said on a channel, until the caller stops asking. Raises Transient; then something may be missed.

    On a cluster a channel of a customer has another name and is sharded: what is said there stays with the nodes of
    its bucket. A channel for everybody goes over the whole cluster.
    """
    sharded = bool(in_bucket) and not isinstance(client, Redis)
    if not isinstance(client, Redis):
        with translated():
            await client.initialize()
    pubsub: Any = client.pubsub(ignore_subscribe_messages=True)
    try:
        with translated():
            if sharded:
                await pubsub.ssubscribe(in_bucket)
            else:
                await pubsub.subscribe(channel)
            node = _node(client, in_bucket) if sharded else ""
            while True:
                ask = pubsub.get_sharded_message if sharded else pubsub.get_message
                message = await ask(timeout=QUIET)
                if message is not None:
                    yield message["data"]
                elif sharded and (node != _node(client, in_bucket) or not pubsub.node_pubsub_mapping):
                    raise Transient("the channel is with another node now")
    finally:
        await pubsub.aclose()


def _node(client: Client, channel: str) -> str:
    node = None if isinstance(client, Redis) else client.get_node_from_key(channel)
    return "" if node is None else str(node.name)
