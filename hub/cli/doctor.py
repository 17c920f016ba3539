"""`hub doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import asyncio
import time

import typer
from kafka.errors import KafkaError
from rich.console import Console

from hub import bus
from hub.errors import HubError, Misconfigured
from hub.servers.checks import Check, local_checks
from hub.settings import Settings, read
from hub.topics import TOPICS, full_name
from profile_store.connect import connect, translated

OLDEST_REDIS = (7, 0)
console = Console(highlight=False, soft_wrap=True)


def check_kafka(settings: Settings) -> list[Check]:
    """The broker answers, and every topic is there with its settings."""
    if not settings.kafka_bootstrap_servers:
        return [Check(True, "no broker is set and no hub runs here: `hub up` brings its own")]
    try:
        found = bus.topic_faults(settings)
    except (HubError, KafkaError) as error:
        return [Check(False, f"Kafka: {error}", "Check HUB_KAFKA_BOOTSTRAP_SERVERS, and that the broker runs.")]
    there = Check(True, f"Kafka answers at {settings.kafka_bootstrap_servers}")
    wrong = [Check(False, fault, "Create or alter the topic so; `hub worker` creates missing ones.") for fault in found]
    names = ", ".join(full_name(settings.topic_prefix, one.name) for one in TOPICS)
    return [there, *wrong] if wrong else [there, Check(True, f"topics as they should be: {names}")]


async def check_redis(settings: Settings) -> list[Check]:
    """Redis answers, is new enough, keeps its data, and its clock agrees with ours."""
    if not settings.redis_url.get_secret_value():
        return [Check(True, "no Redis is set and no hub runs here: `hub up` brings its own")]
    client = connect(settings)
    try:
        with translated():
            about = await client.info()
            seconds, micros = await client.time()
    except (HubError, Misconfigured) as error:
        return [Check(False, str(error), "Check HUB_REDIS_URL, and that the server runs.")]
    finally:
        await client.aclose()
    version = str(about["redis_version"])
    new = tuple(int(part) for part in version.split(".")[:2]) >= OLDEST_REDIS
    off = abs(time.time() - seconds - micros / 1e6)
    return [
        Check(new, f"Redis {version} answers", "" if new else "Version 7 or newer is needed: we use functions."),
        Check(
            bool(about.get("aof_enabled")),
            "Redis writes an append-only log" if about.get("aof_enabled") else "Redis keeps nothing over a restart",
            "Set `appendonly yes`; without it everything is rebuilt from Kafka after a restart.",
        ),
        Check(
            off < 2, f"clocks differ by {off:.2f} s", "" if off < 2 else "Set the clocks (NTP): timers depend on it."
        ),
    ]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor")
    def doctor() -> None:
        """Check settings, broker, topics, Redis and clocks; say what to do about each fault.

        Example: hub doctor
        """
        settings = read()
        checks = [*local_checks(settings.state), *check_kafka(settings), *asyncio.run(check_redis(settings))]
        for check in checks:
            console.print(f"[green]ok[/]     {check.what}" if check.ok else f"[red]fault[/]  {check.what}")
            if not check.ok and check.advice:
                console.print(f"       → {check.advice}")
        raise typer.Exit(0 if all(check.ok for check in checks) else 1)
