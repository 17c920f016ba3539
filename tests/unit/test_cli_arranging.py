"""`hub customer merge` and `unmerge`: what is asked, how long is waited, and the answer in words."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from hub.cli import arranging
from hub.errors import Rejected, Transient
from hub.event import Event
from hub.profile import Link
from hub.settings import Settings
from profile_store import why
from tests.browser import story
from tests.browser.fakes import FakeStore, now_ms

SETTINGS = Settings()
Worker = Callable[[Event], None]


@pytest.fixture
def store() -> FakeStore:
    found = FakeStore()
    story.fill(found)
    return found


def working(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> list[Event]:
    """A worker that decides at once; what it was asked."""
    asked: list[Event] = []

    async def ask(_: Settings, event: Event) -> None:
        asked.append(event)
        worker(event)

    monkeypatch.setattr(arranging, "ask", ask)
    return asked


async def test_merged(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sara, lena = store.profiles["csara"], store.profiles["clena"]

    def worker(event: Event) -> None:
        link: Link = ["joined", now_ms(), event.ref, "by hand", "user_id:u-4711", "email:lena@example.com"]
        sara["links"]["email:lena@example.com\nuser_id:u-4711"] = link
        sara["identities"] |= lena["identities"]
        store.aliases["clena"] = "csara"

    asked = working(monkeypatch, worker)
    said = await arranging.merge(store, SETTINGS, lena, sara, force=True)  # type: ignore[arg-type]
    assert said == "merged: clena is part of csara now, with 6 identities"
    assert (asked[0].type, asked[0].subject, asked[0].data["merge"]) == (
        "agent.merge",
        "customer:clena",
        {"force": True},
    )
    assert asked[0].source.startswith("/hub/")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("limit:user_id", "refused: a customer has at most 1 of type user_id"),
        ("size", "refused: a customer has at most 64 identities"),
    ],
)
async def test_refused_says_why(store: FakeStore, monkeypatch: pytest.MonkeyPatch, reason: str, words: str) -> None:
    sara, lena = store.profiles["csara"], store.profiles["clena"]
    working(monkeypatch, lambda event: sara["refused"].update({"user_id:u-9": [reason, now_ms(), event.ref]}))
    with pytest.raises(arranging.Refused, match=words):
        await arranging.merge(store, SETTINGS, sara, lena, force=False)  # type: ignore[arg-type]


async def test_nobody_decides(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    working(monkeypatch, lambda _: None)
    monkeypatch.setattr(arranging, "PATIENCE", 0.05)
    monkeypatch.setattr(arranging, "PAUSE", 0.01)
    with pytest.raises(Transient, match="are the workers running"):
        await arranging.merge(store, SETTINGS, store.profiles["csara"], store.profiles["clena"], force=False)  # type: ignore[arg-type]


async def test_what_cannot_be_asked_is_not_asked(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = working(monkeypatch, lambda _: None)
    sara = store.profiles["csara"]
    for call in (
        arranging.merge(store, SETTINGS, sara, sara, force=False),  # type: ignore[arg-type]
        arranging.unmerge(store, SETTINGS, sara, ["phone:+49111"]),  # type: ignore[arg-type]
        arranging.unmerge(store, SETTINGS, sara, sorted(sara["identities"])),  # type: ignore[arg-type]
    ):
        with pytest.raises(Rejected):
            await call
    assert asked == []


async def test_taken_apart(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sara = store.profiles["csara"]
    name = "anonymous_id:b7f3"

    def worker(event: Event) -> None:
        sara["links"][f"{name}\nuser_id:u-4711"][:3] = ["apart", now_ms(), event.ref]
        alone = {**store.profiles["cnew"], "id": "calone", "identities": {name: sara["identities"].pop(name)}}
        store.add(alone)  # type: ignore[arg-type]

    asked = working(monkeypatch, worker)
    lines = await arranging.unmerge(store, SETTINGS, sara, [name])  # type: ignore[arg-type]
    assert asked[0].data["unmerge"] == {"identities": [name]}
    assert [line.partition(":")[0] for line in lines] == ["csara", "calone"]
    assert lines[1] == f"calone: {name}"


def test_both_sides_of_a_refusal_are_printed(store: FakeStore) -> None:
    sara, lena = store.profiles["csara"], store.profiles["clena"]
    for profile, others, heading in ((sara, [], "not taken"), (lena, [sara], "not given")):
        console = Console(record=True, width=200, file=io.StringIO())
        arranging.print_kinship(console, arranging.Decided(profile, others, SETTINGS.policy), str)
        said = console.export_text()
        assert heading in said
        assert "email:lena@example.com" in said
        assert "only claimed" in said
        assert ("csara" in said) == bool(others)
    assert arranging.Decided(store.profiles["cnew"], [sara], SETTINGS.policy).all == []


def test_every_reason_has_its_words(store: FakeStore) -> None:
    for code in ("claimed", "divided", "shared", "type", "size", "limit:email"):
        no = why.refusal("email:a@x.org", [code, 1, "r"], SETTINGS.policy)
        assert arranging.reason(no) not in (code, no["code"])
