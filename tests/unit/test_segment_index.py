"""The index of segments says of everybody what their documents say, however customers were joined and taken apart."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from profile_store.segments import entry
from rules.membership import Segments
from rules.segments import Segment
from streams.declared import Declared, everywhere
from streams.pipeline import Pipeline
from tests.unit.memory import Silent
from tests.unit.test_arrange import Town, live, never

FEW = Segment.model_validate(
    {"id": "one", "name": "o", "if": {"field": "profile.counts.web.page", "op": "in", "value": [1, 2]}}
)
MANY = Segment.model_validate(
    {"id": "two", "name": "t", "if": {"field": "profile.counts.web.page", "op": "ge", "value": 4}}
)
DECLARED = Declared(everywhere(Silent()), segments=Segments([FEW, MANY]))


class Parted(Town):
    """A town with segments."""

    def __post_init__(self) -> None:
        self.worker = Pipeline(self.store, lambda: DECLARED, never, self.policy)  # type: ignore[arg-type]


def wanted(town: Town) -> set[str]:
    """The index, as the documents make it."""
    return {entry(name, id) for id, one in town.documents().items() for name in one["segments"]}


@pytest.mark.parametrize("seed", [*range(8), 52, 76])
async def test_the_index_is_what_the_documents_say(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.test_arrange.Town", Parted)
    random = Random(seed)
    town: Any = await live(random, 40)
    assert town.store.members == wanted(town)
    again = Parted(town.policy, town.log)
    await again.settle(random, replayed=True)
    assert again.store.members == wanted(again)
    assert again.store.members == town.store.members
