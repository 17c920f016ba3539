"""Ask a server whether it works: a real answer to a real question, not just an open port."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

from hub.servers.ports import LOCALHOST

ANSWER_TIMEOUT = 2.0
METADATA = 3
ONE_ID = 1

Read = Callable[[asyncio.StreamReader], Awaitable[bytes]]


async def kafka_answers(port: int, host: str = LOCALHOST) -> bool:
    """True when the broker says that it is alive and who leads the cluster."""
    # Header: api, version 1, correlation id, no client id; body: no topics. The broker lists itself only once the
    # controller let it in; before that a client could connect and still not produce.
    question = struct.pack(">hhihi", METADATA, 1, ONE_ID, -1, 0)
    answer = await exchange(host, port, struct.pack(">i", len(question)) + question, _framed)
    if len(answer) < 8:
        return False
    correlation, brokers = struct.unpack(">ii", answer[:8])
    return bool(correlation == ONE_ID and brokers > 0)


async def redis_answers(port: int, password: str = "", host: str = LOCALHOST) -> bool:
    """True when the server answers PING, that is, has loaded its data."""
    words = [["AUTH", password]] if password else []
    question = b"".join(_command(*command) for command in [*words, ["PING"]])
    answer = await exchange(host, port, question, _lines(len(words) + 1))
    return answer.endswith(b"+PONG\r\n")


async def http_answers(port: int, path: str = "/readyz", host: str = LOCALHOST) -> bool:
    """True when the path answers 200."""
    question = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    answer = await exchange(host, port, question.encode(), _lines(1))
    return answer.split()[1:2] == [b"200"]


async def port_answers(port: int, host: str = LOCALHOST) -> bool:
    """True when somebody listens; for processes that speak first, or not at all."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def exchange(host: str, port: int, question: bytes, read: Read, *, seconds: float = ANSWER_TIMEOUT) -> bytes:
    """What the server says to this; empty when it is away, slower than so many seconds, or breaks off."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(question)
                return await read(reader)
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):  # IncompleteReadError is an EOFError
        return b""


async def _framed(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(min(size, 65_536)) if size > 0 else b""


def _lines(count: int) -> Read:
    async def read(reader: asyncio.StreamReader) -> bytes:
        return b"".join([await reader.readuntil(b"\r\n") for _ in range(count)])

    return read


def _command(*words: str) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
