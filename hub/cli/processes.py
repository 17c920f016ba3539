"""One process of a real installation: `hub gateway`, `hub worker`, `hub dispatcher`, `hub desk`, `hub sandbox`.

Where the parts are put together: each process imports what it needs and nothing else, and is handed the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import typer
import uvloop

from hub import bus, logs
from hub.errors import Misconfigured, Transient
from hub.settings import Settings, read

Process = Callable[[Settings], Coroutine[Any, Any, None]]

log = logs.get("start")


async def _gateway(settings: Settings) -> None:
    from channels.app import run

    # Beside the gateway, not before it: its port opens at once and says 503 until there is somewhere to write.
    topics = asyncio.create_task(topics_exist(settings))
    await run(settings)
    topics.cancel()


async def _worker(settings: Settings) -> None:
    from streams.worker import run

    await topics_exist(settings)
    await run(settings)


async def _dispatcher(settings: Settings) -> None:
    from channels.dispatcher import run
    from profile_store.claims import RedisClaims

    await topics_exist(settings)
    await run(settings, RedisClaims.from_settings(settings))


async def _desk(settings: Settings) -> None:
    from desk.app import run

    await run(settings)


async def _sandbox(settings: Settings) -> None:
    from channels.sandbox import run

    await run(settings)


PROCESSES: Final[dict[str, tuple[Process, str]]] = {
    "gateway": (_gateway, "Take events from the public ports: web, e-mail, SMS, calls, social."),
    "worker": (_worker, "Apply events to profiles and ask the rules."),
    "dispatcher": (_dispatcher, "Send what the rules decided."),
    "desk": (_desk, "The page and the API for people."),
    "sandbox": (_sandbox, "Stand-ins for the providers: what goes out lands in an outbox."),
}


async def topics_exist(settings: Settings) -> None:
    """Wait for the broker, create the topics that are missing, and say what is wrong with those that are there."""
    wait = 0.2
    while True:
        try:
            await asyncio.to_thread(bus.ensure_topics, settings)
            for fault in await asyncio.to_thread(bus.topic_faults, settings):
                log.error("a topic is not as it must be", fault=fault, advice="`hub doctor` tells more")
            return
        except Transient as error:
            log.warning("waiting for Kafka", error=str(error), seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)


def register(app: typer.Typer) -> None:
    """Add a command for every process."""

    def command(name: str, process: Process) -> Callable[[], None]:
        def start() -> None:
            settings = read()
            logs.configure(name, settings.log_level)
            if name != "sandbox" and not settings.kafka_bootstrap_servers:
                raise Misconfigured(
                    "HUB_KAFKA_BOOTSTRAP_SERVERS is not set and no hub runs here",
                    "Set it, or start everything with `hub up`.",
                )
            uvloop.run(process(settings))

        return start

    for name, (process, help_text) in PROCESSES.items():
        start = command(name, process)
        start.__doc__ = f"{help_text}\n\nExample: HUB_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 hub {name}"
        app.command(name)(start)
