"""Typed traits: what is declared, what is kept in which type, and what is left out with which reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event, make
from hub.profile import Part, blank, part
from hub.settings import Settings
from hub.traits import LONGEST, REASONS, Types
from profile_store.document import canonical, packed, profile_of, view
from profile_store.merge import merge
from profile_store.registers import NAMES
from profile_store.traits import NOTES, standing
from rules.book import Book, Folders
from rules.declared import MOST_TYPED, check_traits, load_traits
from streams.declared import everywhere, folding_of
from streams.fold import PLAIN, Folding, fold
from streams.verify import culprit, refold
from tests.unit.customer_events import hostile
from tests.unit.memory import Memory, incoming
from tests.unit.test_processor import Bench

DECLARED = """\
id: name
name: {en: Name, fa: نام}
type: text
min: 2
max: 20
---
{id: age, name: Age, type: integer, min: 0, max: 130}
---
{id: rate, name: Rate, type: number, max: 0.5}
---
{id: premium, name: Premium, type: boolean}
---
{id: birthday, name: {en: Birthday, fa: تاریخ تولد}, type: date, min: "1900-01-01"}
---
{id: renewal, name: Renewal, type: moment}
---
id: tier
name: {en: Tier, fa: سطح}
type: choice
words:
  gold: {en: Gold card, fa: طلایی}
  silver:
---
{id: interests, name: Interests, type: list, words: [shoes, Hats, bags, belts], max: 3}
---
{id: سایز کفش, name: اندازهٔ کفش, type: number}
---
{id: orders, name: Orders, on: web.track/Order Completed, compute: count}
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    folder = tmp_path_factory.mktemp("traits")
    (folder / "all.yaml").write_text(DECLARED, encoding="utf-8")
    folders = Folders(folder, folder / "none")
    assert folders.sound, folders.problems
    return Book.from_json(folders.book.to_json())


@pytest.fixture(scope="module")
def types(book: Book) -> Types:
    return folding_of(book).types


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("name", " Anna ", "Anna"),
        ("name", 77, "77"),
        ("age", "41", 41),
        ("age", "۴۱", 41),
        ("age", "٤١", 41),
        ("age", 41.0, 41),
        ("rate", "۰٫۲۵", 0.25),
        ("rate", "-۱٬۲۳۴٫۵", -1234.5),
        ("rate", -3, -3),
        ("premium", "Yes", True),
        ("premium", "بله", True),
        ("premium", "خير", False),
        ("premium", "۰", False),
        ("premium", 0, False),
        ("birthday", "1990-02-03", "1990-02-03"),
        ("birthday", "۱۹۹۰-۰۲-۰۳", "1990-02-03"),
        ("birthday", "1990-02-03T23:30:00-08:00", "1990-02-03"),
        ("renewal", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000Z"),
        ("renewal", "2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("tier", "gold", "gold"),
        ("tier", " GOLD  Card", "gold"),
        ("tier", "طلايي", "gold"),
        ("interests", "shoes", ["shoes"]),
        ("interests", ["hats", "bags"], ["Hats", "bags"]),
        ("interests", [], []),
        ("سایز کفش", "۳۹", 39),
    ],
)
def test_a_value_is_kept_in_its_type(types: Types, name: str, said: Any, kept: Any) -> None:
    found, no = types[name].read(said)
    assert (found, type(found), no) == (kept, type(kept), None)


@pytest.mark.parametrize(
    ("name", "said", "no"),
    [
        ("name", "x" * 21, ("long", 20)),
        ("name", "x", ("short", 2)),
        ("name", True, ("type", "text")),
        ("age", "old", ("type", "integer")),
        ("age", "1_000", ("type", "integer")),
        ("age", 41.5, ("type", "integer")),
        ("age", "۱۳۱", ("most", 130)),
        ("age", -1, ("least", 0)),
        ("rate", math.nan, ("type", "number")),
        ("rate", 10**400, ("type", "number")),
        ("rate", "1e400", ("type", "number")),
        ("rate", 0.51, ("most", 0.5)),
        ("premium", 2, ("type", "boolean")),
        ("birthday", "3.2.1990", ("type", "date")),
        ("birthday", "1899-12-31", ("least", "1900-01-01")),
        ("renewal", "0001-01-01T00:00:00+14:00", ("type", "moment")),
        ("tier", "bronze", ("words", "gold, silver")),
        ("interests", ["shoes", "hats", "bags", "belts"], ("more", 3)),
        ("interests", ["shoes", "wine"], ("words", "shoes, Hats, bags, belts")),
        ("interests", [["shoes"]], ("type", "list")),
    ],
)
def test_what_is_refused_has_a_reason_and_its_limit(types: Types, name: str, said: Any, no: Any) -> None:
    assert types[name].read(said) == (None, no)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_nothing_makes_it_raise_and_what_is_kept_is_small_json(types: Types, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(types)))
    found, no = types[name].read(data.draw(hostile(("a", "name"))))
    if no is not None:
        assert found is None
        assert no[0] in REASONS
        assert len(str(no[1])) <= 80
    else:
        assert orjson.loads(orjson.dumps(found)) == found
        assert types[name].read(found) == (found, None)


