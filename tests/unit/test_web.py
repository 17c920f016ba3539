"""The tracking API's reading half: keys, limits, clocks, faults."""

from __future__ import annotations

import base64
import contextlib
import gzip
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from channels.base import RawInbound
from channels.web import Tracked, Web
from channels.web.request import LARGEST_BATCH, LARGEST_EVENT, LARGEST_RUDDER, MOST_EVENTS
from hub.errors import Rejected, Unauthenticated
from hub.event import Event

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
WEB = Web(frozenset({"k1", "k2"}), "default", "DE")
RUDDER = {"library": {"name": "RudderLabs JavaScript SDK"}}


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


def raw(
    body: Any, path: str = "/v1/track", headers: dict[str, str] | None = None, query: dict[str, str] | None = None
) -> RawInbound:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    auth = {"authorization": basic("k1:")} if headers is None else headers
    return RawInbound("POST", f"https://hub.example{path}", auth, query or {}, data, NOW)


def read(body: Any, path: str = "/v1/track", headers: dict[str, str] | None = None) -> Tracked:
    return WEB.read(raw(body, path, headers))


def track(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Hi", "userId": "u1", "messageId": "m1", **more}


def only(found: Tracked) -> Event:
    assert not found.faults
    assert len(found.events) == 1
    return found.events[0]


@pytest.mark.parametrize(
    ("headers", "body", "query"),
    [
        ({"authorization": basic("k1:")}, {"writeKey": "wrong"}, {}),
        ({"authorization": basic("k1")}, {}, {}),
        ({"authorization": "basic  " + basic("k2:secret")[6:]}, {}, {}),
        ({"authorization": "Bearer some.oauth.token"}, {"writeKey": "k1"}, {}),
        ({}, {"writeKey": "k1"}, {"writeKey": "wrong"}),
        ({}, {"batch": [{"writeKey": "k1"}]}, {}),
        ({}, {"batch": []}, {"writeKey": "k2"}),
    ],
)
def test_the_key_is_found_wherever_a_client_puts_it(
    headers: dict[str, str], body: dict[str, Any], query: dict[str, str]
) -> None:
    WEB.verify(raw(body, headers=headers, query=query))


@pytest.mark.parametrize(
    ("headers", "body", "query"),
    [
        ({}, {}, {}),
        ({"authorization": basic("wrong:")}, {"writeKey": "k1"}, {"writeKey": "k1"}),
        ({"authorization": "Basic ���"}, {"writeKey": "k1"}, {}),
        ({"authorization": "Basic a"}, {"writeKey": "k1"}, {}),
        ({"authorization": basic(":k1")}, {}, {}),
        ({}, {"writeKey": 7}, {}),
        ({}, {"writeKey": "k1\x00"}, {}),
        ({}, {"batch": [None]}, {}),
        ({}, {"batch": [{}, {"writeKey": "k1"}]}, {}),
    ],
)
def test_a_key_that_is_not_ours_is_refused(
    headers: dict[str, str], body: dict[str, Any], query: dict[str, str]
) -> None:
    with pytest.raises(Unauthenticated):
        WEB.verify(raw(body, headers=headers, query=query))


def test_without_keys_nobody_comes_in() -> None:
    with pytest.raises(Unauthenticated):
        Web(frozenset(), "default", "DE").verify(raw({"writeKey": ""}, headers={}))


def test_another_request_is_read_after_one_that_failed() -> None:
    first, second = raw(b"not JSON", headers={}), raw({"writeKey": "k1", **track()}, headers={})
    with pytest.raises(Rejected):
        WEB.verify(first)
    WEB.verify(second)
    assert only(WEB.read(second)).data["name"] == "Hi"


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_compressed_bodies(encode: Any, kind: str) -> None:
    coding = "gzip" if encode is gzip.compress else "deflate"
    headers = {"content-encoding": coding, "content-type": kind}
    assert only(read(encode(orjson.dumps(track())), headers=headers)).type == "web.track"


def test_gzip_without_its_header_and_in_two_members() -> None:
    text = orjson.dumps(track())
    assert only(read(gzip.compress(text[:20]) + gzip.compress(text[20:]))).type == "web.track"


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_never_inflated(layers: int) -> None:
    bomb = b"0" * 50_000_000
    for _ in range(layers):
        bomb = gzip.compress(bomb, 9)
    with pytest.raises(Rejected) as refusal:
        read(bomb, headers={"content-encoding": "gzip"})
    assert refusal.value.field == "body"
    if layers == 1:
        assert str(LARGEST_RUDDER) in refusal.value.limit


def test_many_small_members_are_capped_too() -> None:
    with pytest.raises(Rejected):
        read(gzip.compress(b" " * 1_000_000) * 5, headers={"content-encoding": "gzip"})


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
def test_other_encodings_are_named(coding: str) -> None:
    with pytest.raises(Rejected) as refusal:
        read(b"{}", headers={"content-encoding": coding})
    assert refusal.value.field == "Content-Encoding"


def test_limits_of_one_event() -> None:
    with pytest.raises(Rejected) as refusal:
        read(track(properties={"a": "x" * LARGEST_EVENT}))
    assert refusal.value.limit == f"{LARGEST_EVENT} bytes"
    assert only(read(track(properties={"a": "x" * LARGEST_EVENT}, context=RUDDER)))
    found = read({"batch": [track(properties={"a": "x" * LARGEST_EVENT}), track()]}, "/v1/batch")
    assert (len(found.events), len(found.faults)) == (1, 1)
    assert found.faults[0].body.startswith(b'{"type":"track"')


def test_limits_of_a_batch() -> None:
    event = track(properties={"a": "x" * 30_000})
    with pytest.raises(Rejected) as refusal:
        read({"batch": [event] * (LARGEST_BATCH // 30_000 + 1)}, "/v1/b")
    assert refusal.value.limit == f"{LARGEST_BATCH} bytes"
    rudder = {**event, "context": RUDDER}
    assert len(read({"batch": [rudder] * 100}, "/v1/batch").events) == 100
    with pytest.raises(Rejected) as refusal:
        read({"batch": [{}] * (MOST_EVENTS + 1)}, "/v1/batch")
    assert refusal.value.field == "batch"
    assert read({"batch": []}, "/v1/batch") == Tracked()


def test_millions_of_tiny_values_are_not_even_read() -> None:
    with pytest.raises(Rejected) as refusal:
        read(b'{"batch":[' + b"{}," * 300_000 + b"{}]}", "/v1/batch")
    assert "values" in refusal.value.limit


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "track", "userId": "u"}, "invalid event"),
        ({"type": "track", "event": "", "userId": "u"}, "invalid event"),
        ({"type": "track", "event": {"a": 1}, "userId": "u"}, "invalid event"),
        ({"type": "track", "event": "Hi"}, "invalid userId"),
        ({"type": "track", "event": "Hi", "userId": "   "}, "invalid userId"),
        ({"type": "track", "event": "Hi", "userId": True}, "invalid userId"),
        ({"type": "track", "event": "Hi", "userId": ["u"]}, "invalid userId"),
        ({"type": "track", "event": "Hi", "userId": "u" * 101}, "invalid userId"),
        ({"type": "track", "event": "Hi", "userId": "u", "messageId": "u" * 101}, "invalid messageId"),
        ({"type": "track", "event": "Hi", "context": {"traits": {"email": "a@example.de"}}}, "invalid userId"),
        ({"type": "alias", "userId": "u"}, "invalid previousId"),
        ({"type": "group", "userId": "u"}, "invalid groupId"),
        ({"type": None, "userId": "u"}, "invalid type"),
        ({"userId": "u"}, "invalid type"),
        (None, "invalid batch"),
        ([[]], "invalid batch"),
        ("track", "invalid batch"),
    ],
)
def test_a_fault_is_put_aside_and_its_neighbours_live(message: Any, reason: str) -> None:
    found = read({"batch": [track(messageId="a"), message, track(messageId="b")]}, "/v1/batch")
    assert len(found.events) == 2
    assert [fault.reason for fault in found.faults] == [reason]
    assert orjson.loads(found.faults[0].body) == message


