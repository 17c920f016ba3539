"""What a condition's text says to Google's CEL, the condition says: yes, no and unknown."""

from __future__ import annotations

from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rules.cel import NoText, read, write
from rules.conditions import Condition
from rules.reference import ask
from tests.unit import generated
from tests.unit.cel_oracle import Oracle, delicate, differs

TREE: TypeAdapter[Condition] = TypeAdapter(Condition)
CONDITIONS, MOMENTS, EXAMPLES = 20, 100, 50
"""100,000 triples of condition, event and profile in all, less those that CEL is known to answer otherwise."""


def sayable(random: Random, count: int) -> list[tuple[Condition, str]]:
    """So many conditions that the language accepts and that have a text."""
    found: list[tuple[Condition, str]] = []
    while len(found) < count:
        try:
            condition = TREE.validate_python(generated.condition(random))
            text = write(condition)
            if "profile.place" not in text:  # a place is there as a whole or not: CEL asks for its parts only
                found.append((condition, text))
        except (NoText, ValidationError):
            continue  # half a millisecond, yes and no of a moment; a name that CEL cannot ask for
    return found


def test_googles_cel_answers_alike() -> None:
    oracle = Oracle()
    asked = passed = 0

    @settings(phases=[Phase.explicit, Phase.generate], max_examples=EXAMPLES, deadline=None)
    @given(st.integers(0, 2**32))
    def agree(seed: int) -> None:
        nonlocal asked, passed
        random = Random(seed)
        conditions = [(one, text, oracle.compile(text), delicate(one)) for one, text in sayable(random, CONDITIONS)]
        for _ in range(MOMENTS):
            scene, profile = generated.scene(random), generated.profile(random)
            oracle.look_at(scene, profile)
            for condition, text, expression, odd in conditions:
                if odd and differs(odd, scene, profile):
                    passed += 1
                    continue
                asked += 1
                assert oracle.ask(expression) is ask(condition, scene, profile).answer, text

    agree()
    assert passed < asked / 20


@settings(phases=[Phase.explicit, Phase.generate], max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_text_that_is_read_again_means_the_same(seed: int) -> None:
    random = Random(seed)
    conditions = [(one, text, read(text)) for one, text in sayable(random, CONDITIONS)]
    for _ in range(5):
        scene, profile = generated.scene(random), generated.profile(random)
        for condition, text, again in conditions:
            assert ask(again, scene, profile).answer is ask(condition, scene, profile).answer, text
