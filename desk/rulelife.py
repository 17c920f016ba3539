"""What rules live on and what they do: fields that stopped coming, and what each said, kept back and brought about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from desk import views
from desk.ports import Store
from hub.errors import Transient
from profile_store.effects import DAY_MS, DAYS, Effects, day
from rules.arrivals import Missing, asked, missing
from rules.model import Rule

NOON: Final = DAY_MS // 2
HEIGHT: Final = 90
STEP: Final = 12
"""Of the picture of a month: how high, and how wide one day is."""
LEAST: Final = 4
"""Of a bar that is there at all."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the picture."""

    moment: int
    """Its noon, in ms."""
    said: int
    held: int
    left: int
    tall: int
    """Of what was said, from the bottom."""
    more: int
    """Of what was held, above that."""


@dataclass(frozen=True, slots=True)
class Life:
    """Of some rules, what is known; of others nothing."""

    missing: Mapping[str, list[Missing]] = field(default_factory=dict)
    effects: Mapping[str, Effects] = field(default_factory=dict)
    today: int = 0

    def of(self, rule: str) -> RuleLife:
        """What is known of one rule."""
        return RuleLife(self.missing.get(rule, []), self.effects.get(rule), self.today)


@dataclass(frozen=True, slots=True)
class RuleLife:
    """What is known of one rule; `effects` are None when the store did not answer."""

    missing: list[Missing]
    effects: Effects | None
    today: int

    @property
    def bars(self) -> list[Bar]:
        """The days as bars, the oldest first."""
        if self.effects is None:
            return []
        pairs = list(zip(self.effects.said, self.effects.held, strict=True))
        most = max(1, *(said + held for said, held in pairs))
        first = self.today - DAYS + 1
        return [
            Bar((first + at) * DAY_MS + NOON, said, held, at * STEP, _tall(said, most), _tall(held, most))
            for at, (said, held) in enumerate(pairs)
        ]

    @property
    def said(self) -> int:
        """How often it spoke."""
        return 0 if self.effects is None else sum(self.effects.said)

    @property
    def held(self) -> int:
        """How often it was kept back."""
        return 0 if self.effects is None else sum(self.effects.held)

    def to_json(self, *, whole: bool = False) -> dict[str, Any]:
        """For the API; `whole` with reasons, and what became of it. Null where the store did not answer."""
        if self.effects is None:
            return {"missing": None, "effects": None}
        days = {_named(one.moment): {"said": one.said, "held": one.held} for one in self.bars if one.said or one.held}
        counts: dict[str, Any] = {"said": self.said, "held": self.held, "days": days}
        if whole:
            counts |= {
                "reasons": self.effects.reasons,
                "ended": self.effects.ended,
                "became": self.effects.became,
            }
        return {"missing": list(map(_as_json, self.missing)), "effects": counts}


def _tall(count: int, most: int) -> int:
    return max(LEAST, round(count * HEIGHT / most)) if count else 0


def _named(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).date().isoformat()


def _as_json(one: Missing) -> dict[str, Any]:
    return {
        "event": one.event,
        "field": one.wanted.field,
        "as": one.wanted.kind,
        "state": one.state,
        "since": one.since,
        "looked": one.looked,
        "otherwise": one.otherwise,
    }


async def life(store: Store, ids: Iterable[str], rules: Iterable[Rule]) -> Life:
    """What rules with these ids did, and what those of them miss that are in force.

    The rules themselves are shown also while the store does not answer; then nothing is known of them here.
    """
    today = day(views.now_ms())
    wanted = await asyncio.to_thread(lambda: {rule.id: asked(rule) for rule in rules})
    kinds = dict.fromkeys(kind for some in wanted.values() for kind in some)
    try:
        known, effects = await asyncio.gather(store.arrivals(list(kinds)), store.effects(list(ids), today))
    except Transient:
        return Life()
    return Life({id: missing(some, known) for id, some in wanted.items()}, effects, today)
