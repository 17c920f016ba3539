"""Signed webhooks: what proves the sender, and everything that only looks like it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from channels import twilio
from channels.base import RawInbound
from channels.sms import TwilioSms
from channels.social import Meta
from channels.social.meta import SIGNATURE, signature
from hub.errors import Rejected, Unauthenticated
from hub.settings import Meta as MetaSettings
from hub.settings import Settings
from hub.settings import Twilio as TwilioSettings

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
DOCUMENTED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
"""The example in Twilio's own documentation."""
HEADERS = {"content-type": "application/x-www-form-urlencoded", twilio.SIGNATURE: DOCUMENTED}


def request(url: str = URL, form: Any = FORM, body: bytes | None = None, **headers: str) -> RawInbound:
    return RawInbound(
        method="POST",
        url=url,
        headers={**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}},
        query=dict(parse_qsl(urlsplit(url).query)),
        body=urlencode(form).encode() if body is None else body,
        received=datetime(2026, 1, 31, tzinfo=UTC),
    )


def accepted(raw: RawInbound, token: str = TOKEN) -> bool:
    try:
        twilio.verify(raw, token)
    except Unauthenticated:
        return False
    return True


def test_the_documented_example() -> None:
    assert twilio.signature(TOKEN, URL, FORM.items()) == DOCUMENTED
    assert accepted(request())


@pytest.mark.parametrize("url", ["https://mycompany.com:443/in/sms/twilio", "https://mycompany.com/in/sms/twilio"])
@pytest.mark.parametrize("signed", ["https://mycompany.com:443/in/sms/twilio", "https://mycompany.com/in/sms/twilio"])
def test_with_and_without_the_port(url: str, signed: str) -> None:
    assert accepted(request(url, x_twilio_signature=twilio.signature(TOKEN, signed, FORM.items())))


def test_another_port_is_another_place() -> None:
    made = twilio.signature(TOKEN, "https://mycompany.com:8443/x", FORM.items())
    assert not accepted(request("https://mycompany.com:444/x", x_twilio_signature=made))


BAD: dict[str, Callable[[RawInbound], RawInbound]] = {
    "missing header": lambda raw: _header(raw, None),
    "empty header": lambda raw: _header(raw, ""),
    "doubled header": lambda raw: _header(raw, f"{DOCUMENTED}, {DOCUMENTED}"),
    "no base64": lambda raw: _header(raw, "!" + DOCUMENTED[1:]),
    "no padding": lambda raw: _header(raw, DOCUMENTED.rstrip("=")),
    "other alphabet": lambda raw: _header(raw, DOCUMENTED.replace("/", "_")),
    "not ASCII": lambda raw: _header(raw, "é" * 28),
    "half a character": lambda raw: _header(raw, "\ud800"),
    "blank around": lambda raw: _header(raw, f" {DOCUMENTED}"),
    "very long": lambda raw: _header(raw, DOCUMENTED * 10_000),
    "signature of nothing": lambda raw: _header(raw, base64.b64encode(b"\0" * 20).decode()),
    "one blank more": lambda raw: replace(raw, body=raw.body.replace(b"1234&", b"1234+&", 1)),
    "one field more": lambda raw: replace(raw, body=raw.body + b"&Extra="),
    "one field less": lambda raw: replace(raw, body=raw.body.rpartition(b"&")[0]),
    "field doubled with another value": lambda raw: replace(raw, body=raw.body + b"&Digits=9"),
    "not UTF-8": lambda raw: replace(raw, body=raw.body + b"&X=\xff"),
    "too many fields": lambda raw: replace(raw, body=raw.body + b"&a=1" * 2_000),
    "other path": lambda raw: replace(raw, url=raw.url.replace("myapp", "yourapp")),
    "other host": lambda raw: replace(raw, url=raw.url.replace("mycompany", "evil")),
    "other query": lambda raw: replace(raw, url=raw.url + "&baz=3"),
    "plain HTTP": lambda raw: replace(raw, url=raw.url.replace("https", "http")),
    "impossible port": lambda raw: replace(raw, url="https://mycompany.com:99999999/x"),
    "broken host": lambda raw: replace(raw, url="https://[mycompany.com/x"),
    "form called JSON": lambda raw: replace(raw, headers={**raw.headers, "content-type": "application/json"}),
    "body without a type": lambda raw: replace(raw, headers={twilio.SIGNATURE: DOCUMENTED}),
    "GET of a POST": lambda raw: replace(raw, method="GET"),
}


def _header(raw: RawInbound, value: str | None) -> RawInbound:
    headers = {name: text for name, text in raw.headers.items() if name != twilio.SIGNATURE}
    return replace(raw, headers=headers if value is None else {**headers, twilio.SIGNATURE: value})


