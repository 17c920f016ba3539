"""Declared stages and tiers: a customer is in the first that holds, at every moment, and everybody reads the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hub.event import Event
from hub.ids import customer_id, digest
from hub.profile import STAGE, TIER, standing
from hub.settings import Settings
from profile_store.document import profile_of
from profile_store.segments import joined
from profile_store.stage import stage as built_in
from rules.book import Book
from rules.declared import check_segments, load_segments
from rules.engine import Engine
from rules.lifecycle import Lifecycle, grouped, segments_of
from rules.membership import Segments
from rules.model import Rule
from rules.reference import ask
from rules.scene import of_moment
from rules.segments import Segment
from streams.declared import Declarations, Declared, everywhere
from streams.segment import SLOT, regrouped
from streams.timers import due_event
from tests.browser.kit import kit
from tests.unit.computing import HOUR, MINUTE, START
from tests.unit.memory import Silent, incoming
from tests.unit.test_arrange import Town
from tests.unit.test_segments import LOOK, MADE, UNTIL, Life, event, stories

FILE = """\
lifecycle:
  - name: angry
    title: {en: Angry, fa: خشمگین}
    if: {field: profile.traits.tier, op: eq, value: tin}
  - name: quiet
    title: {en: Fallen silent, fa: خاموش}
    if: {not: {field: profile.last, op: within, value: 2h}}
  - name: loyal
    title: Loyal
    if: {field: profile.computed.spent, op: ge, value: 5}
  - name: new
    title: {en: Just met, fa: تازه‌وارد}
    otherwise: true
---
of: profile.computed.spent
tiers:
  - {name: silver, title: Silver, least: 1}
  - {name: gold, title: {en: Gold, fa: طلایی}, least: 6}
---
id: quiet-gold
name: Gold, but silent
if:
  all:
    - {field: profile.stage, op: in, value: [quiet, angry]}
    - {field: "profile.segments.tier:gold", op: eq, value: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "life.yaml").write_text(FILE)
    return tmp_path / "segments"


def groups(folder: Path) -> tuple[Any, ...]:
    loaded = load_segments(folder, MADE.readings)
    assert loaded.problems == ()
    return loaded.items


def lived(folder: Path) -> Life:
    return Life(Segments(segments_of(groups(folder)), MADE.readings, LOOK, UNTIL))


def places(life: Life) -> tuple[str, str]:
    return life.profile["stage"], standing(life.profile["segments"], TIER)


def naive(life: Life, lifecycle: Lifecycle, now: int) -> tuple[str, str]:
    """The first stage whose condition holds, by the slow reading, and the tier by the number alone."""
    scene = of_moment(now, LOOK)
    held = [one for one in lifecycle.stages if one.when is None or ask(one.when, scene, life.profile).answer is True]
    spent = LOOK(life.profile, "spent", now)
    return held[0].name, "gold" if spent >= 6 else "silver" if spent >= 1 else ""


def order(number: int, ms: int, total: int) -> Event:
    return event(number, ms, "web.track", name="Order Completed", properties={"total": total})


def test_the_first_stage_that_holds_counts_and_everybody_else_is_in_the_last(folder: Path) -> None:
    life = lived(folder)
    life.happens(event(1, START, "web.page"))
    assert places(life) == ("new", "")
    life.happens(order(2, START + MINUTE, 7))
    assert places(life) == ("loyal", "gold")
    life.happens(event(3, START + 2 * MINUTE, "web.identify", traits={"tier": "tin"}))
    assert places(life) == ("angry", "gold"), "it stands before loyal, which holds too"
    assert life.members() == {"stage:angry", "tier:gold", "quiet-gold"}
    life.happens(event(4, START + 3 * MINUTE, "web.identify", traits={"tier": "gold"}))
    assert places(life) == ("loyal", "gold")
    assert [(one["type"], one["data"]["name"]) for one in life.told] == [
        ("segment.entered", "stage:new"),
        ("segment.left", "stage:new"),
        ("segment.entered", "tier:gold"),
        ("segment.entered", "stage:loyal"),
        ("segment.left", "stage:loyal"),
        ("segment.entered", "stage:angry"),
        ("segment.entered", "quiet-gold"),
        ("segment.left", "stage:angry"),
        ("segment.left", "quiet-gold"),
        ("segment.entered", "stage:loyal"),
    ]


