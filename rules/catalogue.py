"""What is known of the fields that rules ask about: which there are, and what their values can be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from hub.profile import STAGE, STAGES
from rules import values, vocabulary
from rules.lifecycle import Group, segments_of
from rules.model import On
from rules.paths import Path
from rules.traits import Trait
from rules.typed import Typed
from rules.values import EITHER, MISSING, Values
from rules.vocabulary import Fields, Kind

_FROM_ZERO: Final = values.between(values.before(0), values.TOP, text=False)
_KINDS: Final[Mapping[Kind, tuple[str, Values]]] = {
    "text": ("text", values.ANY_TEXT),
    "number": ("a number", values.ANY_NUMBER),
    "whole": ("a whole number", values.ANY_NUMBER),
    "count": ("a whole number from 0", _FROM_ZERO),
    "moment": ("a moment", values.ANY_NUMBER),
    "yes-no": ("yes or no", EITHER),
    "list": ("a list", Values(values.LIST)),
    "mapping": ("a group of fields", Values(values.OTHER)),
    "scalar": ("a text, a number, or yes or no", values.ANY_TEXT | values.ANY_NUMBER | EITHER),
    "any": ("anything", values.PRESENT),
}
_COMPUTED: Final[Mapping[str, Kind]] = {
    **{"count": "count", "unique-count": "count", "sum": "number", "average": "number", "min": "number"},
    **{"max": "number", "first": "scalar", "last": "scalar", "most-frequent": "scalar", "unique-list": "list"},
}
_TYPED: Final[Mapping[str, Kind]] = {
    **{"text": "text", "number": "number", "integer": "whole", "boolean": "yes-no", "date": "text"},
    **{"moment": "text", "choice": "text", "list": "list"},
}


class Domain(NamedTuple):
    """What the values of a field can be."""

    values: Values
    says: str
    """In words."""
    whole: bool = False
    """Its numbers are whole."""
    sure: bool = True
    """The hub itself sees to it; else it is what senders usually say."""

    @property
    def maybe(self) -> Domain:
        """The same, or missing."""
        return self._replace(values=self.values | values.ABSENT)

    @property
    def always(self) -> bool:
        """It is never missing."""
        return not self.values.marks & MISSING


ANYTHING: Final = Domain(values.EVERYTHING, "anything", sure=False)


def of_kind(kind: Kind, *, sure: bool = True) -> Domain:
    """The domain of a kind of values."""
    says, some = _KINDS[kind]
    return Domain(some, says, kind in {"whole", "count"}, sure)


def of_words(words: Collection[str], *, sure: bool = True) -> Domain:
    """The domain of a field that says one of some words."""
    few = [word for word in dict.fromkeys(words) if word]
    says = few[0] if len(few) == 1 else f"one of {', '.join(few[:8])}{' …' if len(few) > 8 else ''}"
    return Domain(values.among(words), says, sure=sure)


@dataclass(frozen=True)
class Catalogue:
    """The events there are, and what is declared."""

    events: Mapping[str, Fields] = field(default_factory=lambda: vocabulary.EVENTS)
    properties: Mapping[str, Fields] = field(default_factory=lambda: vocabulary.PROPERTIES)
    traits: Mapping[str, Domain] = field(default_factory=dict)
    """The typed traits."""
    computed: Mapping[str, Domain] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()
    stages: tuple[str, ...] = STAGES

    @classmethod
    def of(cls, traits: Iterable[Trait] = (), groups: Iterable[Group] = (), typed: Iterable[Typed] = ()) -> Self:
        """The catalogue of what an operator declared: computed traits, segments with stages and tiers, typed traits."""
        names = tuple(one.id for one in segments_of(groups))
        stages = tuple(name.removeprefix(STAGE) for name in names if name.startswith(STAGE))
        return cls(
            traits={one.id: _typed(one) for one in typed},
            computed={one.id: of_kind(_COMPUTED[one.compute]).maybe for one in traits},
            segments=frozenset(names),
            stages=stages or STAGES,
        )

    def domain(self, path: Path, on: Sequence[On]) -> Domain:
        """What a field can be for events like these."""
        key = path.keys[0] if path.keys else ""
        if path.place == "envelope":
            return _ENVELOPE[key](on) if key in _ENVELOPE else of_kind("moment" if path.moment else "text")
        if path.place == "data":
            return self._data(path.keys, on)
        if path.place == "plain":
            return of_words((*self.stages, "")) if key == "stage" else _PLAIN[key]
        if path.place == "traits" and len(path.keys) == 1:
            return self.traits.get(key, ANYTHING)
        if path.place == "computed":
            return self.computed.get(key, ANYTHING)
        if path.place == "latest":
            return of_kind("moment" if path.moment else "text").maybe
        if path.place == "channels":
            return of_kind("moment").maybe if path.moment else of_kind("count")
        return _PLACES.get(path.place, ANYTHING)

    def heads(self, on: Sequence[On]) -> set[str] | None:
        """The fields that the data of such events can have; None when one of them is not known."""
        if not all(one.type in self.events for one in on):
            return None
        return {name for one in on for name in self.events[one.type] if "." not in name}

    def named(self, on: Sequence[On]) -> dict[str, Kind]:
        """The properties that such events usually have."""
        found: dict[str, Kind] = {}
        for one in on:
            if one.type in vocabulary.VIEWS:
                found |= vocabulary.VIEW
            elif one.type == "web.track":
                found |= self.properties.get(one.name or "", {})
        return found

    def _data(self, keys: tuple[str, ...], on: Sequence[On]) -> Domain:
        if keys == ("name",) and all(one.name for one in on):
            return of_words([one.name or "" for one in on])
        name = ".".join(keys)
        if keys[0] == "properties" and len(keys) == 2:
            kind = self.named(on).get(keys[1])
            return ANYTHING if kind is None else of_kind(kind, sure=False).maybe
        kinds = {self.events.get(one.type, {}).get(name) for one in on}
        only = kinds.pop() if len(kinds) == 1 else None
        return ANYTHING if only is None else of_kind(only, sure=False).maybe


def _typed(one: Typed) -> Domain:
    if one.type == "choice":
        return of_words(one.words).maybe
    found = of_kind(_TYPED[one.type])
    low, high = one.reads.least, one.reads.most
    if found.values.numbers and (low is not None or high is not None):
        bottom = values.BOTTOM if low is None else values.before(low)
        top = values.TOP if high is None else values.after(high)
        says = found.says + ("" if low is None else f" from {low}") + ("" if high is None else f" up to {high}")
        found = found._replace(values=values.between(bottom, top, text=False), says=says)
    return found.maybe


_PLAIN: Final[Mapping[str, Domain]] = {
    "language": of_kind("text").maybe,
    "events": of_kind("count"),
    "first": of_kind("moment"),
    "last": of_kind("moment"),
}
_PLACES: Final[Mapping[str, Domain]] = {
    "counts": of_kind("count"),
    "consent": of_kind("yes-no").maybe,
    "identities": of_kind("list").maybe,
    "segments": of_kind("yes-no"),
}
_ENVELOPE: Final[Mapping[str, Any]] = {
    "type": lambda on: of_words([one.type for one in on]),
    "channel": lambda on: of_words([one.type.partition(".")[0] for one in on]),
}