def said(number: int, at: int = 0, /, who: str = "u1", **traits: Any) -> Event:
    moment = datetime.fromtimestamp(1_767_225_600 + (at or number), UTC)
    owner: Any = [{"type": "user_id", "value": who, "verified": True}]
    return make(
        "web.identify", id=f"e{number}", source="/t", identities=owner, received=moment, time=moment, traits=traits
    )


def told(events: Sequence[Event], folding: Folding = PLAIN) -> Part:
    one = part()
    for event in events:
        folding.fold(one, event, (event.subject,), event.ms, event.ref)
    return one


def notes(events: Sequence[Event], folding: Folding = PLAIN) -> dict[str, Any]:
    return {name: note[0] for name, note in standing(told(events, folding)).items()}


def test_what_is_refused_leaves_what_was_known_and_a_note_until_it_is_said_well(book: Book) -> None:
    folding = folding_of(book)
    first = [said(1, age="۴۱", hobby={"a": 1}), said(2, age="old", tier="bronze")]
    made = told(first, folding)
    assert {name: one[0] for name, one in made["traits"].items()} == {"age": 41, "hobby": {"a": 1}}
    assert notes(first, folding) == {"age": ["type", "integer", "old"], "tier": ["words", "gold, silver", "bronze"]}
    assert notes([*first, said(3, age=42)], folding) == {"tier": ["words", "gold, silver", "bronze"]}
    assert notes([said(3, age=42), *reversed(first)], folding) == notes([*first, said(3, age=42)], folding)


def test_what_the_bounds_leave_out_is_noted(book: Book) -> None:
    long = "x" * (LONGEST + 1)
    found = notes([said(1, story=long, tree=[long], nothing=None)])
    assert found["story"] == ["cut", LONGEST, "x" * 79 + "…"]
    assert found["tree"][:2] == ["size", LONGEST]
    assert sorted(found) == ["story", "tree"]
    many = said(1, **dict[str, Any]({f"t{number:03d}": number for number in range(NAMES + 2)}))
    assert notes([many]) == {f"t{NAMES}": ["many", NAMES, str(NAMES)], f"t{NAMES + 1}": ["many", NAMES, str(NAMES + 1)]}


def test_a_language_that_an_event_says_by_itself_is_typed_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{id: language, name: Language, type: choice, words: {de: , fa: {fa: فارسی}}}")
    folding = folding_of(Folders(tmp_path, tmp_path / "none").book)
    page = make("web.page", id="p", source="/t", identities=said(1).identities, received=said(1).receivedat)
    spoken = [page.model_copy(update={"data": {**page.data, "language": one}}) for one in ("فارسی", "xx")]
    assert told(spoken[:1], folding)["traits"]["language"][0] == "fa"
    assert notes(spoken[1:], folding) == {"language": ["words", "de, fa", "xx"]}


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_notes_follow_from_the_set_of_events(book: Book, data: st.DataObject) -> None:
    folding = folding_of(book)
    names = st.sampled_from(["age", "tier", "name", "x" * 101, *(f"t{number}" for number in range(NOTES + 4))])
    values = st.sampled_from(["old", 5, "gold", None, "y" * 1001, ["z" * 1001], 131])
    drawn = data.draw(st.lists(st.tuples(st.integers(1, 3), st.dictionaries(names, values, max_size=9)), min_size=1))
    events = [said(number, at, **dict[str, Any](one)) for number, (at, one) in enumerate(drawn, 1)]
    whole = told(events, folding)
    assert told(data.draw(st.permutations(events)), folding) == whole
    cut = data.draw(st.integers(0, len(events)))
    halves = told(events[cut:], folding), told(events[:cut], folding)
    merge(*halves)
    assert {**halves[0], "fences": {}} == whole
    assert len(whole.get("unfit", {})) <= NOTES
    document = blank("c1", "user_id:u1")
    document["parts"]["user_id:u1"] = whole
    assert standing(profile_of(packed("", document))) == standing(whole)


