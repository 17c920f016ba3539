"""The gateway's answers, path by path, with a fake behind it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import orjson
import pytest

from channels.web.pixel import GIF
from channels.web.request import LARGEST_RUDDER
from hub.unsubscribe import unsubscribe_token, unsubscribe_url
from tests.contract import recorded
from tests.unit.asgi import Client

KEY = {"Authorization": "Basic " + base64.b64encode(b"contract-key:").decode()}
TRACK = orjson.dumps({"event": "Hi", "userId": "u1", "messageId": "m1"})
BATCH = orjson.dumps({"batch": [{"type": "track", "event": "Hi", "userId": "u1", "messageId": "m1"}]})
TYPES = {"t": "track", "p": "page", "s": "screen", "i": "identify", "g": "group", "a": "alias"}


@pytest.fixture
def client() -> Client:
    return Client(recorded.settings())


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", [*TYPES, *TYPES.values()])
async def test_every_type_has_two_paths(client: Client, path: str, slash: str) -> None:
    body = orjson.dumps({"event": "Hi", "userId": "u1", "groupId": "g", "previousId": "p"})
    answer = await client.send("POST", f"/v1/{path}{slash}", body, KEY)
    assert (answer.status, answer.body) == (200, b'{"success": true}')
    assert answer.headers["content-type"] == "application/json"
    assert client.edge.events[0].type == f"web.{TYPES.get(path, path)}"


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/v1/batch/", "/beacon/v1/batch"])
async def test_every_path_of_a_batch(client: Client, path: str) -> None:
    answer = await client.send("POST", path + "?writeKey=contract-key", BATCH)
    assert (answer.status, answer.json) == (200, {"success": True})
    assert client.edge.kept == [path.startswith("/beacon")], "a page that is closed does not come again"


async def test_chunks(client: Client) -> None:
    answer = await client.send("POST", "/v1/track", [TRACK[:5], b"", TRACK[5:]], KEY)
    assert answer.status == 200
    assert client.edge.events[0].data["name"] == "Hi"


async def test_a_client_that_hangs_up_gets_nothing(client: Client) -> None:
    assert (await client.send("POST", "/v1/track", [TRACK[:5]], KEY, hang_up=True)).status == 0
    assert not client.edge.events


@pytest.mark.parametrize(
    ("body", "headers", "status", "field"),
    [
        (b"{", KEY, 400, "body"),
        (b'{"batch":7}', KEY, 400, "batch"),
        (BATCH, {}, 401, None),
        (BATCH, {"Authorization": "Basic eDo="}, 401, None),
        (BATCH, {**KEY, "Content-Encoding": "br"}, 400, "Content-Encoding"),
        (b" " * (LARGEST_RUDDER + 1), KEY, 413, "body"),
        ([b" " * 1_000_000] * 5, KEY, 413, "body"),
        (b"", {**KEY, "Content-Length": "9" * 30}, 413, "body"),
        (b'{"batch":[' + b" " * 512_001 + b"]}", KEY, 400, "body"),
    ],
)
async def test_errors_are_json_that_stock_clients_understand(
    client: Client, body: bytes | list[bytes], headers: dict[str, str], status: int, field: str | None
) -> None:
    answer = await client.send("POST", "/v1/batch", body, headers)
    assert answer.status == status
    found = answer.json
    assert found["success"] is False
    assert found["code"]
    assert found["message"]
    assert found["error"] == found["message"]
    assert found.get("field") == field
    assert not client.edge.events


async def test_overload_is_429_with_whole_seconds(client: Client) -> None:
    client.edge.away = True
    answer = await client.send("POST", "/v1/batch", BATCH, {**KEY, "Origin": "https://shop.example"})
    assert (answer.status, answer.headers["retry-after"], answer.headers["x-ratelimit-reset"]) == (429, "2", "2")
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


async def test_faults_become_dead_letters(client: Client) -> None:
    body = orjson.dumps({"batch": [{"type": "track", "userId": "u1"}, orjson.loads(TRACK) | {"type": "track"}]})
    assert (await client.send("POST", "/v1/batch", body, KEY)).status == 200
    (letter,) = client.edge.letters
    assert (letter.key, letter.reason) == ("u1", "invalid event")
    assert orjson.loads(letter.raw) == {"type": "track", "userId": "u1"}
    assert len(client.edge.events) == 1


async def test_preflight(client: Client) -> None:
    wanted = "authorization,content-type,x-retry-count,anonymousid,sentat,rsa-retry-attempt"
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": wanted,
    }
    answer = await client.send("OPTIONS", "/v1/t", b"", headers)
    assert answer.status == 200
    assert answer.headers["access-control-allow-headers"] == wanted
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    evil = await client.send("OPTIONS", "/v1/t", b"", {**headers, "Access-Control-Request-Headers": "a<b>"})
    assert evil.headers["access-control-allow-headers"] == "authorization, content-type"


@pytest.mark.parametrize("kind", ["identify", "group", "alias", "page", "screen", "track"])
async def test_pixels_always_show(client: Client, kind: str) -> None:
    message = {
        "writeKey": "contract-key",
        "userId": "u1",
        "event": "Seen",
        "groupId": "g",
        "previousId": "p",
    }
    data = base64.urlsafe_b64encode(orjson.dumps(message)).decode()
    answer = await client.send("GET", f"/v1/pixel/{kind}?data={data}")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, GIF, "image/gif")
    assert [event.type for event in client.edge.events] == [f"web.{kind}"]
    assert client.edge.kept == [True]
    client.edge.away = True
    for query in ("?data=%%%", "", "?writeKey=wrong&userId=u", f"?data={data}"):
        answer = await client.send("GET", f"/v1/pixel/{kind}{query}")
        assert (answer.status, answer.body) == (200, GIF)
    assert len(client.edge.events) == 1


async def test_what_clients_ask_before_they_send(client: Client) -> None:
    found = await client.send("GET", "/v1/projects/contract-key/settings")
    assert found.json["integrations"]["Segment.io"]["apiHost"] == "hub.example/v1"
    assert (await client.send("GET", "/v1/projects/wrong/settings")).status == 404
    for url, headers in (("/sourceConfig/?writeKey=contract-key", {}), ("/sourceConfig?p=web", KEY)):
        found = await client.send("GET", url, b"", headers)
        assert found.json["source"]["enabled"] is True
    assert (await client.send("GET", "/sourceConfig/?writeKey=x")).status == 401
    assert (await client.send("POST", "/v1/m", b"whatever")).json == {"success": True}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/batch", 405),
        ("DELETE", "/v1/track", 405),
        ("POST", "/v1/pixel/track", 405),
        ("POST", "/in/sms/nobody", 404),
        ("POST", "/in/sms", 404),
        ("POST", "/in/web/segment", 404),
        ("POST", "/in/email/smtp", 404),
        ("PUT", "/in/sms/twilio", 405),
        ("GET", "/healthz", 404),
    ],
)
async def test_other_paths(client: Client, method: str, path: str, status: int) -> None:
    answer = await client.send(method, path, b"{}", KEY)
    assert answer.status == status
    assert answer.json["success"] is False


def meta(body: bytes, secret: str = "contract-meta-app") -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


async def test_a_webhook_is_verified_parsed_and_answered(client: Client) -> None:
    message = {"sender": {"id": "7"}, "recipient": {"id": "1"}, "timestamp": 1769860799000}
    entry = {"id": "1", "messaging": [{**message, "message": {"mid": "m1", "text": "Hello"}}]}
    body = orjson.dumps({"object": "page", "entry": [entry]})
    assert (await client.send("POST", "/in/social/meta", body, meta(body))).status == 200
    assert client.edge.events[0].type == "social.message"
    refused = await client.send("POST", "/in/social/meta", body, meta(body, "wrong"))
    assert (refused.status, refused.json["code"]) == (401, "unauthenticated")
    assert (await client.send("POST", "/in/social/meta", b"x" * 3_000_001, meta(body))).status == 413
    client.edge.away = True
    later = await client.send("POST", "/in/social/meta", body, meta(body))
    assert (later.status, later.headers["retry-after"]) == (503, "2")


async def test_a_signed_body_we_do_not_understand_is_kept(client: Client) -> None:
    answer = await client.send("POST", "/in/social/meta", b'{"object":"moon"}', meta(b'{"object":"moon"}'))
    assert (answer.status, answer.json["field"]) == (400, "object")
    assert [letter.raw for letter in client.edge.letters] == [b'{"object":"moon"}']
    client.edge.away = True
    assert (await client.send("POST", "/in/social/meta", b"{", meta(b"{"))).status == 503


async def test_metas_handshake(client: Client) -> None:
    query = "hub.mode=subscribe&hub.challenge=12345&hub.verify_token="
    answer = await client.send("GET", f"/in/social/meta?{query}contract-meta-verify")
    assert (answer.status, answer.body) == (200, b"12345")
    assert (await client.send("GET", f"/in/social/meta?{query}wrong")).status == 401


def call(path: str, form: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    text = "https://hub.example" + path + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.new(b"contract-twilio", text.encode(), hashlib.sha1).digest()).decode()
    body = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in form.items()).encode()
    return body, {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("away", [False, True])
async def test_a_caller_always_hears_something(client: Client, away: bool) -> None:
    """The signature covers the public address, not the one the request came to; a lost event is no dead line."""
    client.edge.away = away
    form = {"CallSid": "CA1", "From": "+4915112345678", "To": "+4930901820", "CallStatus": "ringing"}
    answer = await client.send("POST", "/in/phone/twilio", *call("/in/phone/twilio", form))
    assert answer.status == 200
    assert b"<Gather" in answer.body
    typed = await client.send("POST", "/in/phone/twilio/menu", *call("/in/phone/twilio/menu", {**form, "Digits": "42"}))
    assert typed.status == 200
    nonsense = await client.send("POST", "/in/phone/twilio", *call("/in/phone/twilio", {"From": "x"}))
    assert nonsense.status == 200


SECRET = "contract-jwt-secret-of-32-characters"


def link(channel: str = "email") -> str:
    return "/u/" + unsubscribe_token(SECRET, "email:anna@example.de", channel, "t1")


async def test_leaving_takes_one_step(client: Client) -> None:
    """RFC 8058: a POST with this body, no cookie, no redirect, no page to confirm."""
    answer = await client.send("POST", link(), b"List-Unsubscribe=One-Click")
    assert answer.status == 200
    (event,) = client.edge.events
    assert (event.type, event.subject) == ("consent.withdrawn", "email:anna@example.de")
    assert event.data["consent"] == {
        "channel": "email",
        "purpose": "marketing",
        "given": False,
        "proof": {"by": "the link in a message", "trigger": "t1"},
    }
    assert client.edge.kept == [True]
    multipart = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--'
    assert (await client.send("POST", link(), multipart)).status == 200
    assert len({event.id for event in client.edge.events}) <= 2


async def test_looking_changes_nothing(client: Client) -> None:
    answer = await client.send("GET", link())
    assert answer.status == 200
    assert b'<button name="choice" value="leave">' in answer.body
    assert not client.edge.events
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    persian = await client.send("GET", link(), b"", {"Accept-Language": "fa-IR,fa;q=0.9,en;q=0.8"})
    assert 'lang="fa" dir="rtl"' in persian.body.decode()


@pytest.mark.parametrize(
    ("choice", "given", "channels"),
    [
        ("leave", False, ["email"]),
        ("leave-all", False, ["email", "sms", "phone", "social"]),
        ("return", True, ["email"]),
    ],
)
async def test_choices(client: Client, choice: str, given: bool, channels: list[str]) -> None:
    answer = await client.send("POST", link(), f"choice={choice}".encode())
    assert answer.status == 200
    assert [event.data["consent"]["channel"] for event in client.edge.events] == channels
    assert {event.data["consent"]["given"] for event in client.edge.events} == {given}


@pytest.mark.parametrize("body", [b"", b"choice=evil", b"\xff\xfe", b"a=b&" * 50])
async def test_a_post_that_says_nothing_changes_nothing(client: Client, body: bytes) -> None:
    assert (await client.send("POST", link(), body)).status == 400
    assert not client.edge.events


async def test_a_forged_link_leads_nowhere(client: Client) -> None:
    good = link()
    other = "/u/" + unsubscribe_token("another secret", "email:anna@example.de", "email", "t1")
    empty = "/u/" + unsubscribe_token("", "email:anna@example.de", "email", "t1")
    for path in (other, empty, good[:-2], good[:8] + "AAAA" + good[12:], "/u/", "/u/ü", "/u/" + "A" * 5_000):
        answer = await client.send("POST", path, b"List-Unsubscribe=One-Click")
        assert answer.status == 404, path
    assert not client.edge.events
    nobody = Client(recorded.settings().model_copy(update={"jwt_secret": type(client.settings.jwt_secret)("")}))
    assert (await nobody.send("POST", empty, b"List-Unsubscribe=One-Click")).status == 404


async def test_what_a_message_carries_leads_here(client: Client) -> None:
    url = unsubscribe_url("https://hub.example/", SECRET, "email:anna@example.de", "email", "t1")
    assert url == "https://hub.example" + link()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", url.rpartition("/")[2])


async def test_unsubscribing_while_kafka_and_spool_are_away(client: Client) -> None:
    client.edge.away = True
    answer = await client.send("POST", link(), b"List-Unsubscribe=One-Click")
    assert answer.status == 503
    assert b"<script" not in answer.body
