"""Mail as a channel: what comes in over SMTP becomes events, messages go out through a relay."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any, Final, Self

from channels.base import Answer, Can, Outbound, RawInbound, Receipt
from channels.email import headers, mime, outbound, quotes, reports
from channels.email.mime import Mail
from hub.errors import Rejected
from hub.event import Event, make
from hub.identity import Identity, identity
from hub.ids import body_key, event_id
from hub.settings import Settings

SOURCE: Final = "/channels/email/smtp"
ENVELOPE_FROM: Final = "x-envelope-from"
ENVELOPE_TO: Final = "x-envelope-to"
LONGEST_SUBJECT: Final = 998
MOST_RECIPIENTS: Final = 100


class Email:
    """Mail in over SMTP, out through a relay."""

    name = "email"
    provider = "smtp"
    can = Can(
        inbound=True,
        outbound=True,
        delivery_states=True,
        idempotent_send=True,
        addresses=("email",),
        max_body=25_000_000,
        real_peer="any mail server over SMTP (RFC 5321)",
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.mail
        self._own = parseaddr(settings.mail.from_address)[1].lower()
        self._domain = self._own.rpartition("@")[2] or "localhost.localdomain"

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build it. Opens no connection."""
        return cls(settings)

    def verify(self, raw: RawInbound) -> None:
        """Nothing to check: mail servers prove nothing, so what they bring is never a verified identity."""

    def parse(self, raw: RawInbound) -> list[Event]:
        """One event for each recipient of ours, or one for each recipient a bounce reports on."""
        if not raw.body.strip():
            raise Rejected("an empty mail", field="body")
        mail = mime.parse(raw.body)
        found = reports.read(mail.message, self._domain)
        if found:
            return [self._reported(raw, mail, one, place) for place, one in enumerate(found)]
        return list(self._received(raw, mail))

    def answer(self, raw: RawInbound, events: list[Event]) -> Answer:
        """Accepted; the SMTP server says it in its own words."""
        return Answer(200)

    async def send(self, message: Outbound) -> Receipt:
        """Hand it to the relay. Raises Transient, InDoubt, Rejected or Unauthenticated."""
        return Receipt(await outbound.send(message, self._settings), self.provider)

    def _sender(self, raw: RawInbound, mail: Mail) -> tuple[str, str, list[Identity]]:
        """Display name, address and identity of who wrote it. From is a claim: it is never verified here."""
        envelope = raw.headers.get(ENVELOPE_FROM, "")
        name, address = next(iter(headers.addresses(mail.message, "from")), ("", envelope))
        person = identity("email", address) if address.lower() != self._own else None
        if person is None:  # a robot, ourselves, or nobody at all: kept, and no customer's address
            person = identity("mailer", address.lower() or f"message {body_key(raw.body)}")
        return name, address, [person] if person else []

    def _received(self, raw: RawInbound, mail: Mail) -> Iterator[Event]:
        message = mail.message
        name, address, people = self._sender(raw, mail)
        own_id = next(iter(headers.message_ids(message, "message-id")), "")
        replied = headers.message_ids(message, "in-reply-to")
        references = headers.message_ids(message, "references")
        text = quotes.newest(mail.text)
        machine = headers.automatic(message, raw.headers.get(ENVELOPE_FROM, ""), address)
        known = name and "@" not in name and "=?" not in name and not machine
        content: dict[str, Any] = {
            "text": text,
            "full": mail.quoted if mail.quoted != text else None,
            "subject": headers.get(message, "subject")[:LONGEST_SUBJECT],
            "message": own_id or None,
            "reply_to": next(iter(replied), None),
            "references": references or None,
            "trigger": headers.trigger_in(" ".join(replied + references[::-1]), self._domain),
            "automatic": machine or self._ourselves(address) or None,
            "attachments": [{"name": one.name, "type": one.type, "size": one.size} for one in mail.attachments] or None,
            "cut": mail.cut or None,
            "traits": {"name": name[:200]} if known else None,
        }
        for recipient in self._recipients(raw):
            yield make(
                "email.received",
                id=event_id(SOURCE, f"{own_id or _fingerprint(raw.body, mail)}:{recipient.lower()}"),
                source=SOURCE,
                identities=people,
                received=raw.received,
                time=headers.date(message, raw.received),
                to=recipient or None,
                **content,
            )

    def _ourselves(self, address: str) -> bool:
        return address.lower() == self._own

    @staticmethod
    def _recipients(raw: RawInbound) -> list[str]:
        found = [one.strip() for one in raw.headers.get(ENVELOPE_TO, "").split(",") if one.strip()]
        return list(dict.fromkeys(found))[:MOST_RECIPIENTS] or [""]

    @staticmethod
    def _reported(raw: RawInbound, mail: Mail, report: reports.Report, place: int) -> Event:
        own_id = next(iter(headers.message_ids(mail.message, "message-id")), "") or body_key(raw.body)
        person = identity("email", report.recipient) or identity("mailer", report.recipient.lower())
        return make(
            report.kind,
            id=event_id(SOURCE, f"{own_id}:report:{place}:{report.recipient.lower()}"),
            source=SOURCE,
            identities=[person] if person else [],
            received=raw.received,
            trigger=report.trigger,
            error=" ".join(part for part in (report.status, report.diagnostic) if part) or None,
            bounce={
                "status": report.status,
                "action": report.action,
                "hard": report.hard,
                "proven": report.trigger is not None,
            },
        )


def _fingerprint(body: bytes, mail: Mail) -> str:
    """The key of a mail without Message-ID: what a resend repeats, and not the trace headers that change."""
    said = [headers.get(mail.message, name) for name in ("date", "from", "subject")]
    return body_key("\n".join([*said, mail.quoted]).encode("utf-8", "replace")) if any(said) else body_key(body)
