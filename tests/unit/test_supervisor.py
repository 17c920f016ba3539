"""The supervisor, on real processes: order, readiness, restarts, and that nothing outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from hub.errors import Misconfigured
from hub.servers import process, supervisor
from hub.servers.guard import StateLock
from hub.servers.process import Child, Spec
from hub.servers.supervisor import Happening, Supervisor

ROOT = Path(__file__).parents[2]

SLEEP = "import time; time.sleep(600)"

# Says that it is up, then waits for the end; writes both into one file, so that the order can be read.
GOOD = """
import pathlib, signal, sys
name, home = sys.argv[1], pathlib.Path(sys.argv[2])
def note(what):
    with (home / "order").open("a") as file: file.write(f"{what} {name}\\n")
def leave(*_):
    note("stop"); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print(name, "is up", flush=True)
note("start"); (home / f"{name}.up").touch()
while True: signal.pause()
"""


def good(
    home: Path,
    name: str,
    *,
    after: tuple[str, ...] = (),
    code: str = GOOD,
    ready_timeout: float = 20.0,
    stop_timeout: float = 10.0,
) -> Spec:
    """A process that is ready when its file is there."""
    up = home / f"{name}.up"

    async def ready() -> bool:
        return up.exists()

    async def prepare() -> None:
        up.unlink(missing_ok=True)

    return Spec(
        name=name,
        argv=[sys.executable, "-I", "-S", "-c", code, name, str(home)],
        env={},
        ready=ready,
        prepare=prepare,
        after=after,
        ready_timeout=ready_timeout,
        stop_timeout=stop_timeout,
    )


def order(home: Path) -> list[str]:
    """What the processes noted, in order."""
    return (home / "order").read_text().splitlines()


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until this holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.01)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restarts in hundredths of a second."""
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_DELAY", 0.04)


async def test_starts_in_order_and_stops_in_reverse(tmp_path: Path) -> None:
    specs = [
        good(tmp_path, "web", after=("worker",)),
        good(tmp_path, "kafka"),
        good(tmp_path, "worker", after=("kafka",)),
    ]
    told: list[Happening] = []
    hub = Supervisor(specs, state=tmp_path, log=told.append)
    await hub.start()
    await hub.stop()
    up = [f"start {name}" for name in ("kafka", "worker", "web")]
    down = [f"stop {name}" for name in ("web", "worker", "kafka")]
    assert order(tmp_path) == up + down
    assert [t.name for t in told if t.kind == "ready"] == ["kafka", "worker", "web"]
    assert next(t.text for t in told if t.kind == "ready").startswith("kafka ready in 0.")
    assert (tmp_path / "log" / "kafka.log").read_text() == "kafka is up\n"
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; print('half a word'); sys.exit('no such topic')", "ended with exit code 1"),
        ("import os; print('no such topic', flush=True); os.kill(os.getpid(), 9)", "died (signal 9)"),
        ("print('no such topic', flush=True); import time; time.sleep(60)", "gave no answer within 0.5 s"),
    ],
)
async def test_what_never_gets_ready_is_told_with_its_log(tmp_path: Path, code: str, why: str) -> None:
    specs = [good(tmp_path, "redis"), good(tmp_path, "worker", after=("redis",), code=code, ready_timeout=0.5)]
    hub = Supervisor(specs, state=tmp_path)
    with pytest.raises(Misconfigured) as caught:
        await hub.start()
    assert f"worker {why}" in str(caught.value)
    assert "no such topic" in str(caught.value)
    assert str(tmp_path / "log" / "worker.log") in caught.value.advice
    assert order(tmp_path) == ["start redis", "stop redis"]
    assert hub.pid("worker") is None


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    spec = replace(good(tmp_path, "kafka"), argv=["no-such-program"])
    with pytest.raises(Misconfigured, match="cannot run no-such-program: No such file"):
        await Supervisor([spec], state=tmp_path).start()


async def test_an_answer_of_another_server_is_not_taken_for_ours(tmp_path: Path) -> None:
    child = Child(good(tmp_path, "kafka", code="raise SystemExit(3)"), tmp_path)
    await child.start()
    (tmp_path / "kafka.up").touch()
    await child.wait()
    with pytest.raises(Misconfigured, match="exit code 3"):
        await child.until_ready()


