"""One child process: how it is described, started, watched and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from hub.errors import Misconfigured
from hub.servers import launch

ROTATE_ABOVE = 10 * 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
LINES_SHOWN = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What to run, when it counts as ready, and what must be ready before it.

    `env` is added to our own environment; `ready` is asked again and again; `prepare` runs before every start and
    may raise Misconfigured; times are in seconds.
    """

    name: str
    argv: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str]
    stop_timeout: float = 10.0
    after: Sequence[str] = ()
    ready_timeout: float = 60.0
    prepare: Callable[[], Awaitable[None]] | None = None


def launched(argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` so that it dies with the calling process."""
    # -I -S: a bare interpreter, 15 ms, deaf to PYTHONPATH and to whatever lies in the current folder.
    return [sys.executable, "-I", "-S", str(launch.__file__), str(os.getpid()), *argv]


class Child:
    """A running Spec: its log, its pid file and its end."""

    def __init__(self, spec: Spec, state: Path) -> None:
        self.spec = spec
        self.log = state / "log" / f"{spec.name}.log"
        self.pid_file = state / "run" / f"{spec.name}.pid"
        self._process: asyncio.subprocess.Process | None = None
        self._log_from = 0
        self._swept = True
        self._started_at = self._ready_at = self._ended_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def held(self) -> float:
        """For how many seconds its last run worked, from ready to its end."""
        return self._ended_at - self._ready_at if self._ready_at else 0.0

    async def start(self) -> None:
        """Start the process; its output goes to its log file."""
        self._ready_at = 0.0
        if self.spec.prepare:
            await self.spec.prepare()
        self._log_from = rotate(self.log)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self._started_at = time.monotonic()
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *launched(self.spec.argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.spec.env},
                # An own group: Ctrl-C reaches only us, and we end the children in their order.
                start_new_session=True,
            )
        self._swept = False
        write_pid(self.pid_file, self._process.pid)

    async def until_ready(self) -> float:
        """Ask until it answers; seconds since its start. Misconfigured when it dies or takes too long."""
        asking = asyncio.ensure_future(self._ask())
        ending = asyncio.ensure_future(self.wait())
        try:
            done, _ = await asyncio.wait(
                {asking, ending}, timeout=self.spec.ready_timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (asking, ending):
                if not task.done():
                    task.cancel()
        # The end comes first: what answered may be another server on our port.
        if ending in done:
            raise self._failure(f"{self.spec.name} {ended(ending.result())} before it was ready")
        if asking in done:
            asking.result()  # a fault in `ready` itself is ours to see
            self._ready_at = time.monotonic()
            return self._ready_at - self._started_at
        raise self._failure(f"{self.spec.name} gave no answer within {self.spec.ready_timeout:g} s")

    async def wait(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        if not self._process:
            return 0
        code = await self._process.wait()
        if not self._swept:
            self._sweep(self._process.pid)
        return code

    async def stop(self) -> bool:
        """End it politely, by force after its time; True when force was needed."""
        if self.pid is None:
            return False
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.spec.stop_timeout):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()
            return True
        return False

    def kill(self) -> None:
        """End it and everything it started, at once."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def _ask(self) -> None:
        pause = FIRST_PAUSE
        while not await self.spec.ready():
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self._process:
                self._process.send_signal(number)

    def _sweep(self, group: int) -> None:
        """Take along what the process started and left behind; once, the number may soon be another's."""
        self._swept = True
        self._ended_at = time.monotonic()
        self.pid_file.unlink(missing_ok=True)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)

    def _failure(self, what: str) -> Misconfigured:
        lines = last_lines(self.log, self._log_from)
        said = "\n".join(f"    {line}" for line in lines) if lines else "    (it wrote nothing)"
        advice = f"Its last words are above, all of them in {self.log}."
        return Misconfigured(f"{what}. The end of its log:\n{said}", f"{advice} Then run `hub doctor`.")


def ended(code: int) -> str:
    """How a process ended, in words."""
    return f"died (signal {-code})" if code < 0 else f"ended with exit code {code}"


def rotate(log: Path) -> int:
    """Make room for a new run's output, and tell where in the file it begins."""
    log.parent.mkdir(parents=True, exist_ok=True)
    size = log.stat().st_size if log.exists() else 0
    if size > ROTATE_ABOVE:
        log.replace(log.with_suffix(".log.1"))
        return 0
    return size


def last_lines(log: Path, since: int = 0, count: int = LINES_SHOWN) -> list[str]:
    """The last lines that a log got since this place, without Java's stack frames: the cause is above them."""
    with suppress(FileNotFoundError), log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since, size - 16_384))
        lines = file.read().decode(errors="replace").splitlines()
        return [line for line in lines if not line.startswith("\tat ")][-count:]
    return []


def write_pid(file: Path, pid: int) -> None:
    """Remember which process this is: its number, and when it began, since numbers are used again."""
    with suppress(psutil.NoSuchProcess):
        fresh = file.with_suffix(".new")
        fresh.write_text(f"{pid} {psutil.Process(pid).create_time()}\n")
        fresh.replace(file)  # whoever reads it finds the old one or the new one, never half of one


def end_leftovers(state: Path) -> list[str]:
    """Kill what an earlier, killed supervisor left running on this state folder; their names."""
    names = []
    for file in sorted((state / "run").glob("*.pid")):
        process = _leftover(file)
        if process:
            names.append(file.stem)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            psutil.wait_procs([process], timeout=10)
        file.unlink(missing_ok=True)
    return names


def _leftover(file: Path) -> psutil.Process | None:
    try:
        pid, born = file.read_text().split()
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(born)) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (ValueError, OSError, psutil.Error):
        return None
    return process if same else None
