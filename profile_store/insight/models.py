"""Which models give the scores: the hub's own, and those that an installation names as `module:function`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from hub.errors import Misconfigured, Rejected
from hub.logs import get
from profile_store.insight.scores import DEFAULT_MODELS, Model, Score

Named: TypeAlias = tuple[tuple[str, str], ...]
"""(score, `module:function`), sorted: the setting `scores` as something that can be remembered by."""

ADVICE: Final = "Name a function as module:function that Python can import here, or nothing to have no such score."

log = get("scores")


def named(setting: Mapping[str, str]) -> Named:
    """The setting `scores` in the form in which `models` takes it."""
    return tuple(sorted(setting.items()))


@lru_cache(maxsize=8)
def models(wanted: Named) -> Mapping[str, Model]:
    """Every model by the name of its score. Raises Misconfigured for one that is not there."""
    found = {name: model for name, model in DEFAULT_MODELS.items() if name not in dict(wanted)}
    for name, place in wanted:
        if place:
            found[name] = _guarded(place, _function(name, place))
    return MappingProxyType(found)


def _function(name: str, place: str) -> Callable[[Mapping[str, Any], int], object]:
    module, colon, path = place.partition(":")
    try:
        found: Any = importlib.import_module(module) if module and colon else None
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise Misconfigured(f"HUB_SCORES: {name} has no model {place!r}: {error}", ADVICE) from error
    if not callable(found):
        raise Misconfigured(f"HUB_SCORES: {place} of {name} is no function", ADVICE)
    function: Callable[[Mapping[str, Any], int], object] = found
    return function


def _guarded(place: str, function: Callable[[Mapping[str, Any], int], object]) -> Model:
    """A model of somebody else's: what it cannot do, or says wrongly, is no score, and never takes a page with it."""

    def model(profile: Mapping[str, Any], now: int) -> Score | None:
        try:
            return _checked(place, function(profile, now))
        except Exception as error:  # whatever a model raises: it is not ours
            log.warning("a model of scores failed", model=place, error=repr(error)[:200])
            return None

    return model


def _checked(place: str, said: object) -> Score | None:
    """What a model said as a score. Raises Rejected for what is none."""
    score = Score(place, float(said), 1.0) if isinstance(said, int | float) else said
    if score is None:
        return None
    if not isinstance(score, Score) or not 0 <= score.value <= 1 or not 0 <= score.confidence <= 1:
        raise Rejected(f"{said!r} is no score from 0 to 1")
    return score
