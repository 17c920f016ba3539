"""Declarations as the store has them, and who starts a rebuild when the folders have others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hub.settings import Settings
from rules.book import Book, Folders
from streams import redeclare
from streams.declared import Declarations
from streams.redeclare import Redeclarer

VISITS = "id: visits\nname: {name}\non: web.page\ncompute: {compute}\n"


class Store:
    """A store that keeps what it is folded with."""

    one_server = True

    def __init__(self) -> None:
        self.said = b""

    async def declared(self, offer: bytes) -> bytes:
        self.said = self.said or offer
        return self.said


class Started:
    """A rebuild that was started."""

    def __init__(self) -> None:
        self.returncode: int | None = None


def write(folder: Path, text: str) -> None:
    (folder / "traits").mkdir(exist_ok=True)
    (folder / "traits" / "one.yaml").write_text(text)


async def test_what_the_store_says_is_in_force_on_every_worker(tmp_path: Path) -> None:
    store, settings = Store(), Settings(state=tmp_path)
    write(tmp_path, VISITS.format(name="Visits", compute="count"))
    one = Declarations(settings)
    await one.adopt(store)
    assert list(one().folding.features) == ["web.page"]
    (tmp_path / "traits" / "one.yaml").unlink()
    other = Declarations(settings)
    await other.adopt(store)
    assert list(other().folding.features) == ["web.page"]
    assert other.pending
    assert not one.pending
    store.said = b""
    await one.adopt(store)
    assert list(one().folding.features) == ["web.page"], "it has not looked at the folder again"
    await other.adopt(store)
    assert not one.pending


def test_names_and_notes_change_nothing_and_a_mistake_neither(tmp_path: Path) -> None:
    write(tmp_path, VISITS.format(name="Visits", compute="count"))
    folders = Folders(tmp_path / "traits", tmp_path / "segments")
    version = folders.book.version
    assert Book.from_json(folders.book.to_json()).version == version
    assert not folders.look()
    write(tmp_path, VISITS.format(name="How often they came", compute="count"))
    folders.look()
    assert folders.book.version == version
    write(tmp_path, VISITS.format(name="Visits", compute="counting"))
    assert folders.look()
    assert not folders.sound
    assert "one.yaml:4: compute" in str(folders.problems[0])


async def test_another_type_waits_until_the_store_is_folded_with_it(tmp_path: Path) -> None:
    store, settings = Store(), Settings(state=tmp_path)
    write(tmp_path, "{id: age, name: Age, type: number}\n")
    one = Declarations(settings)
    await one.adopt(store)
    write(tmp_path, "{id: age, name: Age, type: integer, max: 130}\n")
    assert one.folders.look()
    assert one.pending
    assert one().folding.types["age"].kind == "number"
    store.said = one.folders.book.to_json()  # a rebuild took the old store's place
    await one.adopt(store)
    assert not one.pending
    assert one().folding.types["age"].read("۱۳۱") == (None, ("most", 130))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    found: list[Started] = []

    async def start(*_: Any) -> Started:
        found.append(Started())
        return found[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(redeclare, "AFTER", 0.0)
    monkeypatch.setattr(redeclare, "PAUSE", 0.0)
    return found


async def test_one_worker_starts_one_rebuild_for_what_is_meant(tmp_path: Path, started: list[Started]) -> None:
    store, settings = Store(), Settings(state=tmp_path)
    declarations = Declarations(settings)
    await declarations.adopt(store)
    leader = Redeclarer(declarations, store, lambda: frozenset({0, 1}))  # type: ignore[arg-type]
    other = Redeclarer(declarations, store, lambda: frozenset({2}))  # type: ignore[arg-type]
    await leader.look()
    write(tmp_path, VISITS.format(name="Visits", compute="count"))
    await leader.look()
    assert not started, "it may be half written"
    for _ in range(3):
        await leader.look()
        await other.look()
    assert len(started) == 1
    started[0].returncode = 1
    for _ in range(3):
        await leader.look()
    assert len(started) == 2, "one that failed is tried again"
    store.said = declarations.folders.book.to_json()
    await declarations.adopt(store)
    started[1].returncode = 0
    for _ in range(3):
        await leader.look()
    assert len(started) == 2
    write(tmp_path, "id: broken\n")
    for _ in range(3):
        await leader.look()
    assert len(started) == 2, "a mistake builds nothing"
