"""Mail we write: whatever stands in a name, subject or text, it stays one message to one recipient."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from channels.base import Outbound
from channels.email.outbound import build, message_id
from hub.errors import Rejected
from hub.settings import Mail

SETTINGS = Mail(from_address="Hub <hello@hub.example>")
EVIL = [
    "a\r\nBcc: v@e.org",
    "a\nBcc: v@e.org",
    "a\rBcc: v@e.org",
    "a\r\n\r\nbody",
    "a\x0bBcc: v\x0c\x1c\x85\u2028\u2029b\ud800",
]


def message(**more: object) -> Outbound:
    fields: dict[str, object] = {"key": "t1", "to": "email:anna@example.de", "text": "Hello", "subject": "Parcel"}
    return Outbound(**{**fields, **more})  # type: ignore[arg-type]


def written(**more: object) -> EmailMessage:
    whole = build(message(**more), SETTINGS)
    assert all(len(line) <= 998 for line in whole.split(b"\r\n"))
    assert b"\n" not in whole.replace(b"\r\n", b"")
    assert whole.isascii()
    return message_from_bytes(whole, policy=policy.default)


def test_a_mail_is_what_it_should_be() -> None:
    mail = written(
        text="سلام 🙂\n.\nEnd", subject="سفارش شما", reply_to="<a@b>", unsubscribe_url="https://hub.example/u/x"
    )
    assert mail["Message-ID"] == "<t1@hub.example>"
    assert mail["In-Reply-To"] == mail["References"] == "<a@b>"
    assert mail["List-Unsubscribe"] == "<https://hub.example/u/x>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Subject"] == "سفارش شما"
    assert mail["To"] == "anna@example.de"
    text = mail.get_content().replace("\r\n", "\n")
    assert text.startswith("سلام 🙂\n.\nEnd\n")
    assert "https://hub.example/u/x" in text


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("field", ["subject", "text", "reply_to", "unsubscribe_url", "key", "language"])
def test_no_field_becomes_a_header(field: str, evil: str) -> None:
    mail = written(**{field: evil})
    assert mail["Bcc"] is None
    assert {name.lower() for name in mail} <= {
        *("message-id", "from", "to", "subject", "date", "mime-version", "content-type", "in-reply-to", "references"),
        *("content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post"),
    }
    assert mail.get_all("to") == ["anna@example.de"]


@pytest.mark.parametrize("evil", EVIL)
def test_no_own_header_becomes_another(evil: str) -> None:
    mail = written(headers={"Auto-Submitted": evil, evil: "x", "Bcc": "v@e.org", "To": "v@e.org"})
    assert mail["Bcc"] is None
    assert mail.get_all("to") == ["anna@example.de"]


@pytest.mark.parametrize(
    "to",
    [
        "",
        "email:",
        "phone:+49151",
        "email:a@b.de, v@e.org",
        "email:a@b.de\r\nBcc: v@e.org",
        "email:a b@c.de",
        "email:<a@b.de>",
        "email:a@b@c",
        'email:"a"@b.de',
        "email:a@b.de>",
    ],
)
def test_what_is_no_address_is_rejected(to: str) -> None:
    with pytest.raises(Rejected):
        build(message(to=to), SETTINGS)


def test_long_things_stay_whole() -> None:
    link = "https://hub.example/u/" + "x" * 400
    mail = written(
        unsubscribe_url=link, subject="Ü" * 900, reply_to=" ".join(f"<{n}@mail.example>" for n in range(200))
    )
    assert mail["List-Unsubscribe"] == f"<{link}>"
    assert mail["References"].count("<") == 200
    assert message_id("k" * 100, SETTINGS) == f"<{'k' * 100}@hub.example>"
    assert message_id("with blanks", SETTINGS) == message_id("with blanks", SETTINGS)
    assert " " not in message_id("with blanks", SETTINGS)
