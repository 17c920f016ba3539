"""Mail over real SMTP: what is answered 250 is in Kafka, and what cannot be kept is told to come again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from aiosmtplib.errors import SMTPDataError, SMTPResponseException

from channels.base import Channel
from channels.edge import Edge
from channels.email import SmtpHandle, start_smtp
from channels.email import server as smtp_server
from hub.event import Event
from hub.servers.ports import free_port
from hub.settings import Mail, Settings
from tests.flow import dispatch
from tests.servers import KafkaServer


class Kept:
    """An edge that keeps everything, or fails as it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.fault: BaseException | None = None
        self.delay = 0.0

    async def accept(self, channel: Channel, events: list[Event]) -> None:
        await asyncio.sleep(self.delay)
        if self.fault:
            raise self.fault
        self.events += events


@contextlib.asynccontextmanager
async def serving(edge: smtp_server.Edge, **mail: object) -> AsyncIterator[SmtpHandle]:
    settings = Settings(smtp_port=free_port(), mail=Mail(from_address="Hub <hello@hub.example>", **mail))
    handle = await start_smtp(settings, edge)
    try:
        yield handle
    finally:
        await handle.stop()


async def deliver(port: int, body: bytes, *to: str, sender: str = "anna@example.de") -> str:
    """One mail as a mail server brings it; the final answer."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=10)
    await client.connect()
    try:
        await client.mail(sender)
        for one in to or ("service@hub.example",):
            await client.rcpt(one)
        answer = await client.data(body)
    finally:
        client.close()
    return f"{answer.code} {answer.message}"


def mail(number: int, text: str = "Hello") -> bytes:
    message = EmailMessage()
    message["From"] = "Anna <anna@example.de>"
    message["Message-ID"] = f"<m{number}@mail.example.de>"
    message["Subject"] = f"Mail {number}"
    message.set_content(text)
    return message.as_bytes()


async def _dialogue(port: int, *lines: bytes) -> list[bytes]:
    """Everything the server says to these lines, sent at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(lines))
    said = []
    with contextlib.suppress(TimeoutError):
        while line := await asyncio.wait_for(reader.readline(), 1):
            said.append(line)
    writer.close()
    await writer.wait_closed()
    return said


async def test_accepted_mail_is_in_kafka_and_a_resend_is_the_same_event(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    settings = dispatch.installation(kafka_server.address, "redis://unused", tmp_path)
    edge = Edge(settings)
    await edge.start()
    handle = await start_smtp(settings, edge)
    try:

        async def connected() -> bool:
            return not edge.waiting_for()

        await dispatch.until(connected)
        bodies = [mail(number, f"text {number}") for number in range(100)]
        answers = await asyncio.gather(*(deliver(settings.smtp_port, body) for body in bodies))
        assert set(answers) == {"250 2.0.0 kept"}
        await deliver(settings.smtp_port, bodies[7])
    finally:
        await handle.stop()
        await edge.stop()
    events = await dispatch.read(settings, "interactions")
    assert len(events) == 101
    assert {event["data"]["text"] for event in events} == {f"text {number}" for number in range(100)}
    assert len({event["id"] for event in events}) == 100


async def test_while_kafka_hangs_mail_is_told_to_come_again_within_five_seconds(
    private_kafka: Callable[[], KafkaServer], tmp_path: Path
) -> None:
    kafka = private_kafka()
    settings = dispatch.installation(kafka.address, "redis://unused", tmp_path)
    edge = Edge(settings)
    await edge.start()
    handle = await start_smtp(settings, edge)
    try:

        async def connected() -> bool:
            return not edge.waiting_for()

        await dispatch.until(connected)
        assert (await deliver(settings.smtp_port, mail(1))).startswith("250")
        kafka.freeze()
        start = time.monotonic()
        with pytest.raises(SMTPDataError) as refusal:
            await deliver(settings.smtp_port, mail(2))
        assert refusal.value.code == 451
        assert time.monotonic() - start < 5
    finally:
        kafka.thaw()
        await handle.stop()
        await edge.stop()


async def test_a_slow_or_broken_log_is_451_and_says_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_server, "PATIENCE", 0.2)
    edge = Kept()
    async with serving(edge) as handle:
        edge.delay = 1.0
        with pytest.raises(SMTPDataError) as slow:
            await deliver(handle.port, mail(1))
        edge.delay, edge.fault = 0.0, RuntimeError("the password is swordfish")
        with pytest.raises(SMTPDataError) as broken:
            await deliver(handle.port, mail(1))
        edge.fault = None
        assert (await deliver(handle.port, mail(1))).startswith("250")
    assert (slow.value.code, broken.value.code) == (451, 451)
    assert "swordfish" not in broken.value.message