@pytest.mark.parametrize("value", [4711, 4711.0, "4711", " 4711 "])
def test_numbers_are_ids_too(value: object) -> None:
    assert only(read(track(userId=value))).subject == "user_id:4711"


def test_nulls_say_nothing() -> None:
    nothing = dict.fromkeys(
        ("anonymousId", "messageId", "properties", "context", "timestamp", "sentAt", "integrations", "traits")
    )
    event = only(read({**track(), **nothing}))
    assert event.time == NOW
    assert event.data == {
        "identities": [{"type": "user_id", "value": "u1", "verified": False}],
        "name": "Hi",
        "properties": {},
        "text": "Hi",
    }


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, NOW),
        ({"timestamp": "2026-01-31T11:00:00Z"}, NOW - timedelta(hours=1)),
        ({"timestamp": "2026-01-31T14:30:00+03:30"}, NOW - timedelta(hours=1)),
        ({"timestamp": "2026-01-31T11:00:00"}, NOW - timedelta(hours=1)),
        ({"timestamp": "2026-01-31T11:00:00.123456789Z"}, NOW - timedelta(hours=1) + timedelta(microseconds=123456)),
        ({"timestamp": 1769857200000}, NOW - timedelta(hours=1)),
        # A clock 3 h slow: it happened 10 s before it was sent.
        ({"timestamp": "2026-01-31T08:59:50Z", "sentAt": "2026-01-31T09:00:00Z"}, NOW - timedelta(seconds=10)),
        ({"originalTimestamp": "2026-01-31T08:59:50Z", "sentAt": "2026-01-31T09:00:00Z"}, NOW - timedelta(seconds=10)),
        # Imports of old things stay old.
        ({"timestamp": "2019-05-01T00:00:00Z", "sentAt": "2026-01-31T12:00:00Z"}, datetime(2019, 5, 1, tzinfo=UTC)),
        # What cannot be is when it arrived.
        ({"timestamp": "2026-01-31T13:00:00Z"}, NOW),
        ({"timestamp": "2026-01-31T12:00:10Z", "sentAt": "2026-01-31T12:00:00Z"}, NOW),
        ({"timestamp": "1970-01-01T00:00:00Z"}, NOW),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, NOW),
        ({"timestamp": "9999-12-31T23:59:59-14:00", "sentAt": "0001-01-01T00:00:00Z"}, NOW),
        ({"timestamp": "yesterday"}, NOW),
        ({"timestamp": {}}, NOW),
        ({"timestamp": True}, NOW),
        ({"timestamp": 1e300}, NOW),
    ],
)
def test_the_senders_clock_is_corrected(times: dict[str, Any], expected: datetime) -> None:
    assert only(read(track(**times))).time == expected