@pytest.mark.parametrize("change", BAD.values(), ids=BAD.keys())
def test_anything_else_is_refused(change: Callable[[RawInbound], RawInbound]) -> None:
    assert not accepted(change(request()))


@pytest.mark.parametrize("token", ["", "12346", "12345 "])
def test_another_token_or_none_proves_nothing(token: str) -> None:
    forged = twilio.signature(token, URL, FORM.items())
    assert not accepted(request(), token)
    assert not accepted(request(x_twilio_signature=forged))


def test_an_empty_token_in_the_settings_accepts_nobody() -> None:
    channel = TwilioSms.from_settings(Settings(twilio=TwilioSettings(auth_token="")))
    with pytest.raises(Unauthenticated):
        channel.verify(request(x_twilio_signature=twilio.signature("", URL, FORM.items())))


def test_json_is_signed_by_the_hash_of_its_body_in_the_url() -> None:
    body = b'{"a": 1}'
    url = f"https://mycompany.com/x?bodySHA256={hashlib.sha256(body).hexdigest()}"
    made = twilio.signature(TOKEN, url, ())
    raw = request(url, body=body, content_type="application/json", x_twilio_signature=made)
    assert accepted(raw)
    assert not accepted(replace(raw, body=body + b" "))
    plain = "https://mycompany.com/x"
    stolen = twilio.signature(TOKEN, plain, ())
    assert not accepted(request(plain, body=body, content_type="application/json", x_twilio_signature=stolen))


def test_a_replay_is_the_same_event() -> None:
    channel = TwilioSms.from_settings(Settings())
    raw = request(form={"MessageSid": "SM1", "From": "+4915112345678", "Body": "Hi"})
    later = replace(raw, received=datetime(2026, 2, 1, tzinfo=UTC))
    assert channel.parse(raw)[0].id == channel.parse(later)[0].id


META_BODY = b'{"object":"page","entry":[]}'
META_GOOD = signature("secret", META_BODY)


def _meta(header: str | None, body: bytes = META_BODY, secret: str = "secret") -> bool:
    channel = Meta.from_settings(Settings(meta=MetaSettings(app_secret=secret, verify_token="word")))
    headers = {} if header is None else {SIGNATURE: header}
    raw = RawInbound("POST", "https://hub.example/in/social/meta", headers, {}, body, datetime.now(UTC))
    try:
        channel.verify(raw)
    except Unauthenticated:
        return False
    return True


def test_meta_signs_the_raw_body() -> None:
    assert _meta(META_GOOD)
    assert not _meta(META_GOOD, META_BODY + b"\n")
    assert not _meta(signature("", META_BODY), secret="")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        META_GOOD.removeprefix("sha256="),
        META_GOOD.upper(),
        META_GOOD.replace("sha256", "sha1"),
        f"{META_GOOD}, {META_GOOD}",
        f"{META_GOOD} ",
        META_GOOD[:-1],
        "sha256=" + "0" * 64,
        "sha256=" + "é" * 64,
        signature("other", META_BODY),
    ],
)
def test_meta_refuses_everything_else(header: str | None) -> None:
    assert not _meta(header)


@pytest.mark.parametrize(
    ("query", "good"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "word", "hub.challenge": "17"}, True),
        ({"hub.mode": "subscribe", "hub.verify_token": "Word", "hub.challenge": "17"}, False),
        ({"hub.mode": "unsubscribe", "hub.verify_token": "word"}, False),
        ({"hub.verify_token": "word"}, False),
        ({}, False),
    ],
)
def test_meta_asks_who_we_are(query: dict[str, str], good: bool) -> None:
    channel = Meta.from_settings(Settings(meta=MetaSettings(app_secret="secret", verify_token="word")))
    raw = RawInbound("GET", "https://hub.example/in/social/meta", {}, query, b"", datetime.now(UTC))
    if good:
        channel.verify(raw)
        assert channel.answer(raw, channel.parse(raw)).body == b"17"
    else:
        with pytest.raises(Unauthenticated):
            channel.verify(raw)


@pytest.mark.parametrize("body", [b"[" * 10_000, b'{"a":' * 10_000, b"9" * 5_000, b"NaN", b'{"object":"\\ud800"}', b""])
def test_json_that_breaks_readers_is_rejected(body: bytes) -> None:
    channel = Meta.from_settings(Settings())
    with pytest.raises(Rejected):
        channel.parse(RawInbound("POST", "https://hub.example/in/social/meta", {}, {}, body, datetime.now(UTC)))