@pytest.mark.parametrize(
    ("to", "code"),
    [("service@hub.example", 250), ("x@elsewhere.example", 550), ("x", 550), ('"a,b"@hub.example', 553)],
)
async def test_only_our_domains(to: str, code: int) -> None:
    async with serving(Kept(), domains="hub.example, other.example") as handle:
        if code == 250:
            assert (await deliver(handle.port, mail(1), to)).startswith("250")
        else:
            with pytest.raises(SMTPResponseException) as refusal:
                await deliver(handle.port, mail(1), to)
            assert refusal.value.code == code


async def test_two_recipients_are_two_events_and_too_many_are_refused() -> None:
    edge = Kept()
    async with serving(edge) as handle:
        await deliver(handle.port, mail(1), "a@hub.example", "b@hub.example")
        assert [event.data["to"] for event in edge.events] == ["a@hub.example", "b@hub.example"]
        with pytest.raises(SMTPResponseException) as refusal:
            await deliver(handle.port, mail(2), *(f"a{number}@hub.example" for number in range(101)))
        assert refusal.value.code == 452


async def test_too_large_is_552_and_a_long_line_is_fine() -> None:
    edge = Kept()
    async with serving(edge, max_bytes=200_000) as handle:
        with pytest.raises(SMTPDataError) as refusal:
            await deliver(handle.port, mail(1) + b"x" * 60 + b"\r\n" + (b"y" * 70 + b"\r\n") * 4_000)
        assert refusal.value.code == 552
        body = b"From: anna@example.de\r\nMessage-ID: <l@x>\r\n\r\n" + b"z" * 50_000 + b"\r\n"
        assert (await deliver(handle.port, body)).startswith("250")
    assert len(edge.events[0].data["text"]) == 50_000


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\n\n.\n\n"])
async def test_only_the_true_end_of_data_ends_a_mail(end: bytes) -> None:
    """What other servers take for an end lets a sender smuggle a second mail behind the first."""
    edge = Kept()
    smuggled = b"MAIL FROM:<ceo@hub.example>\r\nRCPT TO:<a@hub.example>\r\nDATA\r\nFrom: ceo@hub.example\r\n\r\nowned"
    async with serving(edge) as handle:
        await _dialogue(
            handle.port,
            b"EHLO evil\r\nMAIL FROM:<anna@example.de>\r\nRCPT TO:<a@hub.example>\r\nDATA\r\n",
            b"From: anna@example.de\r\nMessage-ID: <s@x>\r\n\r\nfirst" + end + smuggled + b"\r\n.\r\nQUIT\r\n",
        )
    assert len(edge.events) == 1
    assert edge.events[0].subject == "email:anna@example.de"


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(200):
        writer.write(b"x" * 10_000)
        await writer.drain()
        await asyncio.sleep(0.001)
    await reader.readexactly(10_000)


async def test_a_line_without_end_does_not_fill_the_memory() -> None:
    async with serving(Kept(), max_bytes=100_000) as handle:
        reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
        writer.write(b"EHLO evil\r\nMAIL FROM:<a@b.de>\r\nRCPT TO:<a@hub.example>\r\nDATA\r\n")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await _pour(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        assert (await deliver(handle.port, mail(1))).startswith("250"), "everybody else is served"


async def test_commands_without_end_are_cut_off() -> None:
    async with serving(Kept()) as handle:
        said = await _dialogue(handle.port, b"EHLO evil\r\n", b"NOOP\r\n" * 100, b"QUIT\r\n")
        assert any(line.startswith(b"421") for line in said)


async def test_stopping_waits_for_the_mail_under_way() -> None:
    edge = Kept()
    edge.delay = 0.5
    async with serving(edge) as handle:
        sending = asyncio.create_task(deliver(handle.port, mail(1)))
        await asyncio.sleep(0.2)
        await handle.stop()
        assert (await sending).startswith("250")
    assert len(edge.events) == 1
