"""The spool: what it took survives, leaves in order, and never blocks for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from channels import frames, spool
from channels.frames import Record
from channels.spool import Spool
from hub.errors import Misconfigured, Transient
from tests.waiting import until

LIMIT = 10_000_000


def record(number: int, key: str = "phone:+4915112345678") -> Record:
    return Record("interactions", key, f"event {number}".encode(), 1_769_860_800.0 + number)


class Kafka:
    """Takes records, or refuses."""

    def __init__(self) -> None:
        self.away = False
        self.got: list[Record] = []

    async def take(self, records: Sequence[Record]) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise Transient("away")
        self.got += records


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def opened(folder: Path, limit: int = LIMIT) -> Spool:
    one = Spool(folder, limit)
    one.open()
    return one


async def drained(one: Spool, kafka: Kafka, seconds: float = 5) -> None:
    """Drain until nothing waits."""
    task = asyncio.create_task(one.drain(kafka.take))
    await until(lambda: not one.depth and not files(one._folder), seconds)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_PAUSE", 0.01)


async def test_what_was_kept_leaves_in_order(tmp_path: Path) -> None:
    one, kafka = opened(tmp_path), Kafka()
    for number in range(0, 3_000, 3):
        await one.append([record(number), record(number + 1), record(number + 2)])
    assert one.depth == 3_000
    await drained(one, kafka)
    assert kafka.got == [record(number) for number in range(3_000)]
    assert not files(tmp_path)
    await one.close()


async def test_it_survives_a_kill(tmp_path: Path) -> None:
    """No close: the process is gone between two instructions."""
    first = opened(tmp_path)
    await asyncio.gather(*(first.append([record(number)]) for number in range(100)))
    assert first._lock is not None
    os.close(first._lock)  # what the kernel does
    second = opened(tmp_path)
    assert second.depth == 100
    await second.append([record(100)])
    third_kafka = Kafka()
    await drained(second, third_kafka)
    assert third_kafka.got == [record(number) for number in range(101)]
    await second.close()


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 30])
async def test_a_torn_end_is_left_out(tmp_path: Path, cut: int) -> None:
    first = opened(tmp_path)
    await first.append([record(number) for number in range(10)])
    await first.close()
    (file,) = files(tmp_path)
    os.truncate(file, file.stat().st_size - cut)
    second, kafka = opened(tmp_path), Kafka()
    assert second.depth == 9
    await second.append([record(99)])
    await drained(second, kafka)
    assert kafka.got == [*(record(number) for number in range(9)), record(99)]
    await second.close()


@given(noise=st.binary(min_size=1, max_size=60))
@how(max_examples=100, deadline=None)
def test_noise_behind_the_records_is_no_record(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "x.spool"
    good = record(1).pack() + record(2).pack()
    path.write_bytes(good + noise)
    assert [one for one, _ in frames.read(path, 0)][:2] == [record(1), record(2)]
    assert len(list(frames.read(path, 0))) == 2


async def test_while_kafka_is_away_it_keeps_and_later_gives(tmp_path: Path) -> None:
    one, kafka = opened(tmp_path), Kafka()
    kafka.away = True
    task = asyncio.create_task(one.drain(kafka.take))
    for number in range(50):
        await one.append([record(number)])
    await asyncio.sleep(0.05)
    assert one.depth == 50
    kafka.away = False
    await until(lambda: not one.depth)
    assert kafka.got == [record(number) for number in range(50)]
    task.cancel()
    await one.close()


async def test_appending_while_it_drains_loses_nothing(tmp_path: Path) -> None:
    one, kafka = opened(tmp_path), Kafka()
    task = asyncio.create_task(one.drain(kafka.take))
    for number in range(300):
        await one.append([record(number)])
        if number % 7 == 0:
            await asyncio.sleep(0.002)
    await until(lambda: not one.depth)
    assert kafka.got == [record(number) for number in range(300)]
    task.cancel()
    await one.close()


async def test_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_SEGMENT", 200)
    one, kafka = opened(tmp_path), Kafka()
    for number in range(40):
        await one.append([record(number)])
    assert len(files(tmp_path)) > 5
    await one.close()
    again = opened(tmp_path)
    await again.append([record(40)])
    await drained(again, kafka)
    assert kafka.got == [record(number) for number in range(41)]
    await again.close()


async def test_a_full_spool_says_come_again(tmp_path: Path) -> None:
    one = opened(tmp_path, limit=300)
    for number in range(6):
        await one.append([record(number)])
    with pytest.raises(Transient, match="full"):
        await one.append([record(100)])
    kept = one.depth
    assert 0 < kept < 20
    kafka = Kafka()
    await drained(one, kafka)
    assert len(kafka.got) == kept
    await one.append([record(1)])
    await one.close()


async def test_no_space_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a record on the disk, then the error: nothing of it may be taken for a record later."""
    one, kafka = opened(tmp_path), Kafka()
    await one.append([record(0)])
    real = os.write

    def full(file: int, data: memoryview) -> int:
        if len(data) > 10:
            return real(file, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Transient, match="No space left"):
        await one.append([record(1)])
    assert one.depth == 1
    monkeypatch.setattr(os, "write", real)
    await one.append([record(2)])
    await drained(one, kafka)
    assert kafka.got == [record(0), record(2)]
    await one.close()


async def test_a_damaged_file_does_not_stop_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_SEGMENT", 1)
    one, kafka = opened(tmp_path), Kafka()
    for number in range(3):
        await one.append([record(number)])
    first, second, _ = files(tmp_path)
    first.write_bytes(b"\0" * first.stat().st_size)
    second.unlink()
    task = asyncio.create_task(one.drain(kafka.take))
    await until(lambda: kafka.got)
    assert kafka.got == [record(2)]
    task.cancel()
    await one.close()


async def test_two_gateways_cannot_share_one(tmp_path: Path) -> None:
    one = opened(tmp_path)
    with pytest.raises(Misconfigured, match="another gateway"):
        opened(tmp_path)
    await one.close()
    await opened(tmp_path).close()


async def test_a_group_shares_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = opened(tmp_path)
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", calls.append)
    await asyncio.gather(*(one.append([record(number)]) for number in range(200)))
    assert len(calls) < 10
    assert one.depth == 200
    await one.close()
