"""One process of a real installation: `hub gateway`, `hub worker`, `hub dispatcher`, `hub desk`, `hub sandbox`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module

import typer
import uvloop

from hub import bus, logs
from hub.errors import Misconfigured, Transient
from hub.settings import Settings, read

log = logs.get("start")

PROCESSES = {
    "gateway": ("channels.gateway", "Take events from the public ports: web, e-mail, SMS, calls, social."),
    "worker": ("streams.worker", "Apply events to profiles and ask the rules."),
    "dispatcher": ("channels.dispatcher", "Send what the rules decided."),
    "desk": ("desk.app", "The page and the API for people."),
    "sandbox": ("channels.sandbox", "Stand-ins for the providers: what goes out lands in an outbox."),
}


async def topics_exist(settings: Settings) -> None:
    """Wait for the broker and create what is missing."""
    wait = 0.2
    while True:
        try:
            await asyncio.to_thread(bus.ensure_topics, settings)
            return
        except Transient as error:
            log.warning("waiting for Kafka", error=str(error), seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)


async def _run(name: str, module: str, settings: Settings) -> None:
    if name != "sandbox" and not settings.kafka_bootstrap_servers:
        raise Misconfigured(
            "HUB_KAFKA_BOOTSTRAP_SERVERS is not set and no hub runs here",
            "Set it, or start everything with `hub up`.",
        )
    if name in ("worker", "dispatcher"):
        await topics_exist(settings)
    # Imported here: a process loads what it needs and nothing else.
    run: Callable[[Settings], Awaitable[None]] = import_module(module).run
    await run(settings)


def register(app: typer.Typer) -> None:
    """Add a command for every process."""

    def command(name: str, module: str) -> Callable[[], None]:
        def start() -> None:
            settings = read()
            logs.configure(name, settings.log_level)
            uvloop.run(_run(name, module, settings))

        return start

    for name, (module, help_text) in PROCESSES.items():
        start = command(name, module)
        start.__doc__ = f"{help_text}\n\nExample: HUB_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 hub {name}"
        app.command(name)(start)
