"""A wire between two processes that can be slow, torn, silent, or lose the answer to what was done."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Final

from hub.servers.ports import LOCALHOST

CHUNK: Final = 65_536


class _Line:
    """One connection through the wire."""

    def __init__(self, wire: Wire, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._ends = (client, server)
        self.mute = False
        """Nothing comes through any more, and nobody is told."""
        self._asked = False

    async def run(self, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        """Carry in both directions until one side hangs up."""
        ways = {
            asyncio.create_task(self._carry(client, self._ends[1], up=True)),
            asyncio.create_task(self._carry(server, self._ends[0], up=False)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.reset()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, up: bool) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(late, target))
        try:
            while data := await source.read(CHUNK):
                if up:
                    self._asked = self._asked or self._wire.marks(data)
                elif self._asked and self._wire.swallows():
                    return  # the answer is lost, and the connection with it
                if not self.mute:
                    late.put_nowait((asyncio.get_running_loop().time() + self._wire.delay, data))
        except OSError:
            return
        finally:
            delivering.cancel()

    async def _deliver(self, late: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
        while True:
            due, data = await late.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            target.write(data)
            with contextlib.suppress(OSError):
                await target.drain()

    def reset(self) -> None:
        """Tear it: both ends get a reset."""
        for end in self._ends:
            raw = end.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()


class Wire:
    """Carries connections from its port to a server's port on this machine."""

    def __init__(self, port: int, to: int) -> None:
        self.port = port
        self.delay = 0.0
        """Seconds that everything takes longer, each way."""
        self.resets = self.swallowed = 0
        """What was torn so far, and how many answers were lost."""
        self._to = to
        self._silent = False
        self._marker: bytes | None = None
        self._lines: set[_Line] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Carry, until the end of the block."""
        server = await asyncio.start_server(self._accept, LOCALHOST, self.port)
        try:
            yield
        finally:
            server.close()
            self.tear()
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(LOCALHOST, self._to)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(self, writer, far_writer)
        line.mute = self._silent
        self._lines.add(line)
        try:
            await line.run(reader, far_reader)
        finally:
            self._lines.discard(line)

    def tear(self) -> None:
        """Reset every connection."""
        for line in list(self._lines):
            line.reset()
            self.resets += 1

    def silence(self) -> None:
        """Nothing comes through until `heal`; connections of this time stay open, and dead for good."""
        self._silent = True
        for line in self._lines:
            line.mute = True

    def swallow(self, marker: bytes) -> None:
        """Lose the next answer to a request that holds these bytes, and its connection."""
        self._marker = marker

    def marks(self, asked: bytes) -> bool:
        """Whether this is a request whose answer is to be lost."""
        return self._marker is not None and self._marker in asked

    def swallows(self) -> bool:
        """Whether the answer that just came is the one to be lost."""
        if self._marker is None:
            return False
        self._marker = None
        self.swallowed += 1
        return True

    def heal(self) -> None:
        """From now on it is a good wire, for new connections."""
        self.delay, self._silent, self._marker = 0.0, False, None
