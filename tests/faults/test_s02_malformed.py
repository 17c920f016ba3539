"""S2: thousands of malformed requests: no 5xx, every refusal names its field, nobody else waits, memory is flat."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import psutil
import pytest

from tests.gateways import KEY, GatewayProcess, gateway
from tests.servers import KafkaServer

STALL, GROWTH = 0.25, 100_000_000
AUTH: Final = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}
MESSAGE: Final[dict[str, Any]] = {"type": "track", "event": "Hi", "userId": "u1", "properties": {"a": 1}, "context": {}}
WRONG: Final[tuple[Any, ...]] = (
    None,
    True,
    [],
    {},
    "",
    "x" * 200,
    -1,
    1e308,
    [[[]]],
    {"a": {"b": []}},
    "\x00",
    "\u202e",
    "2026-13-45T99:99",
)

Make = Callable[[Random], tuple[bytes, dict[str, str]]]


def _fields(random: Random) -> tuple[bytes, dict[str, str]]:
    message = {**MESSAGE, random.choice([*MESSAGE, "messageId", "timestamp", "sentAt", "traits"]): random.choice(WRONG)}
    return json.dumps({"batch": [message, random.choice(WRONG)]}).encode(), AUTH


def _shapes(random: Random) -> tuple[bytes, dict[str, str]]:
    return json.dumps(random.choice([*WRONG, {"batch": random.choice(WRONG)}])).encode(), AUTH


def _depth(random: Random) -> tuple[bytes, dict[str, str]]:
    depth = random.choice([90, 150, 250, 1_000, 10_000])
    opening, closing = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
    deep = opening * depth + b"1" + closing * depth
    return b'{"batch":[{"type":"track","event":"Hi","userId":"u1","properties":{"x":' + deep + b"}}]}", AUTH


def _numbers(random: Random) -> tuple[bytes, dict[str, str]]:
    number = random.choice([b"9" * 5_000, b"-" + b"9" * 5_000, b"1e99999", b"NaN", b"-Infinity", b"0x1", b"1" * 20])
    return (
        b'{"batch":[{"type":"track","event":"Hi","userId":' + number + b',"properties":{"n":' + number + b"}}]}",
        AUTH,
    )


def _text(random: Random) -> tuple[bytes, dict[str, str]]:
    text = random.choice([b"\\ud800", b"\\udc00\\ud800", b"\xff\xfe", b"\\u0000", b"\\x41", b"\n", b"\xc0\xaf"])
    return b'{"batch":[{"type":"track","event":"' + text + b'","userId":"' + text + b'"}]}', AUTH


def _doubled(random: Random) -> tuple[bytes, dict[str, str]]:
    return b'{"batch":[],"batch":7,"batch":[{"type":"track","type":"x","userId":"u","userId":null}]}', AUTH


def _cut(random: Random) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"batch": [MESSAGE] * 5}).encode()
    return body[: random.randrange(len(body))], AUTH


def _noise(random: Random) -> tuple[bytes, dict[str, str]]:
    headers = {"Content-Encoding": random.choice(["gzip", "deflate", "identity", "br", "GZIP", "x"])}
    return random.randbytes(random.randrange(500)), {**AUTH, **headers}


@cache
def _bombs() -> list[bytes]:
    inner = [gzip.compress(piece * 3_000_000, 9) for piece in (b"0", b"[", b'{"batch":[')]
    return [*inner, *(gzip.compress(one * 50) for one in inner)]


def _bomb(random: Random) -> tuple[bytes, dict[str, str]]:
    return random.choice(_bombs()), {**AUTH, "Content-Encoding": "gzip"}


def _crowd(random: Random) -> tuple[bytes, dict[str, str]]:
    return b'{"batch":[' + b"{}," * random.choice([2_499, 2_500, 100_000]) + b"{}]}", AUTH


@cache
def _fields_and_fields() -> bytes:
    library = b'"context":{"library":{"name":"rudder"}}'
    fields = b",".join(b'"k%d":[{}]' % number for number in range(80_000))
    return b'{"batch":[{"type":"track","event":"Hi","userId":"u1",' + library + b',"properties":{' + fields + b"}}]}"


def _wide(_: Random) -> tuple[bytes, dict[str, str]]:
    """As much as one may send, in as many small pieces as possible."""
    return _fields_and_fields(), AUTH


def _head(random: Random) -> tuple[bytes, dict[str, str]]:
    return b"{}", {**AUTH, random.choice(["X-Long", "AnonymousId", "Origin"]): "x" * random.choice([1_000, 30_000])}


TRACKING: Final[tuple[Make, ...]] = (
    *(_fields, _shapes, _depth, _numbers, _text, _doubled, _cut, _noise, _crowd, _head) * 3,
    *(_bomb, _wide),
)


def _meta(random: Random) -> tuple[bytes, dict[str, str]]:
    """Signed nonsense: only who knows the secret gets this far."""
    inner = json.dumps(random.choice([*WRONG, {"object": "page", "entry": random.choice(WRONG)}])).encode()
    deep = b'{"object":"page","entry":[{"messaging":' + b"[" * 5_000 + b"]" * 5_000 + b"}]}"
    body = random.choice([inner, deep, b'{"object":"page","entry":[{"id":1,"messaging":[{"message":{}}]}]}', b"\xff"])
    return body, {"X-Hub-Signature-256": "sha256=" + hmac.new(b"flow-meta", body, hashlib.sha256).hexdigest()}


def _multipart(random: Random) -> tuple[bytes, dict[str, str]]:
    body = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 10_000
    return body, {"Content-Type": "multipart/form-data; boundary=x", "X-Twilio-Signature": "AAAA"}


async def _watch(hub: GatewayProcess, gaps: list[float], stop: asyncio.Event) -> None:
    """A bystander: how long the gateway keeps it waiting."""
    async with httpx.AsyncClient(timeout=10) as client:
        while not stop.is_set():
            start = time.monotonic()
            await client.get(f"{hub.url}/nothing")
            gaps.append(time.monotonic() - start)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("cases", [pytest.param(500, id="ci"), pytest.param(5_000, id="full", marks=pytest.mark.full)])
async def test_malformed(seed: int, kafka_server: KafkaServer, tmp_path: Path, cases: int) -> None:
    random = Random(seed)
    codes: Counter[int] = Counter()
    gaps: list[float] = []
    stop = asyncio.Event()
    _bombs(), _fields_and_fields()  # made before anybody looks at the clock
    with gateway(kafka_server.address, tmp_path / "hub", f"s2-{time.time_ns()}.") as hub:
        await asyncio.to_thread(hub.topics)
        await asyncio.to_thread(hub.start)
        assert hub.process is not None
        process = psutil.Process(hub.process.pid)
        memory = process.memory_info().rss
        watching = asyncio.create_task(_watch(hub, gaps, stop))
        async with httpx.AsyncClient(timeout=20) as client:
            for number in range(cases):
                make: Make = _meta if number % 10 == 3 else _multipart if number % 50 == 7 else random.choice(TRACKING)
                path = "/in/social/meta" if make is _meta else "/in/sms/twilio" if make is _multipart else "/v1/batch"
                body, headers = make(random)
                try:
                    answer = await client.post(hub.url + path, content=body, headers=headers)
                except httpx.TransportError as error:
                    raise AssertionError(
                        f"no answer: {make.__name__} {len(body)} {body[:99]!r} {headers}"[:500]
                    ) from error
                codes[answer.status_code] += 1
                assert answer.status_code < 500, (make.__name__, body[:200], answer.text)
                if 400 <= answer.status_code < 500 and answer.status_code != 401:
                    assert answer.json().get("field"), (make.__name__, body[:200], answer.text)
        stop.set()
        await watching
        growth = process.memory_info().rss - memory
        letters = await asyncio.to_thread(hub.letters)
        events = await asyncio.to_thread(hub.events)
    print(
        f"S2: {cases} cases, {dict(codes)}, {len(events)} events, {len(letters)} dead letters, a bystander waited "
        f"{max(gaps) * 1000:.0f} ms at most, +{growth / 1e6:.0f} MB"
    )
    assert letters
    assert max(gaps) < STALL
    assert growth < GROWTH


async def test_an_endless_head_is_cut_off(kafka_server: KafkaServer, tmp_path: Path) -> None:
    with gateway(kafka_server.address, tmp_path / "hub", f"s2h-{time.time_ns()}.") as hub:
        await asyncio.to_thread(hub.topics)
        await asyncio.to_thread(hub.start)
        for piece in (b"y" * 10_000, b"y\r\nX-More: " * 1_000):
            sent = await asyncio.to_thread(_pour, hub.port, piece)
            assert sent < 5_000_000


def _pour(port: int, piece: bytes) -> int:
    """Send headers until the line is cut; how many bytes went out."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), 5) as line, contextlib.suppress(ConnectionError):
        line.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX-Long: ")
        while sent < 20_000_000:
            line.sendall(piece)
            sent += len(piece)
    return sent
