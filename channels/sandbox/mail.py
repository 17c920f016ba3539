"""A mail server that takes everything and delivers nothing."""

from __future__ import annotations

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email import headers, mime
from channels.sandbox.outbox import Outbox


class Catcher:
    """Keeps every mail in the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        """Take it."""
        body = envelope.content
        mail = mime.parse(body if isinstance(body, bytes) else b"")
        message_id = next(iter(headers.message_ids(mail.message, "message-id")), "")
        for recipient in envelope.rcpt_tos:
            self._outbox.add(
                "email",
                "smtp",
                recipient,
                mail.text,
                sender=headers.get(mail.message, "from"),
                subject=headers.get(mail.message, "subject"),
                key=message_id.strip("<>").rpartition("@")[0],
            )
        return "250 2.0.0 kept"


async def start(host: str, port: int, outbox: Outbox) -> asyncio.Server:
    """Listen."""
    loop = asyncio.get_running_loop()
    catcher = Catcher(outbox)
    return await loop.create_server(
        lambda: SMTP(catcher, hostname="sandbox", enable_SMTPUTF8=True, timeout=60, loop=loop), host, port
    )