def test_time_alone_moves_a_customer_to_another_stage_and_tier(folder: Path) -> None:
    life = lived(folder)
    life.happens(order(1, START, 7))
    life.wait(START + 2 * HOUR)
    assert places(life) == ("loyal", "gold")
    life.wait(START + 2 * HOUR + 1)
    assert places(life) == ("quiet", "gold")
    assert "quiet-gold" in life.members()
    life.wait(START + 9 * HOUR)
    assert places(life) == ("quiet", ""), "what was spent has left the window"
    assert life.members() == {"stage:quiet"}
    assert SLOT not in life.profile["timers"]


@settings(deadline=None, max_examples=80)
@given(stories())
def test_at_every_moment_it_is_what_a_slow_look_finds(some: list[Event]) -> None:
    made = [grouped(one) for one in SAID]
    life = Life(Segments(segments_of(made), MADE.readings, LOOK, UNTIL))
    again = Life(life.segments)
    seen: list[Event] = []
    lifecycle = made[0]
    assert isinstance(lifecycle, Lifecycle)

    def happens(one: Event) -> None:
        seen.append(one)
        life.happens(one)
        assert places(life) == naive(life, lifecycle, one.ms)
        assert sum(name.startswith(STAGE) for name in life.members()) == 1

    for one in [*some, None]:
        until = some[-1].ms + 30 * HOUR if one is None else one.ms
        while (waiting := life.profile["timers"].get(SLOT)) is not None and waiting[1] <= until:
            moment = datetime.fromtimestamp(waiting[1] / 1000, UTC)
            due = due_event("c1", SLOT, waiting[0], "default")
            happens(due.model_copy(update={"time": moment, "receivedat": moment}))
        if one is not None:
            happens(one)
    for one in seen:
        again.happens(one, replayed=True)
    assert (again.profile["segments"], places(again)) == (life.profile["segments"], places(life))
    assert again.told == [], "a rebuild makes the same customer, and tells nothing again"


SAID: list[Any] = [
    {
        "lifecycle": [
            {"name": "angry", "title": "x", "if": {"field": "profile.traits.tier", "op": "eq", "value": "tin"}},
            {"name": "quiet", "title": "x", "if": {"not": {"field": "profile.last", "op": "within", "value": "2h"}}},
            {"name": "loyal", "title": "x", "if": {"field": "profile.computed.spent", "op": "ge", "value": 5}},
            {"name": "new", "title": "x", "otherwise": True},
        ]
    },
    {
        "of": "profile.computed.spent",
        "tiers": [{"name": n, "title": n, "least": v} for n, v in (("silver", 1), ("gold", 6))],
    },
]


def test_customers_that_become_one_are_in_one_stage(folder: Path) -> None:
    one, other, whole = lived(folder), lived(folder), lived(folder)
    page, bought = event(1, START, "web.page"), order(2, START + 1, 7)
    one.happens(page)
    other.happens(bought)
    for each in (page, bought):
        whole.happens(each)
    members = joined(one.profile["segments"], other.profile["segments"])
    assert {"stage:new", "stage:loyal"} <= members.keys()
    whole.draft.document["segments"] = members
    whole.draft.regroup()
    regrouped(whole.segments, whole.draft, incoming(bought, 9))
    assert (places(whole), whole.members()) == (("loyal", "gold"), {"stage:loyal", "tier:gold"})


def test_rules_read_the_stage_of_the_moment_and_listen_to_its_beginning(folder: Path) -> None:
    life = lived(folder)
    send = {"channel": "email", "purpose": "service", "subject": "x", "text": "x"}
    condition = {"field": "profile.stage", "op": "eq", "value": "loyal"}
    on = {"type": "segment.entered", "name": "stage:loyal"}
    engine = Engine([Rule.model_validate({"id": "r", "name": "r", "on": on, "if": condition, "send": send})])
    life.happens(order(1, START, 7))
    told = [Event.model_validate(one) for one in life.told]
    decided = {one.data["name"]: [each.outcome for each in engine.decide(one, one.ms, life.profile)] for one in told}
    assert decided == {"stage:loyal": ["fired"], "tier:gold": []}


def test_without_a_lifecycle_the_stage_is_the_one_that_is_built_in() -> None:
    life = Life(Segments())
    for number, name in enumerate(("Product Viewed", "Product Added", "Order Completed")):
        life.happens(event(number, START + number, "web.track", name=name, properties={}))
        assert life.profile["stage"] == built_in(life.profile) == ("evaluation", "purchase", "after")[number]


