"""uvicorn's HTTP, with an end to its patience: heads of requests may be neither endless nor for ever on their way."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LARGEST_HEAD: Final = 65_536
"""Bytes of a request line and its headers."""
_SLOWEST_HEAD: Final = 30.0
"""Seconds a connection may take for them."""


class PatientProtocol(HttpToolsProtocol):
    """One connection. uvicorn limits how long it may idle, but not what it may send before a request begins."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._ended = False
        self._head = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A new connection must say something soon."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is expected."""
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """What is still head after this counts against the limit."""
        self._ended = False
        super().data_received(data)
        if self._in_head:
            # What ended a request in the same piece was its body: the start of the next head is not worth a sum.
            self._head += 0 if self._ended else len(data)
            if self._head > _LARGEST_HEAD:
                self.transport.close()
            elif self._deadline is None and not self._ended:
                self._expect_head()

    def on_headers_complete(self) -> None:
        """The request begins."""
        self._in_head = False
        self._forget_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may come; until its first byte, uvicorn's own limit for idling counts."""
        self._in_head, self._ended, self._head = True, True, 0
        super().on_message_complete()

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(_SLOWEST_HEAD, self._too_slow)

    def _forget_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()
