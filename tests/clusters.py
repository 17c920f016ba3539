"""A real Redis Cluster for tests: three masters and three replicas on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis
from redis.exceptions import RedisError

from hub.servers.ports import LOCALHOST, free_port
from hub.servers.redis import Fsync, RedisBinary
from tests.servers import RedisServer

MASTERS: Final = 3
SLOTS: Final = 16_384
PATIENCE: Final = 30.0
NODE_TIMEOUT_MS: Final = 1_500
"""How long a node may be silent before its replica takes over."""


def _until(what: str, condition: Callable[[], bool]) -> None:
    started = time.monotonic()
    while True:
        try:
            if condition():
                return
        except RedisError:
            pass  # it is not up yet
        if time.monotonic() - started > PATIENCE:
            raise TimeoutError(f"after {PATIENCE:g} s still waiting until {what}")
        time.sleep(0.02)


class RedisCluster:
    """Six servers that are one cluster; `url` is for clients. The first three begin as masters."""

    def __init__(self, state: Path, *, appendfsync: Fsync = "everysec", binary: RedisBinary | None = None) -> None:
        more = {"cluster-enabled": "yes", "cluster-node-timeout": str(NODE_TIMEOUT_MS)}
        self.nodes: list[RedisServer] = []
        self._between: list[int] = []
        for number in range(2 * MASTERS):
            # By default the port for other nodes lies 10,000 higher, where this machine's clients have theirs.
            self._between.append(free_port(avoid=[*self._between, *(node.port for node in self.nodes)]))
            settings = {**more, "cluster-port": str(self._between[-1])}
            home = state / f"node-{number}"
            self.nodes.append(RedisServer(home, appendfsync=appendfsync, binary=binary, more=settings))
        self.url = "redis+cluster://" + ",".join(f"{LOCALHOST}:{node.port}" for node in self.nodes[:MASTERS])

    def start(self) -> float:
        """Start all of it, and wait until it works; seconds."""
        started = time.monotonic()
        self.nodes[0].start()  # alone, since it may also start what all children are waited for in
        _at_once([node.start for node in self.nodes[1:]])
        self._join()
        return time.monotonic() - started

    def _join(self) -> None:
        each = SLOTS // MASTERS + 1
        for number, node in enumerate(self.nodes[:MASTERS]):
            with _admin(node) as admin:
                first = number * each
                admin.execute_command("CLUSTER ADDSLOTSRANGE", first, min(first + each, SLOTS) - 1)
                admin.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        with _admin(self.nodes[0]) as admin:
            for node, between in zip(self.nodes[1:], self._between[1:], strict=True):
                admin.execute_command("CLUSTER MEET", LOCALHOST, node.port, between)
        for node in self.nodes:
            _until("all nodes know each other", lambda node=node: len(self._known(node)) == len(self.nodes))  # type: ignore[misc]
        names = [self._name(node) for node in self.nodes]
        for number, node in enumerate(self.nodes[MASTERS:]):
            with _admin(node) as admin:
                admin.execute_command("CLUSTER REPLICATE", names[number])
        self.until_whole()

    def until_whole(self) -> None:
        """Wait until every node says that all is well, and every replica has all that its master has."""

        def well(node: RedisServer) -> bool:
            with _admin(node) as admin:
                state = str(admin.execute_command("CLUSTER INFO")["cluster_state"])
                about: dict[str, Any] = admin.info("replication")
            return state == "ok" and bool(about["role"] == "master" or about["master_link_status"] == "up")

        def whole() -> bool:
            running = [node for node in self.nodes if node.pid]
            replicas = sum(_role(node) == "slave" for node in running)
            return replicas == len(running) - MASTERS and all(map(well, running))

        _until("the cluster is whole", whole)

    @staticmethod
    def _known(node: RedisServer) -> list[str]:
        with _admin(node) as admin:
            found: dict[str, Any] = admin.execute_command("CLUSTER NODES")
        return [name for name, one in found.items() if "handshake" not in one["flags"]]

    @staticmethod
    def _name(node: RedisServer) -> str:
        with _admin(node) as admin:
            return str(admin.execute_command("CLUSTER MYID").decode())

    def masters(self) -> list[RedisServer]:
        """The nodes that are masters now."""
        return [node for node in self.nodes if node.pid and _role(node) == "master"]

    def master_of(self, key: str) -> RedisServer:
        """The master that has a key."""
        with _admin(self.masters()[0]) as admin:
            slot = int(admin.execute_command("CLUSTER KEYSLOT", key))
            for first, last, owner, *_ in admin.execute_command("CLUSTER SLOTS"):
                if first <= slot <= last:
                    return next(node for node in self.nodes if node.port == owner[1])
        raise LookupError(key)

    def replica_of(self, master: RedisServer) -> RedisServer:
        """The replica of a master."""
        for node in self.nodes:
            if node.pid and _role(node) == "slave":
                with _admin(node) as admin:
                    if admin.info("replication")["master_port"] == master.port:
                        return node
        raise LookupError(master.port)

    def fail_over(self, master: RedisServer) -> None:
        """Kill a master, and wait until its replica has taken its place."""
        heir = self.replica_of(master)
        master.kill()
        _until("the replica is master", lambda: _role(heir) == "master")
        self.until_whole()

    def dispose(self) -> None:
        """End it and remove its data."""
        _at_once([node.dispose for node in self.nodes])


def _at_once(work: Sequence[Callable[[], Any]]) -> None:
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()


def _admin(node: RedisServer) -> Redis:
    return Redis(port=node.port, socket_timeout=5)


def _role(node: RedisServer) -> str:
    with _admin(node) as admin:
        return str(admin.info("replication")["role"])


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """The cluster that all tests share; use keys of your own and do not kill it."""
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.dispose()


@pytest.fixture
def private_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RedisCluster]]:
    """Makes a running cluster for this test alone; takes `appendfsync` and `binary`."""
    made: list[RedisCluster] = []

    def make(*, appendfsync: Fsync = "everysec", binary: RedisBinary | None = None) -> RedisCluster:
        made.append(RedisCluster(tmp_path_factory.mktemp("cluster"), appendfsync=appendfsync, binary=binary))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.dispose()