def problems(old: str, new: str) -> list[str]:
    assert old in FILE
    return [str(one) for one in check_segments(FILE.replace(old, new), ["spent"], "x.yaml")]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    otherwise: true\n", "", "x.yaml:11: lifecycle.3: the stage new needs `if`, or `otherwise: true`"),
        ("    otherwise: true\n", "    if: {seen: web.page, within: 1d}\n", "x.yaml:1: lifecycle: nobody may be left"),
        (
            "    title: Loyal\n    if:",
            "    title: Loyal\n    otherwise: true\n    if:",
            "x.yaml:8: lifecycle.2: the sta",
        ),
        ("name: angry", "name: loyal", "x.yaml:1: lifecycle: loyal stands here twice: rename one"),
        ("name: angry", "name: An gry", "x.yaml:2: lifecycle.0.name: is not written as it must be"),
        ("    title: Loyal\n", "", "x.yaml:8: lifecycle.2.title: is missing"),
        ("profile.traits.tier", "profile.stage", "x.yaml:2: lifecycle.0: a stage cannot ask for profile.stage"),
        ("profile.traits.tier", "event.tier", "x.yaml:2: lifecycle.0: a segment looks at the profile"),
        ("computed.spent, op: ge", "computed.spend, op: ge", "x.yaml:10: lifecycle.2.if.field: there is no computed"),
        ("of: profile.computed.spent", "of: profile.computed.spend", "x.yaml:15: of: there is no computed trait spend"),
        ("of: profile.computed.spent", "of: profile.traits.spent", "x.yaml:15: of: `of` is a computed trait, such as"),
        ("least: 6", "least: 1", "x.yaml:16: tiers: two tiers have the same `least`"),
        ("least: 6", "leest: 6", "x.yaml:18: tiers.1.leest: is unknown here; did you mean least?"),
        (
            "segments.tier:gold",
            "segments.tier:golden",
            "x.yaml:25: if.all.1.field: there is no segment tier:golden; did",
        ),
        (
            "{field: profile.traits.tier, op: eq, value: tin}",
            "{field: profile.segments.quiet-gold, op: eq, value: true}",
            "x.yaml:4: lifecycle.0.if: asks about itself, by way of quiet-gold",
        ),
        ("id: quiet-gold", "id: stage:mine", "x.yaml:20: id: is not written as it must be"),
        ("of: profile", "lifecycle: []\nof: profile", "x.yaml:15: lifecycle"),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, problem: str) -> None:
    found = problems(old, new)
    assert any(one.startswith(problem) for one in found), found


def test_a_second_lifecycle_is_refused_with_the_file_of_the_first(folder: Path) -> None:
    (folder / "more.yaml").write_text(FILE.partition("---\n")[0])
    loaded = load_segments(folder, MADE.readings)
    said = "more.yaml:1: there is a lifecycle already, in life.yaml: put them together"
    assert [str(one) for one in loaded.problems] == [said]


def test_a_stage_before_the_last_that_takes_everybody_is_told() -> None:
    early = FILE.replace("    if: {field: profile.traits.tier, op: eq, value: tin}", "    otherwise: true")
    found = [str(one) for one in check_segments(early, ["spent"], "x.yaml")]
    assert found[0].startswith("x.yaml:1: lifecycle: no stage after angry could ever hold: move angry to the end")


def test_the_store_keeps_them_as_they_are_said(folder: Path) -> None:
    book = Book((), groups(folder))
    again = Book.from_json(book.to_json("lot"))
    assert again.segments == book.segments
    assert again.version == book.version
    assert [one.id for one in segments_of(again.segments)] == [one.id for one in segments_of(book.segments)]
    moved = (
        FILE.replace("name: angry", "name: x").replace("name: quiet\n", "name: angry\n").replace("x\n", "quiet\n", 1)
    )
    (folder / "life.yaml").write_text(moved)
    assert Book((), groups(folder)).version != book.version
    (folder / "life.yaml").write_text(FILE.replace("title: Loyal", "title: Faithful"))
    assert Book((), groups(folder)).version != book.version, "a new title is shown everywhere at the same moment"


