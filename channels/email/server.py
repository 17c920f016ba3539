"""Mail in: the SMTP server. It says 250 when the mail is safe, and 451 within seconds when it cannot be."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.base import Channel, RawInbound
from channels.email.channel import ENVELOPE_FROM, ENVELOPE_TO, MOST_RECIPIENTS, Email
from hub import logs, metrics
from hub.errors import Rejected, Transient
from hub.event import Event
from hub.settings import Settings

IDLE: Final = 60.0
"""Seconds without a byte after which a client is sent away."""
LONGEST_SESSION: Final = 600.0
MOST_SESSIONS: Final = 100
PATIENCE: Final = 4.0
"""Seconds the log may take; later the sender is told to come back, before it gives up and sends twice."""
LONGEST_LINE: Final = 100_000
"""Bytes; the standard says 998, and real senders break it."""
COMMANDS: Final[dict[str, int]] = {"MAIL": 100, "DATA": 100, "RCPT": 1_000, "NOOP": 20, "RSET": 100, "*": 20}

LATER: Final = "451 4.3.0 cannot be kept now, come again"
BROKEN: Final = "451 4.3.0 an error on our side, come again"
FULL: Final = "421 4.3.2 too many connections, come again"
KEPT: Final = "250 2.0.0 kept"
UNREADABLE: Final = "554 5.6.0 the message makes no sense"
UNKNOWN: Final = "550 5.1.1 no such mailbox here"
TOO_MANY: Final = "452 4.5.3 too many recipients"
BAD_ADDRESS: Final = "553 5.1.3 an address we cannot read"

log = logs.get("smtp")


class Edge(Protocol):
    """Where events become safe."""

    async def accept(self, channel: Channel, events: list[Event]) -> object:
        """Return when they are. Raises Transient when they cannot be now."""
        ...


class Handler:
    """What is done with mail, as aiosmtpd asks for it."""

    def __init__(self, settings: Settings, channel: Email, edge: Edge) -> None:
        self._channel = channel
        self._edge = edge
        self._domains = {one.strip().lower() for one in settings.mail.domains.split(",") if one.strip()}

    async def handle_RCPT(  # noqa: N802  the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept our own domains only."""
        domain = address.rpartition("@")[2].lower()
        if "," in address or not address.isprintable():
            return BAD_ADDRESS
        if self._domains and domain not in self._domains:
            metrics.REJECTED.labels("email", "smtp", "domain").inc()
            return UNKNOWN
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return TOO_MANY
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        """Keep the mail, then say so."""
        body = envelope.content
        raw = RawInbound(
            method="SMTP",
            url="smtp://in",
            headers={ENVELOPE_FROM: _printable(envelope.mail_from), ENVELOPE_TO: ",".join(envelope.rcpt_tos)},
            query={},
            body=body if isinstance(body, bytes) else b"",
            received=datetime.now(UTC),
        )
        try:
            # In a thread: a large mail must not hold up everybody else for a second.
            events = await asyncio.to_thread(self._channel.parse, raw)
            async with asyncio.timeout(PATIENCE):
                await self._edge.accept(self._channel, events)
        except Rejected as error:
            metrics.REJECTED.labels("email", "smtp", "payload").inc()
            log.info("mail refused", reason=str(error))
            return UNREADABLE
        except (Transient, TimeoutError):
            return LATER
        return KEPT

    async def handle_exception(self, error: Exception) -> str:
        """Say nothing of what went wrong, and let the sender repeat it."""
        log.error("mail could not be handled", error=type(error).__name__, exc_info=error)
        return BROKEN


def _printable(address: str | None) -> str:
    return "".join(char for char in address or "" if char.isprintable())


class _Protocol(SMTP):  # type: ignore[misc]
    """One connection: with limits on how long it may idle, live and send."""

    line_length_limit = LONGEST_LINE

    def __init__(self, handler: Handler, open_ones: set[_Protocol], most_bytes: int, **options: Any) -> None:
        super().__init__(handler, data_size_limit=most_bytes, **options)
        self._open_ones = open_ones
        self._most = most_bytes * 4
        self._got = 0
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._open_ones) >= MOST_SESSIONS and isinstance(transport, asyncio.WriteTransport):
            transport.write(FULL.encode() + b"\r\n")
        super().connection_made(transport)
        if len(self._open_ones) >= MOST_SESSIONS:
            transport.close()
        self._open_ones.add(self)
        self._end = self.loop.call_later(LONGEST_SESSION, self.abort)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.discard(self)
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        # aiosmtpd counts time from the last command, which cuts off a slow mail, and keeps a line that never ends.
        self._got += len(data)
        if self._got > self._most:
            self.abort()
            return
        self._reset_timeout()
        super().data_received(data)

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()
        self._got = 0

    def abort(self) -> None:
        """End it without another word."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    @property
    def finished(self) -> asyncio.Task[None] | None:
        """The task that serves it."""
        task: asyncio.Task[None] | None = self._handler_coroutine
        return task


class SmtpHandle:
    """The running server."""

    def __init__(self, server: asyncio.Server, sessions: set[_Protocol]) -> None:
        self._server = server
        self._sessions = sessions

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self, grace: float = 2.0) -> None:
        """Take no new connections, let the open ones finish for a moment, then end them."""
        self._server.close()
        tasks = [one.finished for one in self._sessions if one.finished]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        for session in list(self._sessions):
            session.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._server.wait_closed()


async def start_smtp(settings: Settings, edge: Edge, *, channel: Email | None = None) -> SmtpHandle:
    """Listen for mail on the running loop."""
    loop = asyncio.get_running_loop()
    handler = Handler(settings, channel or Email.from_settings(settings), edge)
    sessions: set[_Protocol] = set()

    def connection() -> _Protocol:
        return _Protocol(
            handler,
            sessions,
            settings.mail.max_bytes,
            enable_SMTPUTF8=True,
            hostname="hub",
            ident="ready",
            timeout=IDLE,
            command_call_limit=COMMANDS,
            loop=loop,
        )

    server = await loop.create_server(connection, settings.host, settings.smtp_port)
    return SmtpHandle(server, sessions)
