"""From the bytes of a mail to its text. Everything a sender can make large, deep or many has a limit."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from typing import Final, cast

from channels.email.headers import POLICY, clean, raw_values
from channels.email.html_text import html_text

MOST_PARTS: Final = 100
DEEPEST: Final = 20
LONGEST_HEAD: Final = 256_000
"""Bytes of header in front of the whole mail."""
LARGEST_TEXT: Final = 1_000_000
"""Bytes of one text part that are looked at."""
LONGEST_TEXT: Final = 50_000
"""Characters of text that an event carries."""
MOST_ATTACHMENTS: Final = 50

_BOUNDARY: Final = re.compile(rb"^--", re.MULTILINE)
_MULTIPART: Final = re.compile(rb"multipart/|message/rfc822", re.IGNORECASE)
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_HALVES: Final = re.compile("[\ud800-\udfff]")

NO_TEXT: Final = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf_7"})
"""Python's codecs that are slow, or are not character sets at all."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with the mail; its content is not kept."""

    name: str
    type: str
    size: int


@dataclass(slots=True)
class Mail:
    """A mail, taken apart."""

    message: EmailMessage
    text: str = ""
    quoted: str = ""
    """The same with the quotations that HTML marks as such; equal to `text` for plain text."""
    attachments: list[Attachment] = field(default_factory=list)
    cut: bool = False
    """It was larger, deeper or in more parts than is read."""


def _head_end(body: bytes) -> int:
    found = _END_OF_HEAD.search(body[: LONGEST_HEAD + 4])
    return found.end() if found else min(len(body), LONGEST_HEAD)


def _too_much(body: bytes) -> bool:
    """Whether the mail has more parts or levels than the standard parser can do in a moment: it is quadratic."""
    return len(_BOUNDARY.findall(body)) > MOST_PARTS * 2 or len(_MULTIPART.findall(body)) > DEEPEST


def parse(body: bytes) -> Mail:
    """Take a mail apart. Never fails: a mail that cannot be taken apart is its header and the start of its text."""
    end = _head_end(body)
    if end >= LONGEST_HEAD or _too_much(body):
        return _head_only(body, end)
    try:
        message = BytesParser(policy=POLICY).parsebytes(body)
        mail = Mail(cast(EmailMessage, message))
        _read(mail)
    except Exception:  # hostile structures make the standard parser raise almost anything
        return _head_only(body, end)
    return mail


def _head_only(body: bytes, end: int) -> Mail:
    message = BytesHeaderParser(policy=POLICY).parsebytes(body[: min(end, LONGEST_HEAD)])
    text = readable(body[end : end + LONGEST_TEXT].decode("utf-8", "replace"))
    return Mail(cast(EmailMessage, message), text, text, cut=True)


def _leaves(message: EmailMessage) -> list[EmailMessage]:
    """All parts with a content of their own, attached mails not opened."""
    found: list[EmailMessage] = []
    waiting = [message]
    while waiting and len(found) < MOST_PARTS:
        part = waiting.pop()
        if part.get_content_maintype() == "multipart":
            waiting.extend(cast(EmailMessage, one) for one in reversed(list(part.iter_parts())))
        else:
            found.append(part)
    return found


def _is_file(part: EmailMessage) -> bool:
    disposition = next(raw_values(part, "content-disposition"), "").strip().lower()
    return disposition.startswith("attachment") or part.get_content_maintype() != "text"


def _read(mail: Mail) -> None:
    plain: list[str] = []
    marked: list[EmailMessage] = []
    for part in _leaves(mail.message):
        if _is_file(part):
            if len(mail.attachments) < MOST_ATTACHMENTS:
                mail.attachments.append(_attachment(part))
        elif part.get_content_subtype() == "html":
            marked.append(part)
        else:
            plain.append(decoded(part))
    text = "\n".join(one for one in plain if one.strip())
    if text or not marked:
        mail.text = mail.quoted = readable(text)
        return
    source = "\n".join(decoded(part) for part in marked)[:LARGEST_TEXT]
    mail.quoted = readable(html_text(source))
    mail.text = readable(html_text(source, quotations=False)) or mail.quoted


def _attachment(part: EmailMessage) -> Attachment:
    try:
        name = clean(part.get_filename() or "")[:200]
    except Exception:  # hostile file names make the standard parser raise almost anything
        name = ""
    payload = part.get_payload()
    return Attachment(name, part.get_content_type()[:100], len(payload) if isinstance(payload, str) else 0)


def decoded(part: EmailMessage) -> str:
    """A part's text, whatever character set it claims."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    payload = payload[:LARGEST_TEXT]
    for charset in (_charset(part), "utf-8"):
        try:
            return payload.decode(charset)
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    return payload.decode("cp1252", "replace")


def _charset(part: EmailMessage) -> str:
    try:
        said = part.get_content_charset() or "utf-8"
        found = codecs.lookup(said)
    except Exception:  # as above
        return "utf-8"
    good = found.name.replace("-", "_") not in NO_TEXT and getattr(found, "_is_text_encoding", True)
    return found.name if good else "utf-8"


def readable(text: str) -> str:
    """Text without control characters, with at most one empty line in a row, cut to what an event carries."""
    text = _HALVES.sub("\ufffd", text[: LONGEST_TEXT * 2]).replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in text if char in "\n\t" or ord(char) >= 32)
    return re.sub(r"\n{3,}", "\n\n", kept).strip()[:LONGEST_TEXT]
