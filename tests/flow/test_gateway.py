"""The gateway on a real Kafka, spoken to by the clients people have."""

from __future__ import annotations

import gzip
import smtplib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from segment.analytics.client import Client as Segment

from hub.ids import event_id
from tests.gateways import KEY, GatewayProcess, gateway
from tests.servers import KafkaServer

SOON = 1.0
"""Seconds within which a refusal must come."""
BACK = 15.0
"""Seconds after Kafka's return within which events are accepted again."""


@pytest.fixture
def hub(kafka_server: KafkaServer, tmp_path: Path) -> Iterator[GatewayProcess]:
    with gateway(kafka_server.address, tmp_path / "hub", f"gw{time.time_ns()}.") as one:
        one.topics()
        one.start()
        yield one


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5) as one:
        yield one


@pytest.mark.parametrize("zipped", [False, True])
def test_the_stock_segment_client(hub: GatewayProcess, zipped: bool) -> None:
    errors: list[object] = []
    segment = Segment(KEY, host=hub.url, gzip=zipped, on_error=lambda error, _: errors.append(error), max_retries=1)
    segment.identify("u1", {"email": "Anna@Example.de", "name": "Anna"})
    for number in range(250):
        segment.track("u1", "Product Viewed", {"name": f"Shoe {number}"})
    segment.page(anonymous_id="a1", name="Delivery")
    segment.group("u1", "g1", {"name": "Berg AG"})
    segment.alias("a1", "u1")
    segment.shutdown()
    assert not errors
    events = hub.events()
    assert len(events) == 254
    assert {event.type for event in events} == {"web.identify", "web.track", "web.page", "web.group", "web.alias"}
    shoes = [event.data["properties"]["name"] for event in events if event.type == "web.track"]
    assert shoes == [f"Shoe {number}" for number in range(250)], "one customer's events keep their order"


def test_a_rudder_request(hub: GatewayProcess, client: httpx.Client) -> None:
    batch = [{"type": "track", "userId": "u1", "event": f"E{number}", "messageId": f"r{number}"} for number in range(5)]
    batch[3] = {"type": "track", "userId": "u1", "messageId": "r3"}
    body = gzip.compress(orjson.dumps({"batch": batch, "sentAt": "2026-01-31T12:00:00.000Z"}))
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post(f"{hub.url}/v1/batch", content=body, headers=headers, auth=(KEY, ""))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [event.data["name"] for event in hub.events()] == ["E0", "E1", "E2", "E4"]
    (letter,) = hub.letters()
    assert (letter.reason, orjson.loads(letter.raw)) == ("invalid event", batch[3])


def test_refusals(hub: GatewayProcess, client: httpx.Client) -> None:
    url = f"{hub.url}/v1/batch"
    assert client.post(url, json={"batch": []}, auth=("wrong", "")).status_code == 401
    assert client.post(url, content=b"{", auth=(KEY, "")).status_code == 400
    assert client.post(url, content=b" " * 5_000_000, auth=(KEY, "")).status_code == 413
    assert client.post(url, content=iter([b" " * 1_000_000] * 5), auth=(KEY, "")).status_code == 413
    assert client.post(f"{hub.url}/in/sms/twilio", content=b"Body=x").status_code == 401
    assert hub.sms(client, "SM1").status_code == 200
    assert [event.type for event in hub.events()] == ["sms.received"]
    assert hub.metric("hub_rejected_requests_total") == 5


def test_a_mail_comes_in(hub: GatewayProcess) -> None:
    with smtplib.SMTP("127.0.0.1", hub.smtp_port, timeout=10) as smtp:
        smtp.sendmail("anna@example.de", ["help@hub.example"], b"From: anna@example.de\r\nSubject: Hi\r\n\r\nHello\r\n")
    (event,) = hub.events()
    assert (event.type, event.subject) == ("email.received", "email:anna@example.de")


