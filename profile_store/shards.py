"""Several commands in one go: in a cluster those for one node together, and all nodes at the same time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import RedisClusterException as RedisClusterError
from redis.exceptions import RedisError

from hub.errors import HubError, Misconfigured, Transient
from profile_store import keys
from profile_store.connect import Client, Gap, NoFunctions, Unsound, install, translated

Command = Sequence[Any]
"""A command, its key, and its other arguments; a script's key stands in the fourth place."""
Call = tuple[str, Sequence[str], Sequence[Any]]
"""A function, its keys, which lie in one bucket, and its other arguments."""

WAIT_MS: Final = 500


async def many(client: Client, commands: Iterable[Command]) -> list[Any]:
    """The answers to commands of one key each. Raises Transient; then some of them were done."""
    if isinstance(client, RedisCluster):
        return await Shards(client).commands(commands)
    async with client.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        with translated():
            return list(await pipe.execute())


class Shards:
    """A cluster as its buckets see it."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    async def commands(self, commands: Iterable[Command]) -> list[Any]:
        """As `many`."""
        return await self._send([(one[3] if one[0] == "EVALSHA" else one[1], one) for one in commands])

    async def call(self, calls: Iterable[Call], *, read: bool = False) -> list[Any]:
        """The answers, in the order of the calls. Raises Transient or Gap; then some of them were done.

        A master that does not have our functions gets them, and the caller tries again.
        """
        command = "FCALL_RO" if read else "FCALL"
        wanted = [(names[0], (command, name, len(names), *names, *args)) for name, names, args in calls]
        try:
            return await self._send(wanted)
        except NoFunctions:
            await install(self._client)
            raise

    async def _send(self, commands: Sequence[tuple[str, Command]]) -> list[Any]:
        if not commands:
            return []
        try:
            with translated():
                await self._client.initialize()
                async with self._client.pipeline() as pipe:
                    for key, command in commands:
                        # Without the node the client would send a whole call once more, to ask for the keys in it.
                        pipe.execute_command(*command, target_nodes=self._node(key))
                    answers: list[Any] = await pipe.execute(raise_on_error=False)
            return _checked(answers)
        except Unsound:
            raise
        except Transient:
            await self.look()
            raise

    def _node(self, key: str) -> ClusterNode:
        node = self._client.get_node_from_key(key)
        if node is None:
            raise RedisClusterError(f"nobody has the slot of {key}")
        return node

    async def look(self) -> None:
        """Find out again which node has what. A master that died stays in the client's map otherwise."""
        # The cluster may still be without one; the next call finds out.
        with contextlib.suppress(RedisError, RedisClusterError, OSError):
            await self._client.nodes_manager.initialize()

    async def durable(self, buckets: Iterable[int]) -> frozenset[int]:
        """Those of these buckets of which everything written up to now is with all replicas. Raises Transient."""
        by_node: dict[str, list[int]] = {}
        found: set[int] = set()
        with translated():
            await self._client.initialize()
            for number in sorted(set(buckets)):
                by_node.setdefault(self._node(keys.sync(number)).name, []).append(number)
            for numbers in by_node.values():
                if await self._reached(keys.sync(numbers[0])):
                    found.update(numbers)
        if len(found) < sum(map(len, by_node.values())):
            await self.look()  # a replica may be gone for good
        return frozenset(found)

    async def _reached(self, key: str) -> bool:
        node = self._node(key)
        replicas = len(self._client.nodes_manager.slots_cache[self._client.keyslot(key)]) - 1
        async with self._client.pipeline() as pipe:
            # WAIT is about the writes of its own connection; being a stream, they carry all earlier ones with them.
            pipe.execute_command("SET", key, "", "EX", 60, target_nodes=node)
            pipe.execute_command("WAIT", replicas, WAIT_MS, target_nodes=node)
            _, reached = await pipe.execute()
        return int(reached) >= replicas


def _checked(answers: list[Any]) -> list[Any]:
    """The answers when all are good; otherwise an error, first of all one that asks for more than patience."""
    errors: list[Exception] = []
    for answer in answers:
        if isinstance(answer, Exception):
            try:
                with translated():
                    raise answer
            except (HubError, Misconfigured) as error:
                errors.append(error)
    if not errors:
        return answers
    raise next((one for one in errors if isinstance(one, Unsound | Gap | NoFunctions)), errors[0])


def only_server(client: Client) -> Redis:
    """The client of a single server. A cluster has its own ledger."""
    if not isinstance(client, Redis):
        raise TypeError("this is a cluster")
    return client
