"""What is called impossible never happens: held against the slow reading of the language, by the thousand."""

from __future__ import annotations

import contextlib
from random import Random
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rules.conditions import Condition
from rules.demands import Mode
from rules.reference import ask
from rules.room import Reader
from rules.values import ABSENT, ANY_NUMBER, EVERYTHING, Values, among, meet, starting, whole
from tests.unit import generated

READ: TypeAdapter[Condition] = TypeAdapter(Condition)
FIELDS = ("event.properties.total", "event.name", "event.properties", "profile.traits.tier", "event.time")
ANSWERS: dict[Mode, set[bool | None]] = {
    "holds": {True},
    "fails": {False},
    "does not hold": {False, None},
    "does not fail": {True, None},
}


def condition(random: Random, depth: int = 2) -> dict[str, Any]:
    """A condition over so few fields that its parts meet."""
    kind = random.randrange(10) if depth else 9
    if kind < 4:
        return {"all": [condition(random, depth - 1) for _ in range(random.randint(2, 4))]}
    if kind < 6:
        return {"any": [condition(random, depth - 1) for _ in range(random.randint(2, 3))]}
    if kind == 6:
        return {"not": condition(random, depth - 1)}
    return generated.leaf(random) if kind == 7 else generated.predicate(random, random.choice(FIELDS))


def sound(random: Random, depth: int = 2) -> Condition:
    """The next condition that may be written."""
    while True:
        with contextlib.suppress(ValidationError):
            return READ.validate_python(condition(random, depth))


@pytest.mark.parametrize("mode", ["holds", "fails"])
def test_what_is_impossible_never_happens(mode: Mode) -> None:
    random = Random(f"{mode} 11")
    worlds = [(generated.scene(random), generated.profile(random)) for _ in range(20)]
    impossible = 0
    for _ in range(500):
        node = sound(random)
        if Reader().possible((node, mode)):
            continue
        impossible += 1
        for scene, profile in worlds:
            assert ask(node, scene, profile).answer not in ANSWERS[mode], node
    assert impossible > 10


@pytest.mark.parametrize("one", ["holds", "fails"])
@pytest.mark.parametrize("other", ["does not hold", "does not fail"])
def test_what_is_impossible_together_never_happens_together(one: Mode, other: Mode) -> None:
    random = Random(f"{one} {other} 12")
    worlds = [(generated.scene(random), generated.profile(random)) for _ in range(20)]
    found = 0
    for _ in range(500):
        first, second = sound(random, random.randrange(2)), sound(random, random.randrange(2))
        reader = Reader()
        if reader.possible((first, one), (second, other)) or not reader.possible((first, one)):
            continue
        found += 1
        for scene, profile in worlds:
            if ask(first, scene, profile).answer in ANSWERS[one]:
                assert ask(second, scene, profile).answer not in ANSWERS[other], (first, second)
    assert found > 3


def leaf(op: str, value: Any, field: str = "event.x", **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (leaf("eq", 3), leaf("in", [1, 3])),
        (leaf("gt", 5), leaf("ge", 5)),
        (leaf("gt", 5), {"not": leaf("le", 5)}),
        ({"not": leaf("eq", "a")}, leaf("ne", "a")),
        (leaf("between", [2, 3]), leaf("exists", True)),
        (leaf("prefix", "abc"), leaf("prefix", "ab")),
        (leaf("eq", "Straße"), leaf("suffix", "SSE", ignore_case=True)),
        (leaf("eq", 1, "event.a.b"), leaf("exists", True, "event.a")),
        ({"seen": "sms.received", "within": "1h"}, {"seen": ["sms.received", "email.received"], "within": "1d"}),
        (leaf("within", "1h", "profile.last"), leaf("within", "1d", "profile.last")),
        ({"any": [leaf("eq", 1), leaf("eq", 2)]}, {"not": leaf("eq", 3)}),
        ({"all": [leaf("eq", 1), leaf("eq", "a", "event.y")]}, {"any": [leaf("eq", "b", "event.y"), leaf("lt", 2)]}),
        ({"list": "event.l", "has": leaf("eq", 1, "item")}, {"list": "event.l", "has": leaf("eq", 1, "item")}),
    ],
)
def test_one_follows_from_the_other(one: Any, other: Any) -> None:
    assert Reader().implies(READ.validate_python(one), READ.validate_python(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (leaf("in", [1, 3]), leaf("eq", 3)),
        (leaf("ge", 5), leaf("gt", 5)),
        # Of a field that is missing neither is known.
        (leaf("exists", False), {"not": leaf("gt", 5)}),
        (leaf("ne", 5), {"not": leaf("lt", 5)}),
        (leaf("eq", "a"), leaf("eq", "A")),
        (leaf("contains", "abc"), leaf("prefix", "abc")),
        ({"seen": "sms.received", "within": "1d"}, {"seen": "sms.received", "within": "1h"}),
        (leaf("eq", 1), leaf("eq", 1, "event.y")),
    ],
)
def test_one_does_not_follow_from_the_other(one: Any, other: Any) -> None:
    assert not Reader().implies(READ.validate_python(one), READ.validate_python(other))


def test_sets_of_values() -> None:
    some = among([1, "a", True])
    assert some & among([True, "b", 2]) == among([True])
    assert (some & ~some).empty
    assert some | ~some == EVERYTHING
    assert among([1]) & among([True]) == Values()
    assert (starting("ab") & among(["ab", "abz", "ac", "a"])).words() == ["ab", "abz"]
    assert starting(chr(0x10FFFF)).words() is None
    assert (~among([1, 2]) & among([1, 2, 3])) == among([3])
    assert whole(among([1.5])).empty
    assert whole(ANY_NUMBER) == ANY_NUMBER
    assert ABSENT.words() == []
    assert meet((), ANY_NUMBER.numbers) == ()
