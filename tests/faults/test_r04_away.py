"""R4: Kafka is away for a while, refusing or swallowing: quick refusals, nothing accepted is lost, memory is flat."""

from __future__ import annotations

import asyncio
import smtplib
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from hub.ids import event_id
from tests.gateways import GatewayProcess, gateway
from tests.servers import KafkaServer

REFUSAL, SMTP_REFUSAL, BACK, EMPTY = 1.0, 5.0, 15.0, 60.0
GROWTH = 50_000_000


class Report:
    """What the clients met."""

    def __init__(self) -> None:
        self.slowest = 0.0
        self.mail_slowest = 0.0
        self.codes: Counter[int] = Counter()
        self.tracked: list[str] = []
        self.texts: list[str] = []
        self.mails: list[str] = []


def _load(hub: GatewayProcess, report: Report, seconds: float, name: str) -> None:
    """Tracked events, text messages and now and then a mail, one after the other."""
    end = time.monotonic() + seconds
    number = 0
    with httpx.Client(timeout=10) as client:
        while time.monotonic() < end:
            id = f"{name}-{number}"
            start = time.monotonic()
            tracked, text = hub.track(client, id), hub.sms(client, f"SM{id}", id)
            report.slowest = max(report.slowest, (time.monotonic() - start) / 2)
            report.codes.update((tracked.status_code, text.status_code))
            report.tracked += [id] if tracked.status_code == 200 else []
            report.texts += [id] if text.status_code == 200 else []
            if number % 20 == 0:
                start = time.monotonic()
                code = _mail(hub, id)
                report.mail_slowest = max(report.mail_slowest, time.monotonic() - start)
                report.codes[code] += 1
                report.mails += [id] if code == 250 else []
            number += 1
            time.sleep(0.02)


def _mail(hub: GatewayProcess, id: str) -> int:
    with smtplib.SMTP("127.0.0.1", hub.smtp_port, timeout=10) as smtp:
        smtp.ehlo("test")
        smtp.mail("anna@example.de")
        smtp.rcpt("help@hub.example")
        return smtp.data(f"From: anna@example.de\r\nMessage-ID: <{id}@example.de>\r\nSubject: {id}\r\n\r\nHello\r\n")[0]


@pytest.mark.parametrize("seconds", [pytest.param(6, id="ci"), pytest.param(60, id="full", marks=pytest.mark.full)])
@pytest.mark.parametrize("how", ["refused", "blackholed"])
async def test_kafka_away(private_kafka: Callable[[], KafkaServer], tmp_path: Path, how: str, seconds: float) -> None:
    kafka = await asyncio.to_thread(private_kafka)
    with gateway(kafka.address, tmp_path / "hub", "r4.") as hub:
        await asyncio.to_thread(hub.topics)
        await asyncio.to_thread(hub.start)
        assert hub.process is not None
        process = psutil.Process(hub.process.pid)
        before, during = Report(), Report()
        await asyncio.to_thread(_load, hub, before, 2, "before")
        memory = process.memory_info().rss
        await asyncio.to_thread(kafka.kill if how == "refused" else kafka.freeze)
        await asyncio.gather(*(asyncio.to_thread(_load, hub, during, seconds, f"during{one}") for one in range(3)))
        growth = process.memory_info().rss - memory
        await asyncio.to_thread(kafka.start if how == "refused" else kafka.thaw)
        back = await asyncio.to_thread(_accepted_again, hub)
        empty = await asyncio.to_thread(_spool_empty, hub)
        events = await asyncio.to_thread(hub.events)
    print(
        f"R4 {how} {seconds} s: {dict(during.codes)}, refused after {during.slowest:.2f} s at most, mail after "
        f"{during.mail_slowest:.2f} s, +{growth / 1e6:.0f} MB, back {back:.1f} s, spool empty {empty:.1f} s"
    )
    assert set(before.codes) == {200, 250}
    assert not during.tracked[3:]  # those under way when it happened may have got through
    assert during.texts
    assert during.slowest < REFUSAL
    assert during.mail_slowest < SMTP_REFUSAL
    assert growth < GROWTH
    assert back < BACK
    assert empty < EMPTY
    found = {event.id for event in events}
    texts = {event.data["text"] for event in events if event.type == "sms.received"}
    subjects = {event.data["subject"] for event in events if event.type == "email.received"}
    assert {event_id("/channels/web/segment", id) for id in before.tracked + during.tracked} <= found
    assert set(before.texts + during.texts) <= texts
    assert set(before.mails + during.mails) <= subjects


def _accepted_again(hub: GatewayProcess) -> float:
    start = time.monotonic()
    with httpx.Client(timeout=10) as client:
        while hub.track(client, f"probe-{time.monotonic()}").status_code != 200:
            time.sleep(0.1)
    return time.monotonic() - start


def _spool_empty(hub: GatewayProcess) -> float:
    start = time.monotonic()
    while hub.metric("hub_spool_events") and time.monotonic() - start < EMPTY:
        time.sleep(0.1)
    return time.monotonic() - start
