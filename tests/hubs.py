"""A whole hub as a user starts it: `hub up` as a process, on ports and a state folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from hub.cli.senders import World
from hub.servers.ports import free_port
from hub.settings import LOCAL_FILE

PORTS = (
    "HUB_GATEWAY_PORT",
    "HUB_SMTP_PORT",
    "HUB_DESK_PORT",
    "HUB_SANDBOX_PORT",
    "HUB_SANDBOX_SMTP_PORT",
    "HUB_METRICS_PORT",
)
START = 120.0
"""Seconds for a start on a busy machine; the first one ever also fetches Kafka."""
STOP = 60.0


def ports() -> dict[str, str]:
    """A free port for each of a hub's doors."""
    used: set[int] = set()
    for _ in PORTS:
        used.add(free_port(avoid=used))
    return dict(zip(PORTS, map(str, sorted(used)), strict=True))


class Hub:
    """`hub up`, with its state in `<home>/.hub`, where commands that run in `home` find it."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self.state = home / ".hub"
        self.log = home / "up.log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        # So that a README's `python` is the one with the hub in it.
        clean["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), clean.get("PATH", "")])
        self.environment = {**clean, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
        self._more = {**ports(), **more}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait until it says that it is up; how long that took."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hub", "up"],
                cwd=self.home,
                env={**self.environment, **self._more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while time.monotonic() - began < START:
            if (self.state / LOCAL_FILE).exists():
                return time.monotonic() - began
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the hub did not start:\n{self.log.read_text()[-3000:]}")

    @property
    def local(self) -> dict[str, Any]:
        """What it wrote for scripts."""
        found: dict[str, Any] = json.loads((self.state / LOCAL_FILE).read_text())
        return found

    def pids(self) -> dict[str, int]:
        """Its processes by name; one that is just being started again has no file for a moment."""
        found = {}
        for file in (self.state / "run").glob("*.pid"):
            with contextlib.suppress(FileNotFoundError):
                found[file.stem] = int(file.read_text().split()[0])
        return found

    def family(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        assert self._process is not None
        top = psutil.Process(self._process.pid)
        return [top, *top.children(recursive=True)]

    async def kill(self, name: str) -> None:
        """kill -9 one process, and wait until another is in its place."""
        before = self.pids()[name]
        os.kill(before, signal.SIGKILL)
        end = time.monotonic() + START
        while time.monotonic() < end:
            if self.pids().get(name, before) != before:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name} did not come back:\n{self.log.read_text()[-3000:]}")

    def interrupt(self) -> int:
        """Ctrl-C, and wait for the end; the exit code."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(STOP)

    def close(self) -> None:
        """End it, however it is."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            self.interrupt()
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def command(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `hub …` in the hub's home."""
        argv = [sys.executable, "-m", "hub", *words]
        return subprocess.run(
            argv, cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
        )

    async def told(self, *words: str) -> str:
        """Run `hub …` while others go on; what it said. Fails when it does."""
        done = await asyncio.to_thread(self.command, *words, seconds=300)
        assert done.returncode == 0, (
            f"hub {' '.join(words)}:\n{done.stdout}{done.stderr}\n{self.log.read_text()[-3000:]}"
        )
        return done.stdout

    def world(self) -> World:
        """Everybody outside."""
        return World(self.local)

    def sent(self) -> list[Mapping[str, Any]]:
        """Everything that went out, oldest first."""
        file = self.state / "outbox.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
