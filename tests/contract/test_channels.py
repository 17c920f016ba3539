"""What every channel keeps to, whatever it speaks. How payloads are written down: see `recorded.py`.

A new channel joins by its line in the registry and its folder of payloads; a channel without payloads fails.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from channels import outgoing
from channels.base import Answer, Channel, Outbound, RawInbound
from channels.registry import build
from hub.errors import Rejected, Transient, Unauthenticated
from hub.event import Event
from hub.identity import normalise
from hub.settings import Settings
from tests.contract import recorded
from tests.contract.recorded import Recorded
from tests.contract.stubs import http_stub, smtp_stub

REGISTRY: Final = build(recorded.settings())
OTHERS: Final = build(recorded.settings("-of-somebody-else"))
PAYLOADS: Final = [(place, one) for place in REGISTRY for one in recorded.of(*place)]
INBOUND: Final = [place for place, channel in REGISTRY.items() if channel.can.inbound]
HTTP_OUT: Final = [place for place, channel in REGISTRY.items() if channel.can.outbound and place[0] != "email"]

UNSIGNED: Final = {("email", "smtp")}
"""Mail servers sign nothing: whom a mail claims to be from is never a verified identity."""

SAMPLE_TO: Final = {
    "email": "email:anna@example.de",
    "phone": "phone:+4915112345678",
    "meta_psid": "meta_psid:1000000001/4444",
    "instagram_id": "instagram_id:4444",
    "whatsapp": "whatsapp:+4915112345678",
}


def _name(value: Any) -> str:
    if isinstance(value, Recorded):
        return value.path.stem
    return "_".join(value) if isinstance(value, tuple) else str(value)


def _parse(channel: Channel, raw: RawInbound) -> list[Event]:
    try:
        return channel.parse(raw)
    except Rejected:
        return []


@pytest.mark.parametrize("place", REGISTRY, ids=_name)
def test_it_has_payloads(place: tuple[str, str]) -> None:
    if REGISTRY[place].can.inbound:
        assert recorded.of(*place), f"record some in payloads/{place[0]}_{place[1]}"


@pytest.mark.parametrize(("place", "one"), PAYLOADS, ids=_name)
def test_a_payload_yields_what_was_recorded(place: tuple[str, str], one: Recorded) -> None:
    assert one.expected is not None, "python -m tests.contract.recorded writes it"
    assert recorded.outcome(REGISTRY[place], one.raw) == one.expected


@pytest.mark.parametrize(("place", "one"), PAYLOADS, ids=_name)
def test_parsing_twice_gives_equal_events(place: tuple[str, str], one: Recorded) -> None:
    first = _parse(REGISTRY[place], one.raw)
    again = build(recorded.settings())[place]
    assert _parse(again, replace(one.raw, body=bytes(bytearray(one.raw.body)))) == first
    assert len({event.id for event in first}) == len(first)


@pytest.mark.parametrize(("place", "one"), PAYLOADS, ids=_name)
def test_events_are_whole(place: tuple[str, str], one: Recorded) -> None:
    channel = REGISTRY[place]
    for event in _parse(channel, one.raw):
        assert Event.from_json(event.to_json()).id == event.id
        assert event.source.startswith("/channels/")
        assert event.receivedat == one.raw.received
        for known in event.identities:
            if known["type"] in {"email", "phone", "whatsapp"}:
                assert normalise(known["type"], known["value"]) == known["value"]


@pytest.mark.parametrize(("place", "one"), PAYLOADS, ids=_name)
def test_it_always_has_an_answer(place: tuple[str, str], one: Recorded) -> None:
    channel = REGISTRY[place]
    assert isinstance(channel.answer(one.raw, _parse(channel, one.raw)), Answer)
    if channel.can.answers_calls:
        assert channel.answer(one.raw, []).status == 200


@pytest.mark.parametrize(("place", "one"), [pair for pair in PAYLOADS if pair[0] not in UNSIGNED], ids=_name)
def test_somebody_elses_signature_is_refused(place: tuple[str, str], one: Recorded) -> None:
    with pytest.raises((Unauthenticated, Rejected)) as refusal:
        OTHERS[place].verify(one.raw)
    if isinstance(one.expected, list):
        assert refusal.type is Unauthenticated


@pytest.mark.parametrize("place", INBOUND, ids=_name)
@given(body=st.binary(max_size=300), query=st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=3))
@how(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_junk_is_only_rejected(place: tuple[str, str], body: bytes, query: dict[str, str]) -> None:
    channel = REGISTRY[place]
    for one in recorded.of(*place)[:4]:
        raw = replace(one.raw, body=body, query=query)
        with contextlib.suppress(Unauthenticated, Rejected):
            channel.verify(raw)
        _parse(channel, raw)


@pytest.mark.parametrize("place", INBOUND, ids=_name)
@given(data=st.data())
@how(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_payload_is_only_rejected(place: tuple[str, str], data: st.DataObject) -> None:
    """One stretch of a real payload replaced: deeper than junk that fails at the first byte."""
    channel = REGISTRY[place]
    one = data.draw(st.sampled_from(recorded.of(*place)))
    start = data.draw(st.integers(0, len(one.raw.body)))
    end = data.draw(st.integers(start, min(len(one.raw.body), start + 20)))
    new = data.draw(
        st.one_of(st.binary(max_size=20), st.sampled_from([b"null", b"[]", b"{}", b'"', b"-1", b"\\ud800"]))
    )
    _parse(channel, replace(one.raw, body=one.raw.body[:start] + new + one.raw.body[end:]))


@pytest.mark.parametrize("place", REGISTRY, ids=_name)
async def test_can_tells_the_truth(place: tuple[str, str]) -> None:
    channel = REGISTRY[place]
    assert (channel.name, channel.provider) == place
    assert channel.can.max_body > 0
    assert channel.can.real_peer
    if channel.can.outbound:
        assert channel.can.addresses
        with pytest.raises(Rejected):  # an address of a kind it does not name
            await channel.send(Outbound(key="t1", to="carrier_pigeon:7", text="Hello"))
    else:
        assert not channel.can.addresses
        with pytest.raises(Rejected):
            await channel.send(Outbound(key="t1", to="email:a@example.de", text="Hello"))


def test_importing_opens_no_socket() -> None:
    code = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event.startswith('socket.') and event not in {'socket.gethostname'}:\n"
        "        raise SystemExit(f'{event} {args}')\n"
        "sys.addaudithook(hook)\n"
        "from channels.registry import build\n"
        "from hub.settings import Settings\n"
        "build(Settings(write_keys='k'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def _message(channel: Channel, kind: str) -> Outbound:
    return Outbound(key="t-contract-1", to=SAMPLE_TO[kind], text="Your parcel is on its way.", subject="Parcel")


def _sender(place: tuple[str, str], api_url: str) -> Channel:
    return build(recorded.settings(api_url=api_url))[place]


OUTCOMES: Final[list[tuple[int, type[Exception] | tuple[type[Exception], ...]]]] = [
    (429, Transient),
    (500, Transient),
    (503, Transient),
    (400, Rejected),
    (404, Rejected),
    (401, (Rejected, Unauthenticated)),
]


@pytest.mark.parametrize(("status", "error"), OUTCOMES)
@pytest.mark.parametrize("place", HTTP_OUT, ids=_name)
async def test_a_providers_refusal_says_what_to_do(
    place: tuple[str, str], status: int, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    for kind in REGISTRY[place].can.addresses:
        async with http_stub(status, headers="Retry-After: 7\r\n") as (url, requests):
            with pytest.raises(error) as raised:
                await _sender(place, url).send(_message(REGISTRY[place], kind))
            assert len(requests) == 1, "one try a call: repeating is the dispatcher's"
            if isinstance(raised.value, Transient) and status == 429:
                assert raised.value.retry_after == 7


@pytest.mark.parametrize("place", HTTP_OUT, ids=_name)
async def test_a_provider_that_is_silent_or_gone_is_transient(
    place: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "TIMEOUT", 0.3)
    message = _message(REGISTRY[place], REGISTRY[place].can.addresses[0])
    async with http_stub(None) as (url, _):
        with pytest.raises(Transient):
            await _sender(place, url).send(message)
    with pytest.raises(Transient):  # the stub is gone now
        await _sender(place, url).send(message)


@pytest.mark.parametrize(("code", "error"), [(451, Transient), (421, Transient), (550, Rejected), (552, Rejected)])
async def test_a_relays_refusal_says_what_to_do(code: int, error: type[Exception]) -> None:
    async with smtp_stub(code) as port:
        with pytest.raises(error):
            await _mail(port).send(_message(REGISTRY["email", "smtp"], "email"))


async def test_a_relay_that_is_gone_is_transient() -> None:
    async with smtp_stub(250) as port:
        pass
    with pytest.raises(Transient):
        await _mail(port).send(_message(REGISTRY["email", "smtp"], "email"))


def _mail(port: int) -> Channel:
    base = recorded.settings()
    mail = base.mail.model_copy(update={"relay_host": "127.0.0.1", "relay_port": port, "relay_starttls": False})
    settings: Settings = base.model_copy(update={"mail": mail})
    return build(settings)["email", "smtp"]
