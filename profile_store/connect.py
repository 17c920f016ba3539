"""The connection to Redis, one server or a cluster: made here, and its errors become ours here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException as RedisClusterError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hub.errors import HubError, Misconfigured, Transient
from hub.settings import Settings
from profile_store.connections import leavable_cluster, leavable_pool

HEAD: Final = "#!lua name=hub"
FUNCTIONS: Final = ("applied.lua", "functions.lua")
CLUSTER_FUNCTIONS: Final = "cluster.lua"
"""What follows them on a cluster."""
CLUSTER: Final = "+cluster://"
"""What stands in an address in place of `://` when it leads to a cluster."""
MOST_CONNECTIONS: Final = 1_000
"""To one node of a cluster, whose client cannot wait for a free connection."""
PASSING: Final = ("BUSY", "MISCONF", "NOREPLICAS", "WAIT cannot be used with replica")
"""Answers of a server that will be able to do it later, or of one that another has replaced."""

Server: TypeAlias = Redis
Client: TypeAlias = Server | RedisCluster


class Gap(HubError):
    """The store is not where this worker left it: its tail is lost, or another worker has the partition."""


class Unsound(Transient):
    """This bucket's server was started anew and may have lost something: it is looked after first."""


class Sealed(Transient):
    """For a moment nobody writes; nothing was written."""


class NoFunctions(Transient):
    """This server does not have our functions: it is new, and nobody loaded them yet."""


@contextmanager
def translated() -> Iterator[None]:
    """Redis's errors as ours: a lost connection is Transient, a gap is a Gap, all else a fault of ours."""
    try:
        yield
    except AuthenticationError as error:
        raise Misconfigured(f"Redis refuses the password: {error}", "Check HUB_REDIS_URL.") from error
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Transient(f"Redis does not answer: {error}") from error
    except (ClusterDownError, AskError, TryAgainError) as error:  # MovedError and MasterDownError are of these kinds
        raise Transient(f"the Redis cluster is changing: {error}") from error
    except RedisClusterError as error:
        raise _of_cluster(error) from error
    except (ReadOnlyError, OutOfMemoryError, NoScriptError) as error:  # the client takes their names off their texts
        raise Transient(f"Redis cannot do it now: {error}") from error
    except ResponseError as error:
        text = str(error)
        if text.startswith("GAP"):
            raise Gap(text) from error
        if text.startswith("SEALED"):
            raise Sealed(f"Redis: {text}") from error
        if text.startswith("UNSOUND"):
            raise Unsound(f"Redis: {text}") from error
        if "Function not found" in text:
            raise NoFunctions("Redis does not have the hub's functions") from error
        if text.startswith(PASSING):
            raise Transient(f"Redis: {text}") from error
        raise
    except RedisError as error:
        raise Transient(f"Redis: {error}") from error


def _of_cluster(error: RedisClusterError) -> Exception:
    """The client could not find out what belongs to the cluster; the reason is one deeper."""
    text = str(error)
    if isinstance(error.__cause__, AuthenticationError):
        return Misconfigured(f"Redis refuses the password: {error.__cause__}", "Check HUB_REDIS_URL.")
    if "Cluster mode is not enabled" in text:
        return Misconfigured("HUB_REDIS_URL names a cluster, and this Redis is none", "Write redis:// instead.")
    return Transient(f"the Redis cluster cannot be reached: {text}")


def connect(settings: Settings, *, connections: int = 16) -> Client:
    """A client for this installation's Redis, one server or a cluster; nothing is sent yet."""
    url = settings.redis_url.get_secret_value()
    if not url:
        raise Misconfigured("HUB_REDIS_URL is not set and no hub is running here", "Start one with `make run`.")
    common: dict[str, Any] = {
        "socket_timeout": 10,
        "socket_connect_timeout": 2,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 3,
    }
    if CLUSTER in url:
        return _cluster(url, common)
    pool = BlockingConnectionPool.from_url(url, max_connections=connections, timeout=5, **common)
    leavable_pool(pool)
    return Redis.from_pool(pool)  # closes the pool with itself


def _cluster(url: str, common: dict[str, Any]) -> RedisCluster:
    """A cluster's client; an address may name several of its nodes, separated by commas."""
    parts = urlsplit(url.replace(CLUSTER, "://", 1))
    login, at, names = parts.netloc.rpartition("@")
    try:
        found: list[Any] = [
            parse_url(parts._replace(netloc=f"{login}{at}{name}").geturl()) for name in names.split(",")
        ]
        nodes = [ClusterNode(one.pop("host"), one.pop("port", 6379)) for one in found]
    except (KeyError, ValueError) as error:
        raise Misconfigured(
            f"HUB_REDIS_URL: {error}", "Write redis+cluster://host:port,host:port for a cluster."
        ) from None
    if found[0].pop("db", 0):
        raise Misconfigured("HUB_REDIS_URL: a cluster has no databases", "Leave out what follows the last /.")
    if found[0].pop("connection_class", None) is not None:  # rediss
        found[0]["ssl"] = True
    client = RedisCluster(startup_nodes=nodes, max_connections=MOST_CONNECTIONS, **found[0], **common)
    leavable_cluster(client)
    return client


def connect_server(settings: Settings) -> Redis:
    """A client for a Redis that is one server, for what a cluster cannot do. Raises Misconfigured on a cluster."""
    client = connect(settings)
    if isinstance(client, RedisCluster):
        raise Misconfigured(
            "this needs one Redis server, and HUB_REDIS_URL is a cluster",
            "Empty the cluster (FLUSHALL on every node): the workers build it again from the log.",
        )
    return client


async def install(client: Client) -> None:
    """Put our functions into Redis, into every master of a cluster. Raises Transient when it does not answer."""
    with translated():
        if isinstance(client, Redis):
            await client.function_load(functions(), replace=True)
            return
        code = cluster_functions()
        await client.initialize()
        for master in client.get_primaries():
            found: Any = await client.execute_command(
                "FUNCTION LIST", "LIBRARYNAME", "hub", "WITHCODE", target_nodes=master
            )
            # Loaded again, they would forget which buckets are sound.
            if code.encode() not in _texts(found):
                await client.execute_command("FUNCTION LOAD", "REPLACE", code, target_nodes=master)


def functions(*files: str) -> str:
    """The library of functions as a server has it."""
    folder = Path(__file__).parent
    return "\n".join([HEAD, *((folder / name).read_text() for name in files or FUNCTIONS)])


def cluster_functions() -> str:
    """The same as the masters of a cluster have it."""
    return functions(*FUNCTIONS, CLUSTER_FUNCTIONS)


def _texts(answer: Any) -> list[bytes]:
    """Every text in an answer, however deep."""
    if isinstance(answer, bytes):
        return [answer]
    parts = [*answer.keys(), *answer.values()] if isinstance(answer, dict) else answer
    return [text for part in parts for text in _texts(part)] if isinstance(parts, list) else []
