"""Heavy work beside a loop: the collector rests, threads give way soon, and all is as before when it is over."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from hub.beside import GIVE_WAY, MANY, beside, let_go, quiet


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_the_collector_rests_and_threads_give_way_while_it_lasts() -> None:
    before = sys.getswitchinterval()
    with quiet():
        assert not gc.isenabled()
        assert sys.getswitchinterval() == pytest.approx(min(GIVE_WAY, before))
        with quiet():
            pass
        assert not gc.isenabled(), "the first is still at work"
    assert gc.isenabled()
    assert sys.getswitchinterval() == pytest.approx(before)


def test_all_is_as_before_when_the_work_fails() -> None:
    with pytest.raises(ZeroDivisionError), quiet():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with quiet():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(("made", "spared"), [(2 * MANY, True), (10, False)])
def test_much_that_was_made_is_not_looked_at_again(made: int, spared: bool) -> None:
    gc.collect()
    before = gc.get_freeze_count()
    with quiet():
        kept = [[number] for number in range(made)]
    assert (gc.get_freeze_count() - before >= made) is spared
    assert len(kept) == made


async def test_it_is_done_in_a_thread_and_the_loop_goes_on() -> None:
    began, go_on = threading.Event(), threading.Event()

    def work(word: str) -> tuple[str, int]:
        began.set()
        assert go_on.wait(5), "the loop stood still"
        return word, threading.get_ident()

    doing = asyncio.create_task(beside(work, "done"))
    assert await asyncio.to_thread(began.wait, 5)
    go_on.set()
    word, thread = await doing
    assert word == "done"
    assert thread != threading.get_ident()


async def test_pieces_of_work_are_done_one_after_another() -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.01)  # any other would begin meanwhile
        with lock:
            at_once -= 1

    await asyncio.gather(*[beside(work) for _ in range(5)])
    assert most == 1


async def test_what_it_raises_is_raised() -> None:
    def fail(word: str) -> None:
        raise KeyError(word)

    with pytest.raises(KeyError, match="nothing"):
        await beside(fail, "nothing")
    assert gc.isenabled()


def test_a_large_table_is_emptied_bit_by_bit() -> None:
    gone: list[int] = []

    class Heavy:
        def __init__(self, number: int) -> None:
            self.number = number

        def __del__(self) -> None:
            gone.append(len(table))

    table = {number: Heavy(number) for number in range(3)}
    let_go(table)
    assert gone == [2, 1, 0]
