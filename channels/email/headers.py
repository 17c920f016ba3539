"""Header fields: read without trusting the sender, written so that nothing can be smuggled into them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from email.utils import getaddresses, parsedate_to_datetime
from typing import Final

from hub import logs

LONGEST: Final = 2_000
"""Characters of one header that are looked at."""
LONGEST_TYPE: Final = 600
"""The same of those that describe a part: their parser is slower still, and there is one for each part."""
TYPES: Final = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})
MOST_REFERENCES: Final = 20
log = logs.get("email")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_MESSAGE_ID: Final = re.compile(r"<([^<>\s@]{1,200})@([^<>\s@]{1,255})>")
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

ROBOTS: Final = frozenset({"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply"})
BULK: Final = frozenset({"bulk", "list", "junk", "auto_reply"})
SILENT: Final = ("list-id", "list-unsubscribe", "x-auto-response-suppress", "x-loop", "x-autoreply", "x-autorespond")
"""Headers whose mere presence says that no person waits for an answer."""


class Bounded(EmailPolicy):
    """The standard library's modern policy, with long headers cut: 250 kB of parameters cost it over a minute."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Name and value of a header as it was sent."""
        name, value = super().header_source_parse([sourcelines[0][:LONGEST], *sourcelines[1 : LONGEST // 10]])
        kind = name.lower()
        if kind not in TYPES:
            return name, value[:LONGEST]
        # Read now and once: the parser asks for these again and again, and raises whatever it likes on hostile ones.
        try:
            return name, self.header_factory(name, value[:LONGEST_TYPE].replace("\r", "").replace("\n", ""))
        except Exception:
            return name, "text/plain" if kind == "content-type" else ""


POLICY: Final = Bounded()


def clean(value: str) -> str:
    """One line without control characters and half characters: nothing in it can end a header."""
    return _CONTROL.sub(" ", value).strip()


def raw_values(message: Message, name: str) -> Iterator[str]:
    """The values of a header as they were sent, cut to a length that can be parsed in no time."""
    for found, value in message.raw_items():
        if found.lower() == name:
            # Bytes beyond ASCII stand in it as half characters; where they mean anything, they mean UTF-8.
            yield str(value)[:LONGEST].encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def get(message: Message, name: str) -> str:
    """A header in readable form, on one line; empty when it is missing."""
    value = next(raw_values(message, name), "")
    if not value:
        return ""
    try:
        value = str(POLICY.header_factory(name, value.replace("\r", "").replace("\n", "")))
    except Exception:  # the standard parser raises almost anything on hostile headers, RecursionError among them
        log.debug("a header cannot be read", name=name)
    return " ".join(clean(value).split())


def addresses(message: EmailMessage, name: str) -> list[tuple[str, str]]:
    """Display names and addresses in a header; the names readable."""
    value = get(message, name)
    try:
        found = getaddresses([value])
    except Exception:  # as above
        return []
    return [(clean(shown), clean(address)) for shown, address in found if "@" in address]


def date(message: EmailMessage, received: datetime) -> datetime:
    """When it was written, if that is at all likely; otherwise when we got it."""
    try:
        said = parsedate_to_datetime(next(raw_values(message, "date"), "")[:100])
    except Exception:  # as above
        return received
    said = said if said.tzinfo else said.replace(tzinfo=UTC)
    try:
        likely = received - timedelta(days=7) < said < received + timedelta(minutes=5)
    except OverflowError:
        return received
    return said.astimezone(UTC) if likely else received


def message_ids(message: EmailMessage, name: str) -> list[str]:
    """The message ids in a header, with their brackets; the newest of a long list."""
    found = [f"<{left}@{right}>" for value in raw_values(message, name) for left, right in _ids(value)]
    return found[-MOST_REFERENCES:]


def _ids(text: str) -> list[tuple[str, str]]:
    return _MESSAGE_ID.findall(text.replace("\r", "").replace("\n", ""))


def made_from(key: str, domain: str) -> str:
    """The Message-ID of the message a trigger causes: the same at every try, so receivers can drop repeats."""
    if not _KEY.fullmatch(key):
        raise ValueError("the key does not fit into a Message-ID")
    return f"<{key}@{domain}>"


def trigger_in(text: str, domain: str) -> str | None:
    """The trigger whose Message-ID is in the text, if one of ours is."""
    for left, right in _ids(text):
        if right.lower() == domain.lower() and _KEY.fullmatch(left):
            return left
    return None


def automatic(message: EmailMessage, envelope_from: str, sender: str) -> bool:
    """Whether a machine wrote it, so that no machine may answer."""
    if not envelope_from or sender.partition("@")[0].lower() in ROBOTS:
        return True
    submitted = get(message, "auto-submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return True
    if get(message, "precedence").lower() in BULK:
        return True
    return any(True for name in SILENT for _ in raw_values(message, name))
