"""The connection to Redis: made here, and its errors become ours here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hub.errors import HubError, Misconfigured, Transient
from hub.settings import Settings

FUNCTIONS: Final = Path(__file__).with_name("functions.lua")


class Gap(HubError):
    """The store is not where this worker left it: its tail is lost, or another worker has the partition."""


@contextmanager
def translated() -> Iterator[None]:
    """Redis's errors as ours: a lost connection is Transient, a gap is a Gap, all else a fault of ours."""
    try:
        yield
    except AuthenticationError as error:
        raise Misconfigured(f"Redis refuses the password: {error}", "Check HUB_REDIS_URL.") from error
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Transient(f"Redis does not answer: {error}") from error
    except ResponseError as error:
        text = str(error)
        if text.startswith("GAP"):
            raise Gap(text) from error
        if text.startswith(("LOADING", "READONLY", "BUSY", "MISCONF", "OOM")) or "not found" in text:
            raise Transient(f"Redis: {text}") from error
        raise
    except RedisError as error:
        raise Transient(f"Redis: {error}") from error


def connect(settings: Settings, *, connections: int = 16) -> Redis:
    """A client for this installation's Redis; nothing is sent yet."""
    url = settings.redis_url.get_secret_value()
    if not url:
        raise Misconfigured("HUB_REDIS_URL is not set and no hub is running here", "Start one with `make run`.")
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=5,
        socket_timeout=10,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
        protocol=3,
    )
    return Redis.from_pool(pool)  # closes the pool with itself


async def install(client: Redis) -> None:
    """Put our functions into Redis. Raises Transient when it does not answer."""
    with translated():
        await client.function_load(FUNCTIONS.read_text(), replace=True)