def test_the_same_message_is_the_same_event() -> None:
    one = only(read(track(sentAt="2026-01-31T11:59:00Z")))
    again = only(read({"batch": [track()], "sentAt": "2026-01-31T11:59:30Z"}, "/v1/batch"))
    assert one.id == again.id
    nameless = {"event": "Hi", "userId": "u1"}
    assert only(read(nameless)).id == only(read(nameless)).id
    assert only(read(nameless)).id != only(read({**nameless, "userId": "u2"})).id


def test_context_of_the_batch_and_of_the_event() -> None:
    batch = [track(context={"locale": "en-GB"}), track(messageId="m2")]
    first, second = read({"batch": batch, "context": {"locale": "fa-IR", "timezone": "Asia/Tehran"}}, "/v1/b").events
    assert (first.data["language"], first.data["timezone"]) == ("en-GB", "Asia/Tehran")
    assert second.data["language"] == "fa-IR"


def test_the_visitor_named_in_a_header() -> None:
    headers = {"anonymousid": base64.b64encode(b"visitor-1").decode()}
    assert only(read({"event": "Hi"}, headers=headers)).subject == "anonymous_id:visitor-1"
    assert only(read({"event": "Hi"}, headers={"anonymousid": "not base64!"})).subject == "anonymous_id:not base64!"


def test_other_ids_of_the_person() -> None:
    listed = [
        {"id": "17/42", "type": "instagram_id", "collection": "users"},
        {"id": "+4930123456", "type": "whatsapp"},
        {"id": "x", "type": "user_id"},
        {"type": "account"},
        "junk",
    ]
    event = only(read(track(context={"externalIds": listed})))
    assert [(one["type"], one["value"]) for one in event.identities] == [
        ("user_id", "u1"), ("instagram_id", "17/42"), ("whatsapp", "+4930123456"),
    ]  # fmt: skip


