"""What the facets of a profile know, for the page and the API; of a profile without them, nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from desk import views
from hub.profile import SOURCE, TIME, VALUE, Profile, Register
from profile_store.facets import devices as _devices
from profile_store.insight import mood, scores
from profile_store.insight.scores import Model, Score

TOLD: Final = "told"
"""Where the facts of every source are kept: name → source → [value, time, …]."""
GOOD, BAD = 0.2, -0.2
"""Scores of a mood that are no longer neither."""
SURE: Final = 0.3
"""Confidence from which a score is shown to agents: below, it says more of the model than of the customer."""
COARSE: Final = 1_000
"""Metres from which a place is told in kilometres."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of somebody without their having said it."""

    mood: dict[str, Any] | None
    scores: dict[str, dict[str, Any]]
    place: dict[str, Any] | None
    devices: list[dict[str, Any]]

    def __bool__(self) -> bool:
        return bool(self.mood or self.scores or self.place or self.devices)


def _open(profile: Profile) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], profile)


def matters(profile: Profile) -> list[dict[str, Any]]:
    """What is open between us, promises first, each with whether its promise is overdue."""
    now = views.now_ms()
    found = mood.open_matters(_open(profile))
    return [{**one, "overdue": bool(one["promised"] and (one["promised"]["until"] or now) < now)} for one in found]


def matter(profile: Profile, id: str) -> dict[str, Any] | None:
    """One matter, open or not; None when the customer has none of that id."""
    return mood.matter(_open(profile), id)


def signs(profile: Profile) -> Signs:
    """Mood, scores, place and devices."""
    facets = _open(profile)
    return Signs(mood.mood(facets), mood.satisfaction(facets), mood.location(facets, views.now_ms()), devices(profile))


def devices(profile: Profile) -> list[dict[str, Any]]:
    """The devices used last, the last one first."""
    seen: Mapping[str, list[Any]] = _open(profile).get(_devices.NAME, {}).get("seen", {})
    found = [
        {
            "id": id,
            "time": one[_devices.TIME],
            "kind": one[_devices.KIND],
            "model": one[_devices.MODEL],
            "system": one[_devices.SYSTEM],
            "app": one[_devices.APP],
            "push": None if one[_devices.PUSH] is None else bool(one[_devices.PUSH]),
        }
        for id, one in seen.items()
    ]
    return sorted(found, key=lambda one: (-one["time"], one["id"]))


def others(profile: Profile, name: str) -> list[Register]:
    """What other sources say under a fact's name, where that is not what is shown; the newest first.

    The one place that knows how a profile keeps what it does not show.
    """
    shown = profile["facts"].get(name)
    if shown is None:
        return []
    said: Mapping[str, list[Any]] = _open(profile).get(TOLD, {}).get(name, {})
    found = [[one[0], one[1], one[2], source] for source, one in said.items()]
    different = [one for one in found if one[VALUE] != shown[VALUE] and one[SOURCE] != shown[SOURCE]]
    return sorted(different, key=lambda one: -one[TIME])


def likely(profile: Profile, models: Mapping[str, Model]) -> dict[str, Score]:
    """How likely the customer is to leave, to buy, …, where that is more than a guess."""
    found = scores.scores(_open(profile), views.now_ms(), models)
    return {name: one for name, one in found.items() if one.confidence >= SURE}


def scores_json(profile: Profile, models: Mapping[str, Model]) -> dict[str, Any]:
    """Every score for the API, guesses too: value, confidence, model, reasons, since when and until when it holds."""
    now = views.now_ms()
    return {
        name: {
            "value": one.value,
            "confidence": one.confidence,
            "model": one.model,
            "reasons": list(one.reasons),
            "time": views.moment(one.time or now),
            "until": None if one.until is None else views.moment(one.until),
        }
        for name, one in scores.scores(_open(profile), now, models).items()
    }


def feeling(score: float) -> str:
    """A score in a word: good, bad or even."""
    return "good" if score > GOOD else "bad" if score < BAD else "even"


def as_json(profile: Profile) -> dict[str, Any]:
    """The same for the API; a profile without facets adds nothing."""
    found = signs(profile)
    told = {
        "matters": [_timed(one, "changed", "opened") for one in mood.matters(_open(profile))],
        "mood": found.mood and _timed(found.mood, "time"),
        "satisfaction": {kind: _timed(one, "time") for kind, one in found.scores.items()},
        "location": found.place and _timed(found.place, "time"),
        "devices": [_timed(one, "time") for one in found.devices],
    }
    return {name: value for name, value in told.items() if value}


def _timed(said: dict[str, Any], *names: str) -> dict[str, Any]:
    times: dict[str, Any] = {name: views.moment(said[name]) for name in names if said.get(name) is not None}
    promised = said.get("promised")
    if promised and promised["until"] is not None:
        times["promised"] = {**promised, "until": views.moment(promised["until"])}
    return {**said, **times}