@pytest.mark.usefixtures("fast")
async def test_what_dies_is_started_again(tmp_path: Path) -> None:
    told: list[Happening] = []
    hub = Supervisor([good(tmp_path, "worker-0")], state=tmp_path, log=told.append)
    await hub.start()
    first = hub.pid("worker-0")
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: [t.kind for t in told].count("ready") == 2)
    assert hub.pid("worker-0") not in {first, None}
    assert [t.text for t in told if t.kind == "died"] == ["worker-0 died (signal 9), restarting in 0.01 s"]
    await hub.stop()
    assert order(tmp_path) == ["start worker-0", "start worker-0", "stop worker-0"]


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("proven", "delays"), [(30, [0.01, 0.02, 0.04, 0.04]), (0, [0.01, 0.01, 0.01, 0.01])])
async def test_restarts_come_slower_until_one_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proven: float, delays: list[float]
) -> None:
    monkeypatch.setattr(supervisor, "PROVEN_AFTER", proven)
    told: list[Happening] = []
    hub = Supervisor([good(tmp_path, "worker")], state=tmp_path, log=told.append)
    await hub.start()

    def died() -> list[float]:
        return [t.seconds for t in told if t.kind == "died"]

    for count in range(1, 5):
        await until(lambda: hub.pid("worker") is not None and [t.kind for t in told][-1] == "ready")
        os.kill(hub.pid("worker") or 0, signal.SIGKILL)
        await until(lambda count=count: len(died()) == count)  # type: ignore[misc]
    await hub.stop()
    assert died() == delays


@pytest.mark.usefixtures("fast")
async def test_a_failed_restart_is_tried_again(tmp_path: Path) -> None:
    faults = iter([None, "port 9092 is in use", "port 9092 is in use", None])

    async def prepare() -> None:
        if fault := next(faults):
            raise Misconfigured(fault)

    told: list[Happening] = []
    hub = Supervisor([replace(good(tmp_path, "kafka"), prepare=prepare)], state=tmp_path, log=told.append)
    await hub.start()
    os.kill(hub.pid("kafka") or 0, signal.SIGKILL)
    await until(lambda: [t.kind for t in told].count("ready") == 2)
    await hub.stop()
    assert [t.text for t in told if t.kind == "died"] == [
        "kafka died (signal 9), restarting in 0.01 s",
        "kafka port 9092 is in use, restarting in 0.02 s",
        "kafka port 9092 is in use, restarting in 0.04 s",
    ]


