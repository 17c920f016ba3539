"""A small HTTP client that costs less than what it measures: kept-alive connections, nothing parsed but the status."""

from __future__ import annotations

import asyncio
import base64
from types import TracebackType
from typing import Self


class Client:
    """Posts JSON over a fixed number of connections."""

    def __init__(self, port: int, connections: int, key: str = "bench-key") -> None:
        self._port = port
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._count = connections
        self._auth = base64.b64encode(f"{key}:".encode()).decode()

    async def __aenter__(self) -> Self:
        for _ in range(self._count):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        while not self._free.empty():
            _reader, writer = self._free.get_nowait()
            writer.close()
            await writer.wait_closed()

    async def post(self, path: str, body: bytes) -> int:
        """Post one body; the status."""
        reader, writer = await self._free.get()
        try:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {self._auth}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            return int(answer[9:12])
        finally:
            self._free.put_nowait((reader, writer))
