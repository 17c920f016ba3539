"""Where a customer stands in what the operator declared, lifecycle and tiers, in people's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from hub.profile import STAGE, TIER, Profile, standing
from rules.book import Book
from rules.lifecycle import segments_of
from rules.model import pick

Titles: TypeAlias = Mapping[str, Mapping[str, str]]
"""Name of a stage or tier → its title by language, in the order in which they are declared."""


class Declaring(Protocol):
    """A store that says what its customers are built with."""

    async def declared(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Places:
    """The stages and tiers in force; empty without a declaration."""

    stages: Titles = field(default_factory=dict)
    tiers: Titles = field(default_factory=dict)

    def stage(self, profile: Profile, language: str) -> str:
        """The title of the customer's declared stage; empty when none is declared."""
        return _title(self.stages, standing(profile["segments"], STAGE), language)

    def tier(self, profile: Profile, language: str) -> str:
        """The title of the customer's tier; empty when there is none."""
        return _title(self.tiers, standing(profile["segments"], TIER), language)

    def journey(self, profile: Profile, language: str) -> list[tuple[str, bool]]:
        """Every declared stage, and whether the customer is there; empty when none is declared."""
        here = standing(profile["segments"], STAGE)
        return [(pick(title, language)[1], name == here) for name, title in self.stages.items()] if here else []


NOWHERE: Final = Places()


async def places(store: Declaring, profile: Profile) -> Places:
    """What is in force, as far as this customer stands somewhere in it. Raises Transient."""
    if not any(standing(profile["segments"], place) for place in (STAGE, TIER)):
        return NOWHERE
    said = await store.declared()
    return NOWHERE if said is None else _read(said)


@lru_cache(maxsize=4)
def _read(said: bytes) -> Places:
    found = {one.id: one.name for one in segments_of(Book.from_json(said).segments)}
    stages, tiers = (
        {id.removeprefix(place): title for id, title in found.items() if id.startswith(place)}
        for place in (STAGE, TIER)
    )
    return Places(stages, tiers)


def _title(titles: Titles, name: str, language: str) -> str:
    # What came into force since is called by its name, until it is read.
    return pick(titles[name], language)[1] if name in titles else name