async def test_what_will_not_stop_is_killed(tmp_path: Path) -> None:
    deaf = GOOD.replace("signal.signal(signal.SIGTERM, leave)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    told: list[Happening] = []
    hub = Supervisor([good(tmp_path, "deaf", code=deaf, stop_timeout=0.2)], state=tmp_path, log=told.append)
    await hub.start()
    await hub.stop()
    assert told[-1].text == "deaf did not stop in 0.2 s, killed"
    assert hub.pid("deaf") is None


async def test_a_wish_to_stop_ends_a_start_in_progress(tmp_path: Path) -> None:
    hub = Supervisor([good(tmp_path, "slow", code="import time; time.sleep(600)")], state=tmp_path)
    running = asyncio.create_task(hub.run())
    await until(lambda: hub.pid("slow") is not None)
    hub.ask_to_stop()
    await asyncio.wait_for(running, 10)
    assert hub.pid("slow") is None


async def test_a_second_hub_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    hub = Supervisor([good(tmp_path, "redis")], state=tmp_path)
    await hub.start()
    with pytest.raises(Misconfigured, match=f"another hub \\(pid {os.getpid()}\\)"):
        await Supervisor([good(tmp_path, "redis")], state=tmp_path).start()
    assert hub.pid("redis")
    await hub.stop()
    lock = StateLock(tmp_path)
    lock.take()
    lock.release()


@pytest.fixture
def sleepers() -> Iterator[tuple[int, int]]:
    """Two processes that nobody has to do with."""
    sleep = [sys.executable, "-I", "-S", "-c", SLEEP]
    started = [subprocess.Popen(sleep, start_new_session=True) for _ in range(2)]
    yield started[0].pid, started[1].pid
    for one in started:
        one.kill()
        one.wait()


async def test_leftovers_are_ended_and_strangers_are_not(tmp_path: Path, sleepers: tuple[int, int]) -> None:
    left, stranger = sleepers
    (tmp_path / "run").mkdir()
    process.write_pid(tmp_path / "run" / "kafka.pid", left)
    (tmp_path / "run" / "redis.pid").write_text(f"{stranger} 12345.0\n")
    (tmp_path / "run" / "worker.pid").write_text("garbage")
    told: list[Happening] = []
    hub = Supervisor([good(tmp_path, "kafka")], state=tmp_path, log=told.append)
    await hub.start()
    await hub.stop()
    assert told[0].text == "kafka was left by a killed hub, ended it"
    assert not psutil.pid_exists(left)
    assert psutil.pid_exists(stranger)


CHILD = f"import subprocess; subprocess.Popen([sys.executable, '-I', '-S', '-c', '{SLEEP}', str(home)]); "
PARENT = GOOD.replace('note("start")', CHILD + 'note("start")')


def mentioning(home: Path) -> list[psutil.Process]:
    """Every running process that has this folder among its arguments."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.pid != os.getpid() and str(home) in one.cmdline() and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except psutil.Error:
            continue
    return found


async def test_what_a_child_leaves_behind_goes_too(tmp_path: Path) -> None:
    child = Child(good(tmp_path, "worker", code=PARENT), tmp_path)
    await child.start()
    await child.until_ready()
    assert len(mentioning(tmp_path)) == 2
    os.kill(child.pid or 0, signal.SIGKILL)
    await child.wait()
    await until(lambda: not mentioning(tmp_path))


HUB = """
import asyncio, pathlib, sys
from tests.unit.test_supervisor import GOOD, PARENT, good
from hub.servers.supervisor import Supervisor
home = pathlib.Path(sys.argv[1])
code = PARENT if sys.argv[2] == "watch" else GOOD
specs = [good(home, "redis", code=code), good(home, "worker", after=("redis",), code=code)]
asyncio.run(Supervisor(specs, state=home).run(after_start=lambda: print("ready", flush=True)))
"""


@pytest.fixture(params=["kernel", "watch"])
def hub_process(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process of its own, all ready; both ways of tying children to it."""
    command = [sys.executable, "-c", HUB, str(tmp_path), request.param]
    env = {**os.environ, "HUB_LAUNCH": request.param, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as running:
        assert running.stdout
        assert running.stdout.readline() == "ready\n"
        yield running
        running.kill()


async def test_kill_9_leaves_no_orphan(tmp_path: Path, hub_process: subprocess.Popen[str]) -> None:
    assert len(mentioning(tmp_path)) > 2
    hub_process.kill()
    await until(lambda: not mentioning(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_everything_in_order(
    tmp_path: Path, hub_process: subprocess.Popen[str], number: signal.Signals
) -> None:
    hub_process.send_signal(number)
    assert hub_process.wait(20) == 0
    assert order(tmp_path) == ["start redis", "start worker", "stop worker", "stop redis"]
    await until(lambda: not mentioning(tmp_path))


async def test_a_new_hub_takes_over_after_kill_9(tmp_path: Path, hub_process: subprocess.Popen[str]) -> None:
    hub_process.kill()
    hub_process.wait(10)
    hub = Supervisor([good(tmp_path, "redis")], state=tmp_path)
    await hub.start()
    await hub.stop()


def test_long_logs_make_room_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ROTATE_ABOVE", 10)
    log = tmp_path / "log" / "kafka.log"
    assert process.rotate(log) == 0
    log.write_text("short")
    assert process.rotate(log) == 5
    log.write_text("a longer story")
    assert process.rotate(log) == 0
    assert (tmp_path / "log" / "kafka.log.1").read_text() == "a longer story"


def test_last_lines_are_those_of_this_run(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n" + "".join(f"line {i}\n" for i in range(100)))
    assert process.last_lines(log, since=4, count=2) == ["line 98", "line 99"]
    assert process.last_lines(log, since=log.stat().st_size) == []
    assert process.last_lines(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ({"a": ("b",), "b": ("a",)}, "wait for each other"),
        ({"a": ("kafka",)}, "nothing is called kafka"),
    ],
)
def test_an_impossible_order_is_refused(tmp_path: Path, needs: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Supervisor([good(tmp_path, name, after=after) for name, after in needs.items()], state=tmp_path)