def test_forms_become_facts_and_secrets_do_not() -> None:
    properties = {
        "form_id": "f",
        "name": "Anna",
        "shipping_address": "Am Kanal 1",
        "Pass-Word": "x",
        "card_number": "4111",
        "fields": {"size": 42, "pin": "1234"},
        "empty": "",
        "list": [1],
    }
    event = only(read(track(event="Form Submitted", properties=properties)))
    assert event.data["facts"] == {"name": "Anna", "shipping_address": "Am Kanal 1", "size": 42}
    assert b"4111" not in event.to_json()
    assert b"1234" not in event.to_json()
    assert "facts" not in only(read(track(event="Other", properties=properties))).data


def _read_or_field(body: bytes, path: str) -> tuple[Tracked, str]:
    try:
        return read(body, path), ""
    except Rejected as refusal:
        return Tracked(), refusal.field


@pytest.mark.parametrize("depth", [300, 1_000, 20_000])
def test_depth_is_no_crash(depth: int) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    message = b'{"type":"track","event":"Hi","userId":"u1","properties":' + deep + b"}"
    for body, path in ((message, "/v1/track"), (b'{"batch":[' + message + b"]}", "/v1/batch")):
        found, field = _read_or_field(body, path)
        assert field == "body" or len(found.events) + len(found.faults) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"userId": NaN}',
        b'{"userId": "\\ud800"}',
        b'{"userId": "\xff"}',
        b'\xef\xbb\xbf{"userId": "u"}',
        b'{"event": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_json_is_named(body: bytes) -> None:
    found, field = _read_or_field(body, "/v1/track")
    assert field == "body" or found.faults


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    *("type", "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "writeKey"),
    *("originalTimestamp", "sentAt", "name", "category", "properties", "traits", "context", "batch"),
]
KINDS = st.sampled_from(["track", "page", "screen", "identify", "group", "alias"])


@given(message=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=10), kind=KINDS)
@how(max_examples=400, deadline=None)
def test_whatever_stands_in_the_fields(message: dict[str, Any], kind: str) -> None:
    message = {"userId": "u1", "event": "Hi", **message}
    try:
        bodies = [orjson.dumps(one) for one in (message, {"batch": [{**message, "type": kind}]})]
    except TypeError:  # a lone surrogate
        return
    for body, path in zip(bodies, (f"/v1/{kind}", "/v1/batch"), strict=True):
        found = read(body, path)
        for event in found.events:
            assert Event.from_json(event.to_json()).id == event.id


@given(body=st.binary(max_size=200), coding=st.sampled_from(["", "gzip", "deflate", "identity"]))
@how(max_examples=200, deadline=None)
def test_junk(body: bytes, coding: str) -> None:
    one = raw(body, "/v1/batch", {"content-encoding": coding})
    for step in (WEB.verify, WEB.read):
        with contextlib.suppress(Rejected, Unauthenticated):
            step(one)


def test_pixels_are_events_of_their_own() -> None:
    query = {"writeKey": "k1", "userId": "u1", "event": "Seen", "properties.a.b": "1", "properties.a": "2"}
    one = RawInbound("GET", "https://hub.example/v1/pixel/track?x", {}, query, b"", NOW)
    later = RawInbound("GET", "https://hub.example/v1/pixel/track?x", {}, query, b"", NOW + timedelta(seconds=1))
    WEB.verify(one)
    assert only(WEB.read(one)).id == only(WEB.read(one)).id
    assert only(WEB.read(one)).id != only(WEB.read(later)).id


@pytest.mark.parametrize(("key", "proven"), [("k1", False), ("server", True)])
def test_what_a_server_of_ours_says_of_an_address_is_proven(key: str, proven: bool) -> None:
    web = Web(frozenset({"k1"}), "default", "DE", frozenset({"server"}))
    body = {"userId": "u1", "messageId": "m1", "traits": {"email": "Anna@Example.com", "phone": "030 1234567"}}
    found = only(web.read(raw(body, "/v1/identify", {"authorization": basic(f"{key}:")})))
    sure = {one["value"]: one["verified"] for one in found.identities}
    assert sure == {"u1": False, "anna@example.com": proven, "+49301234567": proven}


def test_what_names_nobody_is_kept_as_it_was_written() -> None:
    body = {"userId": "u1", "messageId": "m1", "traits": {"email": "anna(at)example.com", "phone": "null"}}
    found = only(read(body, "/v1/identify"))
    assert [one["type"] for one in found.identities] == ["user_id"]
    assert found.data["unmatched"] == {"email": "anna(at)example.com"}
