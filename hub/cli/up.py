"""`hub up`: the whole hub on this machine, under one supervisor."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from hub.cli.local import Local, choose, environment, example_rules, tokens, write_local
from hub.servers.ask import http_answers
from hub.servers.kafka import kafka_spec, resolve_kafka
from hub.servers.kafka_runtime import KafkaRuntime
from hub.servers.process import Spec
from hub.servers.redis import redis_spec
from hub.servers.supervisor import Happening, Supervisor
from hub.settings import LOCAL_FILE, Installation, Settings, read

console = Console(highlight=False, soft_wrap=True)


def _kafka(progress_of: Progress | None) -> KafkaRuntime:
    """Kafka's program, fetched at the first start, with progress."""
    task = progress_of.add_task("", total=None) if progress_of else None

    def show(what: str, done: int, total: int) -> None:
        if progress_of is None or task is None:
            if done in (0, total):
                console.print(what)
        else:
            progress_of.update(task, description=what, completed=done, total=total or None)

    return resolve_kafka(progress=show)


def _fetch_kafka() -> KafkaRuntime:
    if not console.is_terminal:
        return _kafka(None)
    with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), transient=True) as progress:
        return _kafka(progress)


def _sandbox_ready(settings: Settings) -> Callable[[], Awaitable[bool]]:
    return partial(http_answers, settings.sandbox_port, "/healthz")


def _process(name: str, command: str, local: Local, after: tuple[str, ...], shared: Mapping[str, str]) -> Spec:
    port = local.metrics.get(name, 0)
    return Spec(
        name=name,
        argv=[sys.executable, "-m", "hub", command],
        env={**shared, "HUB_METRICS_PORT": str(port), "PYTHONUNBUFFERED": "1"},
        # The sandbox has no metrics: it is there for trying things out, not for production.
        ready=partial(http_answers, port) if command != "sandbox" else _sandbox_ready(local.settings),
        after=after,
    )


def specs(local: Local) -> list[Spec]:
    """Everything that runs, in no order: each says what it needs."""
    settings = local.settings
    found: list[Spec] = []
    shared = environment(settings)
    kafka: tuple[str, ...] = ()
    redis: tuple[str, ...] = ()
    if local.kafka_port and local.controller_port:
        found.append(kafka_spec(_fetch_kafka(), settings.state, local.kafka_port, local.controller_port))
        kafka = ("kafka",)
    if local.redis_port:
        found.append(redis_spec(settings.state, local.redis_port))
        redis = ("redis",)
    found += [
        _process("sandbox", "sandbox", local, (), shared),
        _process("gateway", "gateway", local, (), shared),
        _process("dispatcher", "dispatcher", local, (*kafka, *redis), shared),
        _process("desk", "desk", local, (*kafka, *redis), shared),
    ]
    found += [
        _process(f"worker-{number}", "worker", local, (*kafka, *redis), shared) for number in range(settings.workers)
    ]
    return found


def _say(happening: Happening) -> None:
    colour = {"ready": "green", "died": "yellow", "killed": "red"}.get(happening.kind)
    if happening.kind in ("ready", "died", "killed", "leftover", "stopped"):
        console.print(f"[{colour}]{happening.text}[/]" if colour else f"[dim]{happening.text}[/]")


def _welcome(local: Local, started: float) -> None:
    file = write_local(local)
    settings = local.settings
    link = f"{settings.desk_url}/sign-in?token={tokens(settings)['admin']}"
    console.print(f"\n[bold green]The hub is up[/] after {time.monotonic() - started:.1f} s.\n")
    console.print(f"  desk      {link}", soft_wrap=True)
    console.print(
        f"  gateway   {settings.public_url}   tracking API, /in/sms/twilio, /in/phone/twilio, /in/social/meta"
    )
    console.print(f"  mail      127.0.0.1:{settings.smtp_port}   SMTP")
    console.print(f"  Kafka     {settings.kafka_bootstrap_servers}")
    console.print(f"  for scripts: {file}", soft_wrap=True)
    for name, (wanted, used) in local.taken.items():
        console.print(f"  [yellow]{name}: {wanted} is taken, using {used}[/]")
    console.print("\nOpen the desk, then in another window: [bold]hub demo[/]   (.venv/bin/hub demo)")
    console.print("Ctrl-C stops everything.\n")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("up")
    def up() -> None:
        """Run the whole hub here: Kafka, Redis, gateway, workers, dispatcher and desk.

        Example: hub up
        """
        started = time.monotonic()
        local = choose(read(Installation))
        example_rules(local.settings.rules_dir)
        supervisor = Supervisor(specs(local), state=local.settings.state, log=_say)
        asyncio.run(supervisor.run(after_start=partial(_welcome, local, started)))
        (local.settings.state / LOCAL_FILE).unlink(missing_ok=True)
        console.print("Everything is stopped.")
