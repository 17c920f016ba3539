"""Typed traits from the worker to the desk: through batches and the store's form to the API, the page and the shell."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from desk.labels import UNFIT, UNFIT_TYPES
from desk.places import NOWHERE
from hub.cli import customer as shell
from hub.event import Event
from hub.ids import customer_id
from hub.settings import Settings
from hub.traits import REASONS, Kind
from profile_store import keys
from profile_store.document import profile_of
from streams.declared import Declarations
from tests.browser.kit import Kit, kit
from tests.unit.memory import Memory, incoming
from tests.unit.test_processor import Bench
from tests.unit.test_traits import DECLARED, said

ANNA = customer_id("user_id:u1")
EVENTS = (
    said(1, name="Anna Berg", age="۴۱", tier="Gold card", hobby="chess"),
    said(2, age="۱۳۱", birthday="soon", tier="bronze"),
    said(3, premium="بله", essay="x" * 1001),
)
SETTLED = said(4, age=42, birthday="1984-05-06", tier="silver", essay="short")


class Worker(Bench):
    """A worker with the declarations of a folder, and the store it writes."""

    def __init__(self, state: Path) -> None:
        self.store = Memory()
        super().__init__(self.store)
        self.pipeline._declared = Declarations(Settings(state=state))
        self.offset = 0

    async def tell(self, desk: Kit, *events: Event) -> None:
        """Apply events, and let the desk see what the store has then."""
        batch = [incoming(event, self.offset + number) for number, event in enumerate(events)]
        self.offset += len(events)
        await self.pipeline.run(batch, [])
        desk.store.add(profile_of(self.store.values[keys.profile(ANNA)]))


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    (tmp_path / "traits").mkdir()
    (tmp_path / "traits" / "all.yaml").write_text(DECLARED, encoding="utf-8")
    return Worker(tmp_path)


async def test_the_api_tells_what_is_kept_and_what_is_not(tmp_path: Path, worker: Worker) -> None:
    async with kit(state=tmp_path) as desk:
        await worker.tell(desk, *EVENTS)
        body = (await desk.ask("GET", f"/api/v1/customers/{ANNA}")).json()
    kept = {name: one["value"] for name, one in body["traits"].items()}
    assert kept.pop("essay") == "x" * 1000
    assert kept == {"name": "Anna Berg", "age": 41, "tier": "gold", "hobby": "chess", "premium": True}
    texts = {name: one["text"] for name, one in body["unfit"].items()}
    assert texts == {
        "age": "age must be at most 130",
        "birthday": "birthday is no date",
        "essay": "essay is longer: only the first 1000 characters are kept",
        "tier": "tier must be one of: gold, silver",
    }
    assert body["unfit"]["age"] == {
        **{"value": "۱۳۱", "source": "web.identify", "time": "2026-01-01T00:00:02.000Z"},
        **{"reason": "most", "limit": 130, "text": "age must be at most 130"},
    }


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ("Birthday", "is no date", "must be at most 130", "Gold card", "Not taken over")),
        ("fa", ("تاریخ تولد", "تاریخ نیست", "باید حداکثر ۱۳۰ باشد", "طلایی", "پذیرفته نشد")),
    ],
)
async def test_the_page_says_it_in_the_readers_language_until_it_is_settled(
    tmp_path: Path, worker: Worker, language: str, shown: tuple[str, ...]
) -> None:
    async with kit(state=tmp_path, language=language) as desk:
        await worker.tell(desk, *EVENTS)
        headers = {"Accept-Language": language}
        page = (await desk.ask("GET", f"/customers/{ANNA}", headers=headers)).text
        assert [one for one in shown if one not in page] == []
        await worker.tell(desk, SETTLED)
        page = (await desk.ask("GET", f"/customers/{ANNA}", headers=headers)).text
        assert [one for one in shown if one in page] == [shown[0]]


async def test_the_shell_says_it_too(tmp_path: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with kit(state=tmp_path) as desk:
        await worker.tell(desk, *EVENTS, said(5, **{"[b]": "[/x]" * 300}))
    profile = desk.store.profiles[ANNA]
    told = io.StringIO()
    monkeypatch.setattr(shell, "console", Console(file=told, width=300))
    shell.print_profile(profile, Settings(state=tmp_path), NOWHERE)
    for one in (
        "131: age must be at most 130",
        "soon: birthday is no date",
        "bronze: tier must be one of: gold, silver",
    ):
        assert one.replace("131", "۱۳۱") in told.getvalue()
    assert "[b] is longer" in told.getvalue()


def test_every_reason_has_its_words() -> None:
    assert {*UNFIT, "type"} == set(REASONS)
    assert set(UNFIT_TYPES) == set(get_args(Kind))
