"""`hub customer rebuild`: all customers again from the log, beside those in use, without a break."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from hub.errors import Misconfigured, Transient
from hub.settings import Settings, read
from profile_store.connect import Server, connect_server, install
from profile_store.copies import Copies
from profile_store.generations import Generations
from profile_store.keys import Keys
from profile_store.ledger import Ledger
from rules.book import Book, Folders
from streams.rebuild import Progress, Rebuild
from streams.share import bulk
from streams.snapshot import Snapshot, Taking, load, newest, opened
from streams.topic import Described, describe

console = Console(highlight=False, soft_wrap=True)
LINE_EVERY = 5.0
"""Seconds between lines where there is no terminal."""
LOOK_EVERY = 2.0
"""Seconds between looks at how far several processes are."""
MUCH = 50_000
"""Events from which several processes are quicker than one; they take two seconds to begin."""
MOST_HANDS = 4
ALIVE_EVERY = 1.0
GENTLE = 10
"""By how much a rebuild that nobody waits for gives way to the workers."""
SETTLE = 2.0
"""Seconds until nobody reads the former store any more."""


class Shown:
    """What a rebuild tells people: a bar on a terminal, lines elsewhere."""

    def __init__(self, bar: Bar | None) -> None:
        self._bar = bar
        self._task = None if bar is None else bar.add_task("reading the log", total=None)
        self._said = 0.0

    def __call__(self, now: Progress) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=now.done, total=max(now.total, now.done))
        elif now.seconds - self._said > LINE_EVERY:
            self._said = now.seconds
            console.print(f"{now.done:,} of {max(now.total, now.done):,} events read")


@contextlib.contextmanager
def shown() -> Iterator[Shown]:
    """Tell people how far it is."""
    if not console.is_terminal:
        yield Shown(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        yield Shown(bar)


async def rebuild_all(settings: Settings, *, resume: bool = False, snapshot: Path | None = None) -> Progress:
    """Build a new generation, put it in use, and remove those before it."""
    client, lot = connect_server(settings), token_hex(8)
    try:
        await install(client)
        generations = Generations(client, settings.group)
        await generations.claim(lot, alone=False)
        return await _rebuild(settings, client, generations, lot, resume=resume, snapshot=snapshot)
    finally:
        await client.aclose()


async def rebuild_changed(settings: Settings) -> Progress | None:
    """The same, but only if the folders have other declarations than are in force, and no other rebuild lives."""
    client, lot = connect_server(settings), token_hex(8)
    try:
        await install(client)
        generations = Generations(client, settings.group)
        now = await generations.declared(Keys((await generations.standing()).current))
        if now is not None and (await declared(settings, generations)).version == Book.from_json(now).version:
            console.print("the declarations in force are those of the folders")
            return None
        if not await generations.claim(lot, alone=True):
            console.print("another rebuild is under way")
            return None
        return await _rebuild(settings, client, generations, lot)
    finally:
        await client.aclose()


async def _rebuild(
    settings: Settings,
    client: Server,
    generations: Generations,
    lot: str,
    *,
    resume: bool = False,
    snapshot: Path | None = None,
) -> Progress:
    described = await asyncio.to_thread(describe, settings)
    now = await generations.standing()
    if resume and now.building is not None and await generations.marks(Keys(now.building)):
        at = Keys(now.building)
    else:
        book = await declared(settings, generations)
        found = None if snapshot is None else opened(settings, snapshot, book.version)
        at = await generations.begin(book.to_json())
        if found is not None:
            count = await load(found, Copies(client, at, settings.group))
            console.print(f"{count:,} places of the store taken from {snapshot}")
    with shown() as tell:
        rebuild = Rebuild(settings, Ledger(client, settings.group), generations, described, tell)
        async with _alive(generations, lot, rebuild.progress):
            await _together(settings, rebuild, at, described, tell)
            progress = await rebuild.run(at)
    rate = progress.done / max(progress.seconds, 0.001)
    console.print(
        f"[green]rebuilt[/] from {progress.done:,} events in {progress.seconds:.1f} s ({rate:,.0f}/s); "
        f"workers were held for {progress.held * 1000:.0f} ms"
    )
    if progress.moved:
        console.print(f"{progress.moved:,} memberships of segments changed by other declarations")
    await _clean(generations)
    return progress


async def declared(settings: Settings, generations: Generations) -> Book:
    """The declarations to build with: those of the folders; when something is wrong there, those in force."""
    folders = Folders(settings.traits_dir, settings.segments_dir)
    now = await generations.declared(Keys((await generations.standing()).current))
    if folders.sound or now is None:
        return folders.book
    for problem in folders.problems:
        console.print(f"[red]{problem}[/]")
    console.print("traits and segments stay as they are in force")
    return Book.from_json(now)


@contextlib.asynccontextmanager
async def _alive(generations: Generations, lot: str, progress: Progress) -> AsyncIterator[None]:
    """Say again and again that this rebuild lives, and how far it is."""

    async def say() -> None:
        while True:
            with contextlib.suppress(Transient):
                await generations.alive(lot, progress.done, progress.total)
            await asyncio.sleep(ALIVE_EVERY)

    saying = asyncio.create_task(say())
    try:
        yield
    finally:
        saying.cancel()
        with contextlib.suppress(Transient):
            await generations.over(lot)


async def _together(settings: Settings, rebuild: Rebuild, at: Keys, described: Described, tell: Shown) -> None:
    """Read what is much with several processes, each some of the partitions; the rest is for one alone."""
    progress = rebuild.progress
    missing = progress.total = await rebuild.missing(at)
    hands = min(os.cpu_count() or 1, len(described.partitions), MOST_HANDS)
    if missing < MUCH or hands < 2:
        return
    parts = [Described(described.id, described.partitions[number::hands]) for number in range(hands)]
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(hands, mp_context=get_context("spawn")) as pool:
        waiting = {asyncio.ensure_future(loop.run_in_executor(pool, bulk, settings, at, part)) for part in parts}
        while waiting:
            done, waiting = await asyncio.wait(waiting, timeout=LOOK_EVERY)
            for one in done:
                one.result()
            progress.done = missing - await rebuild.missing(at) if waiting else missing
            tell(progress)


async def _clean(generations: Generations) -> None:
    old = (await generations.standing()).old
    if old:
        await asyncio.sleep(SETTLE)
    for number in old:
        counts = [count async for count in generations.remove(number)]
        console.print(f"removed {counts[-1]:,} keys of the store before")


def rebuild(
    all_: Annotated[bool, typer.Option("--all", help="All customers.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a rebuild that was interrupted.")] = False,
    from_snapshot: Annotated[
        bool, typer.Option("--from-snapshot", help="Begin with the newest snapshot, not with the log's beginning.")
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="The snapshot to begin with, if not the newest.")] = None,
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Only if other traits or segments are declared than in force.")
    ] = False,
) -> None:
    """Build all customers again from the log, beside those in use, and put them in their place.

    Nothing is sent, nobody waits: workers and desk go on, and change over within a second.

    Example: hub customer rebuild --all
    """
    if not all_:
        raise Misconfigured("What is to be rebuilt?", "All of it: hub customer rebuild --all")
    settings = read()
    if if_changed:
        os.nice(GENTLE)
        asyncio.run(rebuild_changed(settings))
        return
    snapshot = folder or newest(settings) if from_snapshot else None
    asyncio.run(rebuild_all(settings, resume=resume, snapshot=snapshot))


async def take(settings: Settings, folder: Path | None = None) -> Snapshot:
    """Write a snapshot of the store in use; into `<state>/snapshots/<time>` unless told otherwise."""
    client = connect_server(settings)
    try:
        await install(client)
        described = await asyncio.to_thread(describe, settings)
        taking = Taking(
            settings,
            Ledger(client, settings.group),
            Generations(client, settings.group),
            described,
            lambda at: Copies(client, at, settings.group),
        )
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        return await taking.take(folder or settings.state / "snapshots" / now)
    finally:
        await client.aclose()


def snapshot(to: Annotated[Path | None, typer.Option(help="The folder to write.")] = None) -> None:
    """Write all customers as they are now into files, so that a rebuild need not begin at the log's beginning.

    Example: hub customer snapshot
    """
    done = asyncio.run(take(read(), to))
    console.print(
        f"[green]{done.folder}[/]: {done.places:,} places of the store; workers were held for {done.held * 1000:.0f} ms"
    )


def register(app: typer.Typer) -> None:
    """Add the commands about all customers to `hub customer`."""
    app.command()(rebuild)
    app.command()(snapshot)
