"""S1: whatever is wrong with a signature or a key, the answer is 401, and a replay has no second effect."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import urlsplit

import pytest

from channels.registry import build
from hub.errors import Rejected, Unauthenticated
from tests.contract import recorded
from tests.contract.recorded import Recorded
from tests.unit.asgi import Client

SIGNED: Final = [place for place in build(recorded.settings()) if place != ("email", "smtp")]
PROOF: Final = ("x-twilio-signature", "x-hub-signature-256", "authorization")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it goes over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Spoil = Callable[[Request, str, Random], Request]


def _header(request: Request, name: str, value: str | None) -> Request:
    headers = {key: said for key, said in request.headers.items() if key != name}
    return Request(request.method, request.path, headers if value is None else {**headers, name: value}, request.body)


def _missing(request: Request, name: str, _: Random) -> Request:
    return _header(request, name, None)


def _empty(request: Request, name: str, _: Random) -> Request:
    return _header(request, name, "")


def _doubled(request: Request, name: str, _: Random) -> Request:
    """As the gateway joins two headers of one name."""
    return _header(request, name, f"{request.headers[name]}, {request.headers[name]}")


def _not_base64(request: Request, name: str, random: Random) -> Request:
    return _header(request, name, "".join(random.choices("!#%&=*~ -", k=28)))


def _not_utf8(request: Request, name: str, _: Random) -> Request:
    return _header(request, name, "Basic \xff\xfe" + request.headers[name])


def _one_letter(request: Request, name: str, random: Random) -> Request:
    """In the part that counts: what follows a key's colon is a password nobody asks for."""
    value = request.headers[name]
    if name == "authorization":
        user = base64.b64decode(value.partition(" ")[2]).decode()
        place = random.randrange(len(user.rstrip(":")))
        changed = user[:place] + chr(ord(user[place]) ^ 1) + user[place + 1 :]
        return _header(request, name, "Basic " + base64.b64encode(changed.encode()).decode())
    place = random.randrange(len(value) - 2)
    return _header(request, name, value[:place] + ("B" if value[place] == "A" else "A") + value[place + 1 :])


def _another_hash(request: Request, name: str, random: Random) -> Request:
    return _header(request, name, "sha256=" + random.randbytes(32).hex())


def _body_changed(request: Request, name: str, random: Random) -> Request:
    """One byte: a blank more where the text has one, or a letter in another case."""
    if name == "authorization" or not request.body:
        return _missing(request, name, random)
    place = random.randrange(len(request.body))
    changed = request.body[:place] + bytes([request.body[place] ^ 1]) + request.body[place + 1 :]
    return Request(request.method, request.path, request.headers, changed)


def _path_changed(request: Request, name: str, random: Random) -> Request:
    """Twilio signs the address: the same form to another address is not signed. Others do not sign it."""
    if name != "x-twilio-signature":
        return _another_hash(request, name, random)
    mark = "&" if "?" in request.path else "?"
    return Request(request.method, f"{request.path}{mark}x={random.random()}", request.headers, request.body)


SPOILT: Final[tuple[Spoil, ...]] = (
    _missing,
    _empty,
    _doubled,
    _not_base64,
    _not_utf8,
    _one_letter,
    _another_hash,
    _body_changed,
    _path_changed,
)


def _requests() -> list[tuple[Request, str]]:
    """Every accepted recorded request whose proof is in a header, and that header."""
    found = []
    for place in SIGNED:
        for one in recorded.of(*place):
            name = next((name for name in PROOF if name in one.raw.headers), None)
            if isinstance(one.expected, list) and name:
                found.append((_request(one), name))
    return found


def _request(one: Recorded) -> Request:
    parts = urlsplit(one.raw.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return Request(one.raw.method, path, dict(one.raw.headers), one.raw.body)


@pytest.mark.parametrize("cases", [pytest.param(150, id="ci"), pytest.param(500, id="full", marks=pytest.mark.full)])
async def test_a_wrong_proof_is_401(seed: int, cases: int) -> None:
    random = Random(seed)
    requests = [(request, name) for request, name in _requests() if b'"writeKey"' not in request.body]
    for number in range(cases):
        client = Client(recorded.settings())
        request, name = random.choice(requests)
        spoil = SPOILT[number % len(SPOILT)]
        bad = spoil(request, name, random)
        answer = await client.send(bad.method, bad.path, bad.body, bad.headers)
        assert answer.status == 401, (spoil.__name__, bad)
        assert not client.edge.events


async def test_the_unspoilt_requests_are_accepted_and_a_replay_is_the_same_event() -> None:
    for request, _ in _requests():
        client = Client(recorded.settings())
        for _ in range(2):
            answer = await client.send(request.method, request.path, request.body, request.headers)
            assert answer.status == 200, request
        ids = [event.id for event in client.edge.events]
        half = len(ids) // 2
        assert ids[:half] == ids[half:]


@pytest.mark.parametrize("place", SIGNED, ids="_".join)
async def test_after_the_secret_was_rotated_the_old_one_is_worth_nothing(place: tuple[str, str]) -> None:
    client = Client(recorded.settings("-rotated"))
    for one in recorded.of(*place):
        if not isinstance(one.expected, list) or one.raw.method == "GET":
            continue
        request = _request(one)
        answer = await client.send(request.method, request.path, request.body, request.headers)
        assert answer.status == 401, one.path
    assert not client.edge.events


def test_without_a_secret_nothing_is_accepted() -> None:
    """An installation that forgot to set one must not accept what anybody can sign."""
    bare = build(
        recorded.settings().model_copy(update={"write_keys": "", "twilio": _bare("twilio"), "meta": _bare("meta")})
    )
    for place in SIGNED:
        for one in recorded.of(*place):
            with pytest.raises((Unauthenticated, Rejected)):
                bare[place].verify(one.raw)


def _bare(name: str) -> object:
    return type(getattr(recorded.settings(), name))()
