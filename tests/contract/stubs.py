"""Providers that always answer the same: what the sending half of the contract is tested against."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def _listening(serve: Serve) -> AsyncIterator[int]:
    """A server that leaves no connection behind; yields its port."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for writer in writers:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def http_stub(
    status: int | None, body: bytes = b"{}", headers: str = ""
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers every request with this status, or never with None; yields its address and what was sent to it."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        requests.append(head + await reader.readexactly(int(length.partition(b":")[2])))
        if status is None:
            await reader.read()  # until the client gives up
        else:
            start = f"HTTP/1.1 {status} Stub\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}"
            writer.write(f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()

    async with _listening(serve) as port:
        yield f"http://127.0.0.1:{port}", requests


@contextlib.asynccontextmanager
async def smtp_stub(code: int | None) -> AsyncIterator[int]:
    """A mail relay that answers the recipient with this code, or never answers with None; yields its port."""
    replies = {"EHLO": "250 stub", "MAIL": "250 ok", "RCPT": f"{code} as told", "RSET": "250 ok", "QUIT": "221 bye"}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if code is None:
            await reader.read()
            return
        writer.write(b"220 stub\r\n")
        while line := await reader.readline():
            verb = line[:4].decode("ascii", "replace").upper()
            writer.write(f"{replies.get(verb, '502 unknown')}\r\n".encode())
            await writer.drain()

    async with _listening(serve) as port:
        yield port
