"""How our own Kafka is set up, and its store before the first start."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import uuid
from pathlib import Path

from hub.errors import Misconfigured
from hub.servers.kafka_runtime import ENVIRONMENT, KafkaRuntime
from hub.servers.ports import LOCALHOST
from hub.servers.process import launched

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # A topic that nobody made on purpose is a mistake in a name.
    "auto.create.topics.enable": "false",
    "num.partitions": "12",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # A hub that stood still over a holiday still knows how far it had read.
    "offsets.retention.minutes": str(366 * 24 * 60),
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After kill -9 the controller keeps the old broker's seat until its session ends (9 s by default), and Kafka is
    # not back before that.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "400",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),  # 128 MB by default, a quarter of our heap
}


def write_settings(file: Path, data: Path, port: int, controller_port: int) -> None:
    """Write Kafka's settings for these ports and this data folder."""
    if "," in str(data):
        raise Misconfigured(f"Kafka cannot use a folder with a comma in its name: {data}", "Choose another HUB_STATE.")
    (file.parent / "tmp").mkdir(parents=True, exist_ok=True)
    settings = SETTINGS | {
        "controller.quorum.voters": f"1@{LOCALHOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOCALHOST}:{port},CONTROLLER://{LOCALHOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOCALHOST}:{port}",
        "log.dirs": str(data),
    }
    file.write_text("".join(f"{name}={_escaped(value)}\n" for name, value in settings.items()), encoding="ascii")


def _escaped(value: str) -> str:
    """As Java reads properties: Latin-1, with everything else in UTF-16 escapes."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


async def format_store(runtime: KafkaRuntime, home: Path) -> None:
    """Make an empty store: beside the place where it belongs, then moved there, so that it is whole or absent."""
    unfinished, settings = home / "data.new", home / "format.properties"
    shutil.rmtree(unfinished, ignore_errors=True)
    write_settings(settings, unfinished, 9092, 9093)  # the ports are not kept in the store
    # An own letter first: Kafka takes an id that begins with a dash for an option.
    cluster = "h" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    process = await asyncio.create_subprocess_exec(
        *launched(runtime.command(home, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings))),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **ENVIRONMENT},
        start_new_session=True,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise Misconfigured(
            f"Kafka could not make its store in {home}:\n{output.decode(errors='replace')}",
            "Check that the folder can be written to and the disk is not full, then run `hub doctor`.",
        )
    unfinished.replace(home / "data")
    settings.unlink()
