"""redis-py's connections, made so that a task can be called away from them.

redis-py writes within `asyncio.wait_for`. On Python 3.11 that loses a cancellation when what it waits for ends in the
same moment, as a write nearly always does: one in seven tasks that were told to end went on, and the process with
them. The task that `wait_for` makes for each write costs time besides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from redis.asyncio import Connection, RedisCluster, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import TimeoutError as RedisTimeoutError


class _Leavable(AbstractConnection):
    """A connection that writes in the task that asks."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        seconds, self.socket_timeout = self.socket_timeout, None  # with none, redis-py just writes
        try:
            async with asyncio.timeout(seconds):
                await super().send_packed_command(command, check_health)
        except TimeoutError as error:
            raise RedisTimeoutError("Timeout writing to socket") from error
        finally:
            self.socket_timeout = seconds


class _Plain(_Leavable, Connection):
    pass


class _Encrypted(_Leavable, SSLConnection):
    pass


class _Local(_Leavable, UnixDomainSocketConnection):
    pass


_OURS: Final[dict[Any, Any]] = {Connection: _Plain, SSLConnection: _Encrypted, UnixDomainSocketConnection: _Local}


def leavable_pool(pool: ConnectionPool) -> None:
    """Have a pool that is not in use yet make such connections."""
    pool.connection_class = _OURS[pool.connection_class]


def leavable_cluster(client: RedisCluster) -> None:
    """Have a cluster's client that is not in use yet make such connections to all nodes."""
    ours = _OURS[client.connection_kwargs["connection_class"]]
    client.connection_kwargs["connection_class"] = ours  # of nodes that are still to be found
    for node in client.startup_nodes:
        node.connection_class = ours
