"""Mail that reports on our mail: bounces (RFC 3464) and complaints (RFC 5965)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from typing import Final, cast

from channels.email import headers
from channels.email.headers import clean

ACTIONS: Final = {"failed": "email.bounced", "delivered": "email.delivered"}
"""What happened to our mail; delayed, relayed and expanded are kept as unknown."""
DELIVERY: Final = "message/delivery-status"
FEEDBACK: Final = "message/feedback-report"
RETURNED: Final = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
MOST_RECIPIENTS: Final = 20
LONGEST_RETURNED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one mail to one recipient."""

    kind: str
    """The type of the event."""
    recipient: str
    trigger: str | None
    """The trigger the mail was sent for; None when it is not proven to be ours."""
    status: str = ""
    """The extended status code, 5.1.1."""
    action: str = ""
    diagnostic: str = ""

    @property
    def hard(self) -> bool:
        """Whether it will never work."""
        return self.status.startswith("5")


def _parts(message: EmailMessage) -> list[EmailMessage]:
    payload = message.get_payload()
    return [cast(EmailMessage, one) for one in payload] if isinstance(payload, list) else []


def _returned(parts: list[EmailMessage], domain: str) -> str | None:
    """The trigger whose Message-ID is in the mail that came back."""
    for part in parts:
        if part.get_content_type() not in RETURNED:
            continue
        inner = part.get_payload()
        if isinstance(inner, list):
            for one in inner:
                found = headers.trigger_in(headers.get(cast(EmailMessage, one), "message-id"), domain)
                if found:
                    return found
        raw = part.get_payload(decode=True)
        if isinstance(raw, bytes):
            one = BytesHeaderParser(policy=headers.POLICY).parsebytes(raw[:LONGEST_RETURNED])
            found = headers.trigger_in(headers.get(one, "message-id"), domain)
            if found:
                return found
    return None


def _address(value: str) -> str:
    """`rfc822; somebody@example.org` → the address."""
    return clean(value.rpartition(";")[2]).strip("<>")[:320]


def _bounces(part: EmailMessage, trigger: str | None) -> Iterator[Report]:
    for block in _parts(part)[: MOST_RECIPIENTS + 1]:
        recipient = _address(headers.get(block, "final-recipient") or headers.get(block, "original-recipient"))
        if not recipient:
            continue  # the first block is about the reporting server
        action = headers.get(block, "action").lower()
        yield Report(
            ACTIONS.get(action, "email.unknown"),
            recipient,
            trigger,
            headers.get(block, "status")[:20],
            action[:20],
            headers.get(block, "diagnostic-code")[:500],
        )


def _complaint(part: EmailMessage, trigger: str | None) -> Iterator[Report]:
    for block in _parts(part):
        recipient = _address(headers.get(block, "original-rcpt-to") or headers.get(block, "removal-recipient"))
        if recipient:
            yield Report("email.complained", recipient, trigger, action=headers.get(block, "feedback-type")[:40])
            return


def read(message: EmailMessage, domain: str) -> list[Report]:
    """The reports in a mail; none when it is an ordinary one."""
    if message.get_content_type() != "multipart/report":
        return []
    parts = _parts(message)
    trigger = _returned(parts, domain)
    for part in parts:
        kind = part.get_content_type()
        if kind == DELIVERY:
            return list(_bounces(part, trigger))
        if kind == FEEDBACK:
            return list(_complaint(part, trigger))
    return []
