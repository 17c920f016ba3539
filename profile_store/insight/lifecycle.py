"""Where the customer stands in their lifecycle, by an operator's own stages or the built-in ones.

Stages stand in a list; the first whose conditions all hold is the customer's:

```yaml
- {stage: lost, when: [{score: churn, at_least: 0.8}]}
- {stage: loyal, when: [{value: orders, at_least: 5}, {latest: [web.page], within_days: 30}]}
- {stage: vip, when: [{trait: tier, is: [gold, platinum]}]}
- {stage: buying, when: [{latest: [web.track/Product Added], after: [web.track/Order Completed]}]}
- {stage: curious, when: [{any: [{count: [web.page], at_least: 3}, {latest: [web.track/Product Viewed]}]}]}
- {stage: new}
```

Conditions are data and nothing of them is ever run as code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from hub.amounts import DECIMALS, NO_CURRENCY
from hub.errors import Misconfigured
from profile_store.insight.scores import BOUGHT, CHOOSING, DEFAULT_MODELS, LOOKING, Model, Score, newest, scores
from profile_store.insight.value import DAY, DEFAULT_TIERS, Tier, Value, value

Names: TypeAlias = Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
Scalar: TypeAlias = bool | int | float | str
Figure = Literal["orders", "lifetime", "average", "largest", "recency_days", "gap_days", "orders_per_year"]

MOST: Final = 20
"""Stages, and conditions of one."""


class _Condition(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Between(_Condition):
    at_least: float | None = None
    at_most: float | None = None

    def holds_for(self, figure: float | None) -> bool:
        """Whether the figure is known and within the bounds."""
        return (
            figure is not None
            and (self.at_least is None or figure >= self.at_least)
            and (self.at_most is None or figure <= self.at_most)
        )


class Count(_Between):
    """How often these kinds of events happened, together."""

    count: Names


class Latest(_Condition):
    """That one of these kinds of events happened: at all, lately, after others."""

    latest: Names
    after: tuple[str, ...] = ()
    within_days: float | None = Field(default=None, gt=0)


class TraitIs(_Between):
    """What a trait says."""

    trait: str
    is_: Annotated[tuple[Scalar, ...], Field(max_length=20)] | None = Field(default=None, alias="is")


class Worth(_Between):
    """A figure of the customer's value; money in whole units of the main currency. `tier` is one of these names."""

    value: Figure | Literal["tier"]
    is_: Annotated[tuple[str, ...], Field(max_length=20)] | None = Field(default=None, alias="is")


class Scored(_Between):
    """What a score says."""

    score: str


class AnyOf(_Condition):
    """That one of these holds."""

    any: Annotated[tuple[Simple, ...], Field(min_length=1, max_length=MOST)]


_TAGS: Final = ("count", "latest", "trait", "value", "score", "any")


def _tag(said: Any) -> str | None:
    """Which condition it is: by the one name that only this kind has."""
    names = said if isinstance(said, Mapping) else type(said).model_fields if isinstance(said, BaseModel) else ()
    found = [name for name in _TAGS if name in names]
    return found[0] if len(found) == 1 else None


Simple: TypeAlias = Annotated[
    Annotated[Count, Tag("count")]
    | Annotated[Latest, Tag("latest")]
    | Annotated[TraitIs, Tag("trait")]
    | Annotated[Worth, Tag("value")]
    | Annotated[Scored, Tag("score")],
    Discriminator(_tag),
]
Condition: TypeAlias = Annotated[
    Annotated[Count, Tag("count")]
    | Annotated[Latest, Tag("latest")]
    | Annotated[TraitIs, Tag("trait")]
    | Annotated[Worth, Tag("value")]
    | Annotated[Scored, Tag("score")]
    | Annotated[AnyOf, Tag("any")],
    Discriminator(_tag),
]
AnyOf.model_rebuild()


class Stage(_Condition):
    """One stage, and when a customer stands there."""

    stage: str = Field(min_length=1, max_length=40)
    when: Annotated[tuple[Condition, ...], Field(max_length=MOST)] = ()


_STAGES: Final[TypeAdapter[tuple[Stage, ...]]] = TypeAdapter(
    Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MOST)]
)