def test_a_book_of_segments_alone_is_what_it_was() -> None:
    condition = {"field": "profile.traits.tier", "op": "eq", "value": "gold"}
    book = Book((), (Segment.model_validate({"id": "a", "name": "A", "if": condition}),))
    said = b'{"lot":"l","traits":[],"segments":[{"id":"a","name":{"und":"A"},"note":"","if":{"field":'
    assert book.to_json("l") == said + b'"profile.traits.tier","op":"eq","value":"gold"}}]}'
    assert book.version == "32ba01bdc7d0ca1cffda"


class Kept:
    """A store that is new."""

    async def declared(self, offer: bytes) -> bytes:
        return offer


async def test_a_worker_puts_customers_where_the_declaration_says(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "traits").mkdir()
    trait = "id: spent\nname: Spent\non: web.track/Order Completed\nvalue: event.properties.total\ncompute: sum\n"
    (tmp_path / "traits" / "spent.yaml").write_text(trait)
    declarations = Declarations(Settings(state=tmp_path))
    await declarations.adopt(Kept())
    town = Town()
    town.worker._declared = declarations
    now = int(datetime.now(UTC).timestamp() * 1000)
    for number, one in enumerate((event(1, now, "web.page"), order(2, now + 1, 7))):
        await town.worker.run([incoming(one, number)], [])
        (raw,) = town.store.values.values()
        profile = profile_of(raw)
        assert profile["stage"] == ("new", "loyal")[number]
    assert {one.partition("\x00")[0] for one in town.store.members} == {"stage:loyal", "tier:gold"}
    told = [Event.from_json(one) for box in town.store.outbox.values() for one in box.values()]
    assert {"stage:new", "stage:loyal", "tier:gold"} == {one.data["name"] for one in told}


async def test_a_timer_that_a_rebuild_reads_before_what_sets_it_does_its_work_when_it_comes_due(folder: Path) -> None:
    town = Town()
    some = Segments(segments_of(groups(folder)), MADE.readings, LOOK, UNTIL)
    town.worker._declared = lambda: Declared(everywhere(Silent()), segments=some)
    pages = [event(number, START + number * HOUR, "web.page") for number in (0, 3)]
    moments = [START + 2 * HOUR + 1, START + 5 * HOUR + 1]

    async def stage_after(one: Event, offset: int, partition: int, *, replayed: bool) -> str:
        await town.worker.run([incoming(one, offset, partition, replayed=replayed)], [])
        (raw,) = town.store.values.values()
        return profile_of(raw)["stage"]

    customer = customer_id("email:anna@example.org")
    dues = []
    for moment in moments:
        name = digest(f"{SLOT}\n{customer}\n{moment}")
        when = datetime.fromtimestamp(moment / 1000, UTC)
        due = due_event(customer, SLOT, name, "default")
        dues.append(due.model_copy(update={"time": when, "receivedat": when}))
    assert await stage_after(pages[0], 0, 0, replayed=True) == "new"
    for number, due in enumerate(dues):
        assert await stage_after(due, number, 1, replayed=True) == "quiet"
    assert await stage_after(pages[1], 1, 0, replayed=True) == "new"
    assert await stage_after(dues[1], 2, 1, replayed=False) == "quiet"
    (raw,) = town.store.values.values()
    assert profile_of(raw)["timers"] == {}
    assert {one.partition("\x00")[0] for one in town.store.members} == {"stage:quiet"}


async def test_the_desk_shows_titles_in_the_readers_language(folder: Path, tmp_path: Path) -> None:
    async with kit(segments=folder) as desk:
        before = (await desk.ask("GET", "/customers/csara")).text
        assert "After purchase" in before
        desk.store.declarations = Book((), groups(folder)).to_json()
        profile = desk.store.profiles["csara"]
        profile["segments"] = {"stage:quiet": START, "tier:gold": START}
        profile["stage"] = "quiet"
        page = (await desk.ask("GET", "/customers/csara")).text
        assert "Fallen silent" in page
        assert "After purchase" not in page
        assert [page.count(title) for title in ("Just met", "Angry")] == [1, 1], "the other stages, in the journey"
        persian = (await desk.ask("GET", "/customers/csara", headers={"Accept-Language": "fa"})).text
        assert "خاموش" in persian
        assert "طلایی" in persian
        body = (await desk.ask("GET", "/api/v1/customers/csara")).json()
        assert (body["stage"], body["tier"]) == ("quiet", "gold")