async def test_the_worker_and_verify_fold_alike_and_others_types_differ(book: Book) -> None:
    folding = folding_of(book)
    events = [said(1, age="۴۱"), said(2, age="old", tier="Gold card"), said(3, who="u2", age="3")]
    read = [incoming(event, number) for number, event in enumerate(events)]
    bench = Bench(Memory())
    bench.pipeline._declared = lambda: bench_declared(folding)
    written = await bench.pipeline.run(read, [])
    for draft in written:
        document = draft.document
        mine = [one for one in read if one.keys[0] in document["nodes"]]
        made = refold(mine, folding).document(document["nodes"][0])
        assert made is not None
        assert canonical(made) == canonical(document)
        plain = refold(mine).document(document["nodes"][0])
        assert plain is not None
        assert canonical(plain) != canonical(document)
        assert culprit(document, mine, folding) is None
    ages = sorted(view(draft.document)["traits"]["age"][0] for draft in written)
    assert ages == [3, 41]


def bench_declared(folding: Folding) -> Any:
    from streams.declared import Declared
    from tests.unit.memory import Silent

    return Declared(everywhere(Silent()), folding)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{id: a, name: A, type: txt}", "x.yaml:1: type: txt is not possible here: use 'text', 'number'"),
        ("{id: a, name: A, type: choice}", "a choice needs `words`"),
        ("{id: a, name: A, type: text, words: [b]}", "`words` are for a choice or a list"),
        ("{id: a, name: A, type: choice, words: {b: {fa: ب}, c: {fa: ب}}}", "ب stands for two of the words"),
        ("{id: a, name: A, type: boolean, min: 1}", "`min` and `max` say nothing about a boolean"),
        ("{id: a, name: A, type: number, min: 2, max: 1}", "`min` is beyond `max`"),
        ("{id: a, name: A, type: number, min: two}", "`min` must be a number"),
        ("{id: a, name: A, type: number, max: '2'}", "`max` must be a number"),
        ("{id: a, name: A, type: date, min: tomorrow}", "`min` must be a date"),
        ("{id: a, name: A, type: text, max: 1001}", "`max` must be a whole number from 0 to 1000"),
        ("{id: a, name: A, type: text, limit: 3}", "limit: is unknown here"),
        ("{id: ' a', name: A, type: text}", "id: is not written as it must be"),
        (
            "{id: a, name: A, type: text}\n---\n{id: a, name: A, type: text}",
            "x.yaml:3: id: another typed trait is called",
        ),
        ("{id: a, type: text}", "name: is missing"),
    ],
)
def test_mistakes_are_told_with_line_and_field(text: str, problem: str) -> None:
    found = [str(one) for one in check_traits(text, "x.yaml")]
    assert len(found) == 1, found
    assert problem in found[0]


def test_both_sorts_of_traits_live_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(DECLARED + "---\n{id: orders, name: Said, type: number}\n")
    found = load_traits(tmp_path)
    assert found.problems == ()
    assert [one.id for one in found.computed] == ["orders"]
    assert [one.id for one in found.typed][-1] == "orders"
    (tmp_path / "b.yaml").write_text("\n---\n".join(f"{{id: t{n}, name: T, type: text}}" for n in range(MOST_TYPED)))
    found = load_traits(tmp_path)
    assert len(found.typed) == MOST_TYPED
    assert "there are 128 typed traits already" in str(found.problems[0])


def test_a_type_is_part_of_the_version_and_a_title_is_not(tmp_path: Path) -> None:
    def version(text: str) -> str:
        (tmp_path / "a.yaml").write_text(text)
        return Folders(tmp_path, tmp_path / "none").book.version

    first = version("{id: a, name: A, type: number}")
    assert version("{id: a, name: Alpha, note: why, type: number}") == first
    assert version("{id: a, name: A, type: integer}") != first
    assert version("{id: a, name: A, type: number, max: 9}") != first
    assert Settings(traits=tmp_path).traits_dir == tmp_path


def test_unknown_traits_are_kept_as_they_are(book: Book) -> None:
    one, other = part(), part()
    event = said(1, unknown=" ۴۱ ", flag=False)
    fold(one, event, (event.subject,), event.ms, event.ref, types=folding_of(book).types)
    fold(other, event, (event.subject,), event.ms, event.ref)
    assert one == other
    assert one["traits"]["unknown"][0] == " ۴۱ "
