"""`hub doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import asyncio

import typer
from kafka.errors import KafkaError
from rich.console import Console

from hub import bus
from hub.errors import HubError, Misconfigured
from hub.servers.checks import Check, local_checks
from hub.settings import Settings, read
from hub.topics import TOPICS, full_name
from profile_store.connect import connect
from profile_store.health import Health, health
from profile_store.store import Store
from rules.book import Book, Folders

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
        found = await health(client)
    except (HubError, Misconfigured) as error:
        return [Check(False, str(error), "Check HUB_REDIS_URL, and that the server runs.")]
    finally:
        await client.aclose()
    return [check for one in found for check in _redis_checks(one)]


async def check_declared(settings: Settings) -> list[Check]:
    """The traits and segments of the folders are sound, and in force."""
    if not settings.redis_url.get_secret_value():
        return []
    folders = Folders(settings.traits_dir, settings.segments_dir)
    wrong = [Check(False, str(one), "Correct it; those in force stay until then.") for one in folders.problems]
    client = connect(settings)
    try:
        store = Store(client)
        said, rebuilding = await store.declared(), await store.rebuilding()
    except (HubError, Misconfigured):  # is told by the check of Redis
        return wrong
    finally:
        await client.aclose()
    under_way = "" if rebuilding is None else f": a rebuild is under way, {rebuilding[0]:,} of {rebuilding[1]:,} events"
    book = folders.book if said is None else Book.from_json(said)
    if book.version == folders.book.version or wrong:
        some = f"{len(book.typed)} typed and {len(book.traits)} computed traits, {len(book.segments)} segments"
        what = f"{some} are in force{under_way}"
        return [*wrong, Check(True, what)]
    what = "other traits or segments are declared than are in force"
    return [Check(bool(under_way), what + under_way, "A worker builds all customers with them; is one running?")]


def _redis_checks(one: Health) -> list[Check]:
    name = f"Redis {one.name}" if one.name else "Redis"
    new = tuple(int(part) for part in one.version.split(".")[:2]) >= OLDEST_REDIS
    full = "drops nothing" if one.evicts == "noeviction" else f"drops profiles ({one.evicts})"
    checks = [
        Check(new, f"{name} {one.version} answers", "" if new else "Version 7 or newer is needed: we use functions."),
        Check(
            one.keeps,
            f"{name} writes an append-only log" if one.keeps else f"{name} keeps nothing over a restart",
            "Set `appendonly yes`; without it everything is rebuilt from Kafka after a restart.",
        ),
        Check(
            one.evicts == "noeviction", f"{name} {full} when its memory is full", "Set `maxmemory-policy noeviction`."
        ),
        Check(
            one.clock < 2,
            f"{name}: clocks differ by {one.clock:.2f} s",
            "" if one.clock < 2 else "Set the clocks (NTP): timers depend on it.",
        ),
    ]
    if one.cluster:
        ok = one.cluster == "ok"
        checks.append(Check(ok, f"{name}: cluster state {one.cluster}", "" if ok else "Look at `CLUSTER INFO` there."))
    return checks


async def _stored(settings: Settings) -> list[Check]:
    return [*await check_redis(settings), *await check_declared(settings)]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor")
    def doctor() -> None:
        """Check settings, broker, topics, Redis and clocks; say what to do about each fault.

        Example: hub doctor
        """
        settings = read()
        checks = [*local_checks(settings.state), *check_kafka(settings), *asyncio.run(_stored(settings))]
        for check in checks:
            console.print(f"[green]ok[/]     {check.what}" if check.ok else f"[red]fault[/]  {check.what}")
            if not check.ok and check.advice:
                console.print(f"       → {check.advice}")
        raise typer.Exit(0 if all(check.ok for check in checks) else 1)
