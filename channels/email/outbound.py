"""Mail out: one message, as bytes that no text in it can turn into something else, and its way to the relay."""

from __future__ import annotations

import contextlib
import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, parseaddr
from typing import Final

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from channels.base import Outbound
from channels.email.headers import clean, made_from
from channels.outgoing import InDoubt
from hub.errors import HubError, Rejected, Transient, Unauthenticated
from hub.ids import digest
from hub.settings import Mail

TIMEOUT: Final = 20.0
WIRE: Final = SMTP.clone(cte_type="7bit")
IMPLICIT_TLS: Final = 465
OWN_HEADERS: Final = frozenset({"auto-submitted", "precedence", "references", "in-reply-to", "feedback-id"})
"""What a message may set beside what is set here."""
_ADDRESS: Final = re.compile(r"[^\s<>@,;:\"()\[\]\\]+@[^\s<>@,;:\"()\[\]\\]+")
_ASCII: Final = re.compile(r"[^\x20-\x7e]+")

LEAVE: Final = {
    "en": "No longer interested? Leave here:",
    "de": "Kein Interesse mehr? Hier abmelden:",
    "fa": "دیگر مایل به دریافت نیستید؟ لغو عضویت:",
}
"""In front of the link that ends marketing; English for other languages."""


def domain_of(settings: Mail) -> str:
    """The domain our Message-IDs end with."""
    return parseaddr(settings.from_address)[1].rpartition("@")[2].lower() or "localhost.localdomain"


def message_id(key: str, settings: Mail) -> str:
    """The Message-ID a trigger's mail has, at every try."""
    try:
        return made_from(key, domain_of(settings))
    except ValueError:
        return made_from("k" + digest(key, 15), domain_of(settings))


def _lines(message: Outbound, settings: Mail) -> list[str]:
    """Headers in ASCII, written by hand: the standard library would encode long ids and links beyond recognition."""
    found = {"Message-ID": message_id(message.key, settings)}
    if message.reply_to:
        found["In-Reply-To"] = found["References"] = message.reply_to
    if message.unsubscribe_url:
        found["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for name, value in message.headers.items():
        if name.lower() in OWN_HEADERS:
            found[name.title()] = value
    plain = {name: _ASCII.sub("", clean(value)) for name, value in found.items()}
    return [f"{name}: {_fold(value)}" for name, value in plain.items() if value]


def _fold(value: str) -> str:
    """One id a line, for a long list of them: no line may pass 998 bytes."""
    return "\r\n ".join(value.split(" ")) if len(value) > 70 else value[:900]


def build(message: Outbound, settings: Mail) -> bytes:
    """The whole mail. Raises Rejected when the recipient is no address."""
    kind, _, to = message.to.partition(":")
    if kind != "email" or not _ADDRESS.fullmatch(to) or clean(to) != to:
        raise Rejected(f"it cannot go to {kind or 'nobody'}", field="to")
    name, own = parseaddr(settings.from_address)
    mail = EmailMessage(policy=WIRE)
    mail["From"] = formataddr((clean(name), own)) if name else own
    mail["To"] = to
    mail["Subject"] = clean(message.subject)[:900] or "(no subject)"
    mail["Date"] = formatdate(usegmt=True)
    text = message.text
    if message.unsubscribe_url:
        invitation = LEAVE.get(message.language.partition("-")[0].lower(), LEAVE["en"])
        text = f"{text.rstrip()}\n\n-- \n{invitation}\n{clean(message.unsubscribe_url)}\n"
    mail.set_content(text.encode("utf-8", "replace").decode(), charset="utf-8")
    return "\r\n".join([*_lines(message, settings), ""]).encode("ascii") + mail.as_bytes()


def _translated(error: Exception) -> HubError:
    """The relay's refusal as ours; what happens before the text is handed over cannot have been taken."""
    if isinstance(error, SMTPAuthenticationError):
        return Unauthenticated(f"the relay refuses us: {error.code}")
    if isinstance(error, SMTPResponseException):
        reason = f"{error.code} {error.message}"[:300]
        return Rejected(reason, field="to") if 500 <= error.code < 600 else Transient(reason)
    return Transient(f"the relay does not answer: {type(error).__name__}")


async def send(message: Outbound, settings: Mail) -> str:
    """Hand the mail to the relay; its Message-ID. Raises Transient, InDoubt, Rejected or Unauthenticated."""
    whole = build(message, settings)
    if not settings.relay_host:
        raise Transient("no relay is set (HUB_MAIL__RELAY_HOST)")
    client = aiosmtplib.SMTP(
        hostname=settings.relay_host,
        port=settings.relay_port,
        username=settings.relay_user or None,
        password=settings.relay_password.get_secret_value() or None,
        use_tls=settings.relay_port == IMPLICIT_TLS,
        start_tls=settings.relay_starttls and settings.relay_port != IMPLICIT_TLS,
        timeout=TIMEOUT,
    )
    try:
        await _deliver(client, message, whole, settings)
    finally:
        client.close()
    return message_id(message.key, settings)


async def _deliver(client: aiosmtplib.SMTP, message: Outbound, whole: bytes, settings: Mail) -> None:
    # RFC 3834: an automatic answer has no return path, so that two robots cannot talk for ever.
    answering = message.headers.get("Auto-Submitted", "").startswith("auto-replied")
    sender = "" if answering else parseaddr(settings.from_address)[1]
    try:
        await client.connect()
        await client.mail(sender)
        await client.rcpt(message.to.partition(":")[2])
    except (SMTPException, SMTPRecipientRefused, OSError, ValueError, UnicodeError) as error:
        raise _translated(error) from error
    try:
        await client.data(whole)
    except SMTPResponseException as error:
        raise _translated(error) from error
    except (SMTPException, OSError) as error:
        raise InDoubt(f"the relay was cut off: {type(error).__name__}") from error
    with contextlib.suppress(SMTPException, OSError):
        await client.quit()
