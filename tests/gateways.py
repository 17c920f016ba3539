"""The gateway as a process of its own, and reading what it put into Kafka."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from kafka import KafkaConsumer, TopicPartition

from hub.bus import ensure_topics
from hub.deadletter import DeadLetter
from hub.event import Event
from hub.servers.ports import free_port
from hub.settings import Settings

KEY = "flow-key"
TOKEN = "flow-twilio"
_CODE = (
    "from channels.app import main\nfrom hub import logs, settings\nlogs.configure('gateway')\nmain(settings.read())"
)


class GatewayProcess:
    """One gateway that a test can kill and start again, with the same ports and state."""

    def __init__(self, kafka: str, state: Path, prefix: str, **more: str) -> None:
        self.port, self.smtp_port, self.metrics_port = (free_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = Settings(
            kafka_bootstrap_servers=kafka, topic_prefix=prefix, partitions=4, state=state, public_url=self.url
        )
        self.log = state / "gateway.log"
        self._env = {
            "HUB_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "HUB_TOPIC_PREFIX": prefix,
            "HUB_STATE": str(state),
            "HUB_WRITE_KEYS": KEY,
            "HUB_JWT_SECRET": "flow-secret-of-more-than-32-characters",
            "HUB_TWILIO__AUTH_TOKEN": TOKEN,
            "HUB_META__APP_SECRET": "flow-meta",
            "HUB_PUBLIC_URL": self.url,
            "HUB_GATEWAY_PORT": str(self.port),
            "HUB_SMTP_PORT": str(self.smtp_port),
            "HUB_METRICS_PORT": str(self.metrics_port),
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def topics(self) -> None:
        """Make the topics; Kafka must be there."""
        ensure_topics(self.settings)

    def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until it is ready, or only until its port is open."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _CODE], env={**environment, **self._env}, stderr=log, stdout=log
            )
        path = "readyz" if ready else "healthz"
        for _ in range(400):
            try:
                if httpx.get(f"http://127.0.0.1:{self.metrics_port}/{path}", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the gateway did not start: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(20)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).text
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    def sms(self, client: httpx.Client, sid: str, text: str = "Hello") -> httpx.Response:
        """A text message as Twilio reports it."""
        form = {"MessageSid": sid, "From": "+4915112345678", "To": "+4930901820", "Body": text}
        signed = f"{self.url}/in/sms/twilio" + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return client.post(f"{self.url}/in/sms/twilio", content=urlencode(form), headers=headers)

    def track(self, client: httpx.Client, id: str, **more: Any) -> httpx.Response:
        """One tracked event."""
        body = {"userId": "u1", "event": "Hi", "messageId": id, **more}
        return client.post(f"{self.url}/v1/track", json=body, auth=(KEY, ""))

    def events(self) -> list[Event]:
        """Everything in the log, by partition and offset."""
        return [Event.from_json(value) for _, value in self._read("interactions")]

    def letters(self) -> list[DeadLetter]:
        """The dead letters."""
        return [DeadLetter.from_json(value) for _, value in self._read("dead-letters")]

    def _read(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        topic = f"{self.settings.topic_prefix}{name}"
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka_bootstrap_servers, enable_auto_commit=False)
        try:
            places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
            ends: Mapping[TopicPartition, int] = consumer.end_offsets(places)
            for place in places:
                consumer.assign([place])
                consumer.seek_to_beginning(place)
                while consumer.position(place) < ends[place]:
                    for records in consumer.poll(timeout_ms=500).values():
                        yield from ((record.key, record.value) for record in records)
        finally:
            consumer.close()


@contextmanager
def gateway(kafka: str, state: Path, prefix: str, **more: str) -> Iterator[GatewayProcess]:
    """A gateway that is gone afterwards; not started yet."""
    state.mkdir(parents=True, exist_ok=True)
    one = GatewayProcess(kafka, state, prefix, **more)
    try:
        yield one
    finally:
        if one.process is not None and one.process.poll() is None:
            one.kill()