def read(said: Any) -> tuple[Stage, ...]:
    """Stages as settings have them. Raises Misconfigured with what is wrong."""
    try:
        return _STAGES.validate_python(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Misconfigured(f"lifecycle: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def from_yaml(text: str) -> tuple[Stage, ...]:
    """Stages from a file. Raises Misconfigured."""
    try:
        return read(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise Misconfigured(f"lifecycle: {' '.join(str(error).split())[:200]}") from None


DEFAULT: Final = read(
    [
        {"stage": "purchase", "when": [{"latest": CHOOSING, "after": BOUGHT}]},
        {"stage": "after", "when": [{"latest": BOUGHT}]},
        {"stage": "evaluation", "when": [{"any": [{"latest": LOOKING}, {"count": ["web.page"], "at_least": 3}]}]},
        {"stage": "need"},
    ]
)
"""What they did last among buying, choosing and looking decides."""


@dataclass(slots=True)
class _Seen:
    """A profile at a moment; value and scores are computed when a condition first asks, and once."""

    profile: Mapping[str, Any]
    now: int
    models: Mapping[str, Model]
    tiers: Sequence[Tier]
    currency: str
    _value: Value | None = None
    _scores: Mapping[str, Score] | None = None

    def figure(self, name: str) -> float | str | None:
        """A figure of the customer's value."""
        if self._value is None:
            self._value = value(self.profile, self.now, tiers=self.tiers, currency=self.currency)
        found = self._value
        whole = 10 ** DECIMALS.get(found.main.currency, 2)
        figures: dict[str, float | str | None] = {
            "orders": sum(one.orders for one in found.money.values()),
            "lifetime": found.lifetime / whole,
            "average": found.main.average / whole,
            "largest": found.main.largest / whole,
            "recency_days": found.recency_days,
            "gap_days": found.gap_days,
            "orders_per_year": found.orders_per_year,
            "tier": found.tier,
        }
        return figures[name]

    def score(self, name: str) -> float | None:
        """A score's value, if there is one."""
        if self._scores is None:
            self._scores = scores(self.profile, self.now, self.models)
        found = self._scores.get(name)
        return None if found is None else found.value


def _number(said: Any) -> float | None:
    """A number that can be compared."""
    return said if isinstance(said, int | float) and not isinstance(said, bool) else None


def _holds(one: Condition, seen: _Seen) -> bool:
    if isinstance(one, Count):
        return one.holds_for(sum(seen.profile.get("counts", {}).get(name, 0) for name in one.count))
    if isinstance(one, Latest):
        last = newest(seen.profile, one.latest)
        lately = one.within_days is None or seen.now - last <= one.within_days * DAY
        return last > newest(seen.profile, one.after) and lately
    if isinstance(one, TraitIs):
        register = seen.profile.get("traits", {}).get(one.trait)
        return register is not None and _fits(register[0], one)
    if isinstance(one, Worth):
        return _fits(seen.figure(one.value), one)
    if isinstance(one, Scored):
        return one.holds_for(seen.score(one.score))
    return any(_holds(simple, seen) for simple in one.any)


def _fits(said: Any, one: TraitIs | Worth) -> bool:
    """Whether a value is one of those wanted, and within the bounds where there are any."""
    if one.is_ is not None and not any(said == wanted and _alike(said, wanted) for wanted in one.is_):
        return False
    if one.at_least is None and one.at_most is None:
        return said is not None
    return one.holds_for(_number(said))


def _alike(one: Any, other: Any) -> bool:
    """True is not 1 here."""
    return isinstance(one, bool) == isinstance(other, bool)


def stage(
    profile: Mapping[str, Any],
    now: int,
    stages: Sequence[Stage] = DEFAULT,
    *,
    models: Mapping[str, Model] = DEFAULT_MODELS,
    tiers: Sequence[Tier] = DEFAULT_TIERS,
    currency: str = NO_CURRENCY,
) -> str:
    """The first stage whose conditions all hold; empty when none does."""
    seen = _Seen(profile, now, models, tiers, currency)
    for one in stages:
        if all(_holds(condition, seen) for condition in one.when):
            return one.stage
    return ""