def test_it_ends_properly(hub: GatewayProcess, client: httpx.Client) -> None:
    assert hub.track(client, "m1").status_code == 200
    assert hub.stop() == 0
    assert len(hub.events()) == 1
    hub.start()
    assert hub.track(client, "m2").status_code == 200


def test_it_opens_its_doors_before_kafka_does(
    private_kafka: Callable[[], KafkaServer], tmp_path: Path, client: httpx.Client
) -> None:
    kafka = private_kafka()
    with gateway(kafka.address, tmp_path / "hub", "early.") as hub:
        hub.topics()
        kafka.kill()
        hub.start(ready=False)
        assert hub.track(client, "m1").status_code == 429
        assert hub.sms(client, "SM1").status_code == 200
        kafka.start()
        assert _seconds_until_accepted(hub, client) < BACK
        _await_empty_spool(hub)
        assert "SM1" in str([event.data for event in hub.events()])


def _seconds_until_accepted(hub: GatewayProcess, client: httpx.Client) -> float:
    start = time.monotonic()
    for number in range(300):
        if hub.track(client, f"probe-{number}").status_code == 200:
            break
        time.sleep(0.1)
    return time.monotonic() - start


def _await_empty_spool(hub: GatewayProcess) -> None:
    for _ in range(200):
        if hub.metric("hub_spool_events") == 0:
            return
        time.sleep(0.1)
    raise AssertionError("the spool is not empty")


@pytest.mark.parametrize("how", ["refused", "blackholed"])
def test_kafka_goes_away_and_comes_back(
    private_kafka: Callable[[], KafkaServer], tmp_path: Path, client: httpx.Client, how: str
) -> None:
    kafka = private_kafka()
    with gateway(kafka.address, tmp_path / "hub", "away.") as hub:
        hub.topics()
        hub.start()
        process = hub.process
        accepted = {f"before-{number}" for number in range(20)}
        assert {hub.track(client, id).status_code for id in accepted} == {200}
        kafka.kill() if how == "refused" else kafka.freeze()
        slowest = 0.0
        for number in range(20):
            start = time.monotonic()
            answer = hub.track(client, f"during-{number}")
            slowest = max(slowest, time.monotonic() - start)
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 300
            time.sleep(0.1 if how == "refused" else 0.4)
        assert slowest < SOON
        assert client.get(f"http://127.0.0.1:{hub.metrics_port}/readyz").status_code == 503
        assert {hub.sms(client, f"SM{number}", f"text {number}").status_code for number in range(30)} == {200}
        assert hub.metric("hub_spool_events") == 30
        kafka.start() if how == "refused" else kafka.thaw()
        assert _seconds_until_accepted(hub, client) < BACK
        _await_empty_spool(hub)
        assert hub.process is process
        assert process is not None
        assert process.poll() is None
        events = hub.events()
        texts = [event.data["text"] for event in events if event.type == "sms.received"]
        assert list(dict.fromkeys(texts)) == [f"text {number}" for number in range(30)]
        assert {event_id("/channels/web/segment", id) for id in accepted} <= {event.id for event in events}


def test_what_was_answered_survives_kill_9(
    private_kafka: Callable[[], KafkaServer], tmp_path: Path, client: httpx.Client
) -> None:
    """The gateway dies with Kafka away: what it said yes to lies in the spool, and the next one finds it."""
    kafka = private_kafka()
    with gateway(kafka.address, tmp_path / "hub", "kill.") as hub:
        hub.topics()
        hub.start()
        kafka.kill()
        said_yes = [sid for sid in (f"SM{number}" for number in range(25)) if hub.sms(client, sid, sid).is_success]
        assert len(said_yes) == 25
        hub.kill()
        hub.start(ready=False)
        said_yes += [sid for sid in (f"SM{number}" for number in range(25, 40)) if hub.sms(client, sid, sid).is_success]
        kafka.start()
        assert _seconds_until_accepted(hub, client) < BACK
        _await_empty_spool(hub)
        texts = [event.data["text"] for event in hub.events() if event.type == "sms.received"]
        assert list(dict.fromkeys(texts)) == said_yes
