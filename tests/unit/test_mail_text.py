"""What a mail says: the new part of a reply, the text in HTML, and mails made to break readers."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from channels.base import RawInbound
from channels.email import Email, headers, mime
from channels.email.html_text import html_text
from channels.email.quotes import newest
from hub.event import Event
from hub.settings import Mail, Settings

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
SLOWEST = 2.0


def parse(body: bytes, to: str = "service@hub.example", sender: str = "anna@example.de") -> list[Event]:
    channel = Email.from_settings(Settings(mail=Mail(from_address="Hub <hello@hub.example>")))
    envelope = {"x-envelope-from": sender, "x-envelope-to": to}
    return channel.parse(RawInbound("SMTP", "smtp://in", envelope, {}, body, RECEIVED))


REPLIES = {
    "nothing quoted": ("Hello\n\nthere", "Hello\n\nthere"),
    "english": ("Yes!\n\nOn Fri, 30 Jan 2026 at 09:14, Hub <h@x> wrote:\n> old\n> older", "Yes!"),
    "english, wrapped": (
        "Yes!\n\nOn Fri, Jan 30, 2026 at 9:14 AM Somebody With A Long Name\n<h@x> wrote:\n> old",
        "Yes!",
    ),
    "german": ("Ja.\n\nAm 30.01.2026 um 09:14 schrieb Hub:\n> alt", "Ja."),
    "french": ("Oui.\n\nLe 30/01/2026 à 09:14, Hub a écrit :\n> vieux", "Oui."),
    "persian": ("بله.\n\nدر تاریخ جمعه ۳۰ ژانویه ۲۰۲۶ ساعت ۹:۱۴ Hub نوشت:\n> قدیم", "بله."),
    "persian, date first": ("بله.\n\n۳۰ ژانویه ۲۰۲۶، Hub <h@x> نوشت:\nقدیم", "بله."),
    "persian is not wrapped": (
        "سلام،\nپنج‌شنبه خوب است.\n\nدر تاریخ ۳۰ ژانویه ۲۰۲۶ Hub نوشت:\n> آیا؟",
        "سلام،\nپنج‌شنبه خوب است.",
    ),
    "outlook": ("Fine.\n\n________________________________\nFrom: Hub\nSent: Friday\nTo: Anna\n\nold", "Fine."),
    "outlook, no rule": ("Fine.\n\nFrom: Hub <h@x>\nSent: Friday, 30 January 2026\nTo: Anna\n\nold", "Fine."),
    "outlook, german": ("Gut.\n\nVon: Hub\nGesendet: Freitag\nAn: Anna\n\nalt", "Gut."),
    "original message": ("Fine.\n-----Original Message-----\nold", "Fine."),
    "persian original": ("خوب.\n-----پیام اصلی-----\nقدیم", "خوب."),
    "below": ("On Fri, 30 Jan 2026, Hub wrote:\n> a question\n\nAn answer", "An answer"),
    "between": ("Hello,\n\nOn 30.1.2026, Hub wrote:\n> first?\nyes\n> second?\nno", "Hello,\n\nyes\nno"),
    "signature": ("Text\n-- \nAnna\nStreet 1", "Text"),
    "marked without a line in front": ("> old\nnew", "new"),
    "a journey is no header": ("From: Tehran\nTo: Mashhad\nplease", "From: Tehran\nTo: Mashhad\nplease"),
    "somebody else's words": ("My mother wrote:\nplease help", "My mother wrote:\nplease help"),
    "a list": ("-- a\n-- b", "-- a\n-- b"),
    "only a quotation": ("> all of it", "all of it"),
    "only history": ("On Fri, 30 Jan 2026, Hub wrote:\nold", "On Fri, 30 Jan 2026, Hub wrote:\nold"),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("text", "said"), REPLIES.values(), ids=REPLIES.keys())
def test_the_new_part_of_a_reply(text: str, said: str) -> None:
    assert newest(text) == said


@pytest.mark.parametrize(
    "text",
    [
        *("On " * 100_000, " " * 1_000_000, ">" * 1_000_000, "\n" * 300_000, "On 1 a\n" * 50_000, "From: a\n" * 50_000),
        *("a" * 40_000 + " wrote:", "در " + "۱ " * 100_000 + "نوشت", ("x" * 299 + "\n") * 2_000),
    ],
)
def test_no_text_makes_it_slow(text: str) -> None:
    start = time.process_time()
    newest(text[: mime.LONGEST_TEXT * 4])
    assert time.process_time() - start < SLOWEST


HTML = {
    "paragraphs": ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
    "entities": ("a &amp; b &lt;c&gt; &#1587;", "a & b <c> س"),
    "blank space": ("<div>  a\n  b </div>\n<div>c</div>", "a b\n\nc"),
    "table": ("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", "a\n\nb"),
    "script": ("x<script>alert(1)</script><style>p{}</style><title>t</title>y", "xy"),
    "broken": ("<p>a<b>c</p></i>d<", "ac\n\nd<"),
    "comment": ("a<!-- <p>b</p> -->c", "ac"),
    "image": ('<img src=x onerror="alert(1)">', ""),
}


@pytest.mark.parametrize(("source", "text"), HTML.values(), ids=HTML.keys())
def test_the_text_in_html(source: str, text: str) -> None:
    assert mime.readable(html_text(source)) == text


def test_what_is_too_deep_is_stripped_bluntly() -> None:
    source = "<div>" * 1_000 + "<script>alert(1)</script>a &amp; b<style>p{}</style> c" + "<script>x"
    assert html_text(source).split() == ["a", "&", "b", "c"]


def test_a_quotation_in_html_is_history() -> None:
    body = b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n<p>New</p><blockquote>Old</blockquote>"
    (event,) = parse(body)
    assert (event.data["text"], event.data["full"]) == ("New", "New\n\nOld")


def _nested(levels: int) -> bytes:
    opened = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(levels))
    return f"From: a@b.de\r\nSubject: s\r\n{opened}Content-Type: text/plain\r\n\r\nx".encode()


def _many(parts: int) -> bytes:
    head = b"From: a@b.de\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * parts + b"--b--\r\n"


HOSTILE = {
    "1,000 levels": _nested(1_000),
    "levels in mails": b"From: a@b.de\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 2_000,
    "100,000 parts": _many(100_000),
    "199 parts": _many(199),
    "boundaries without parts": _many(0) + b"--b\r\n" * 200_000,
    "a header that never ends": b"From: a@b.de\r\nSubject: " + b"x" * 5_000_000,
    "a folded header that never ends": b"From: a@b.de\r\nSubject: " + b"x\r\n " * 500_000,
    "200,000 headers": b"From: a@b.de\r\n" + b"X: y\r\n" * 200_000 + b"\r\nx",
    "comments in comments": b"From: " + b"(" * 50_000 + b"a@b.de\r\n\r\nx",
    "100,000 senders": b"From: " + b"a@b.de, " * 100_000 + b"\r\n\r\nx",
    "encoded words": b"From: a@b.de\r\nSubject: " + b"=?utf-8?q?a?= " * 50_000 + b"\r\n\r\nx",
    "quotes": b'From: "' + b'\\"' * 50_000 + b'" <a@b.de>\r\n\r\nx',
    "parameters": b"From: a@b.de\r\nContent-Type: text/plain" + b"; a=b" * 50_000 + b"\r\n\r\nx",
    "continued parameters": b"From: a@b.de\r\nContent-Type: text/plain"
    + b"".join(b"; a*%d=b" % n for n in range(2_000))
    + b"\r\n\r\nx",
    "continued parameters in 95 parts": b"From: a@b.de\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    + (b"--b\r\nContent-Type: text/plain" + b"".join(b"; a*%d=b" % n for n in range(99)) + b"\r\n\r\nx\r\n") * 95,
    "bold in bold": b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n" + b"<b><p>" * 15_000,
    "links in tables": b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n" + b"<table><a>" * 140 + b"</a>" * 20_000,
    "attributes": b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n<p " + b"a=b " * 200_000 + b">",
    "scripts without end": b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n" + b"<script>" * 100_000,
    "deep HTML": b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 150_000,
    "open tags": b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n" + b"<a " * 300_000,
    "open comments": b"From: a@b.de\r\nContent-Type: text/html\r\n\r\n" + b"<!--" * 200_000,
    "base64 without end": b"From: a@b.de\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * 1_000_000,
    "one endless line": b"From: a@b.de\r\n\r\n" + b"x" * 5_000_000,
    "zero bytes": b"From: a@b.de\r\n\r\n" + b"\0" * 1_000_000,
    "date": b"From: a@b.de\r\nDate: " + b"1 " * 50_000 + b"\r\n\r\nx",
    "date beyond time": b"From: a@b.de\r\nDate: Fri, 31 Dec 9999 23:59:59 -2359\r\n\r\nx",
    "references": b"From: a@b.de\r\nReferences: " + b"<a@b> " * 50_000 + b"\r\n\r\nx",
    "open bracket": b"From: a@b.de\r\nReferences: " + b"<" * 100_000 + b"\r\n\r\nx",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_mail_makes_it_slow_or_large(body: bytes) -> None:
    start = time.process_time()
    for event in parse(body):
        assert len(event.to_json()) < 900_000
        assert len(event.data["text"]) <= mime.LONGEST_TEXT
    assert time.process_time() - start < SLOWEST


def test_the_largest_event_fits_its_topic() -> None:
    text = '"\U0001f642' * mime.LONGEST_TEXT
    head = "From: a@b.de\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    (event,) = parse(f"{head}<p>{text}</p><blockquote>old</blockquote>".encode())
    assert len(event.to_json()) < 900_000


AUTOMATIC = {
    "Auto-Submitted: auto-replied": True,
    "Auto-Submitted: auto-generated; x=y": True,
    "Auto-Submitted: no": False,
    "Precedence: bulk": True,
    "Precedence: List": True,
    "Precedence: first-class": False,
    "List-Id: <l.example>": True,
    "X-Auto-Response-Suppress: All": True,
    "X-Loop: hello@hub.example": True,
    "X-Other: y": False,
}


@pytest.mark.parametrize(("header", "machine"), AUTOMATIC.items())
def test_machines_are_told_from_people(header: str, machine: bool) -> None:
    (event,) = parse(f"From: a@b.de\r\n{header}\r\n\r\nx".encode())
    assert event.data.get("automatic", False) is machine


@pytest.mark.parametrize("sender", ["MAILER-DAEMON@b.de", "no-reply@b.de", "hello@hub.example"])
def test_robots_and_ourselves_are_no_customers(sender: str) -> None:
    (event,) = parse(f"From: {sender}\r\n\r\nx".encode())
    assert event.data["automatic"] is True
    assert event.identities[0]["type"] == "mailer"


def test_an_empty_return_path_is_a_machine() -> None:
    (event,) = parse(b"From: a@b.de\r\n\r\nx", sender="")
    assert event.data["automatic"] is True


@pytest.mark.parametrize(
    "value",
    [
        "a=?utf-8?q?=0D=0ABcc=3A_v=40e=2Eorg?=",
        "=?utf-8?b?YQ0KQmNjOiB2QGUub3Jn?=",
        "a\x0bb\x0cc\x1cd\x85e\u2028f",
        "a\x00b",
    ],
)
def test_no_header_holds_a_line_end(value: str) -> None:
    (event,) = parse(f"From: {value} <a@b.de>\r\nSubject: {value}\r\n\r\nx".encode())
    shown = event.data["subject"] + event.data.get("traits", {}).get("name", "")
    assert not set(shown) & set("\r\n\x0b\x0c\x1c\x00\x85\u2028")
    assert event.subject == "email:a@b.de"


@pytest.mark.parametrize(
    ("said", "used"),
    [
        ("Sat, 31 Jan 2026 11:59:00 +0000", datetime(2026, 1, 31, 11, 59, tzinfo=UTC)),
        ("Sat, 31 Jan 2026 14:59:00 +0330", datetime(2026, 1, 31, 11, 29, tzinfo=UTC)),
        ("Sat, 31 Jan 2026 14:59:00 +0000", RECEIVED),
        ("Sat, 31 Jan 2006 11:59:00 +0000", RECEIVED),
        ("yesterday", RECEIVED),
        ("", RECEIVED),
    ],
)
def test_a_senders_clock_is_believed_within_reason(said: str, used: datetime) -> None:
    (event,) = parse(f"From: a@b.de\r\nDate: {said}\r\n\r\nx".encode())
    assert event.time == used


def test_a_resend_over_another_way_is_the_same_event() -> None:
    body = b"From: a@b.de\r\nSubject: s\r\nDate: Sat, 31 Jan 2026 11:59:00 +0000\r\n\r\nx"
    assert parse(b"Received: from one\r\n" + body)[0].id == parse(b"Received: from two\r\n" + body)[0].id
    assert parse(body)[0].id != parse(body + b"y")[0].id
    assert parse(body)[0].id != parse(body, to="other@hub.example")[0].id


def test_headers_in_bytes_beyond_ascii_are_utf8() -> None:
    (event,) = parse("From: Groß <a@b.de>\r\nSubject: سلام\r\nMessage-ID: <ü@x>\r\n\r\nx".encode())
    assert (event.data["subject"], event.data["traits"], event.data["message"]) == ("سلام", {"name": "Groß"}, "<ü@x>")
    (event,) = parse(b"From: \x80\xff <a@b.de>\r\nSubject: \xfc\r\nMessage-ID: <\x80@x>\r\n\r\nx")
    assert event.to_json()


def test_only_a_message_id_of_ours_is_ours() -> None:
    assert headers.trigger_in("<t1@HUB.example>", "hub.example") == "t1"
    for text in ("<t1@hub.example.evil>", "<t1@xhub.example>", "t1@hub.example", "<t 1@hub.example>", "<@hub.example>"):
        assert headers.trigger_in(text, "hub.example") is None
