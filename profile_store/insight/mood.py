"""How the customer feels, what is still open between us, and where they are: read from what the facets keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from hub.profile import REF, SOURCE, TIME, VALUE, Register
from profile_store.facets import matters as _matters
from profile_store.facets import place as _place
from profile_store.facets import satisfaction as _satisfaction
from profile_store.facets import sentiment as _sentiment

Json: TypeAlias = dict[str, Any]

LISTED: Final = 20
"""Matters that are shown, at most."""
FRESHER: Final = 3_600_000
"""Milliseconds by which a coarser place must be newer to be the better answer."""
_EXACT: Final = {"gps": 2, "ip": 1, "declared": 0}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _trend(oldest_first: Sequence[float], part: int) -> float | None:
    """How far the last of several values, on average, lie above the first; None of too few."""
    size = len(oldest_first) // part
    return round(_mean(oldest_first[-size:]) - _mean(oldest_first[:size]), 3) if size else None


def satisfaction(profile: Mapping[str, Any]) -> dict[str, Json]:
    """By `csat`, `nps` and `ces`, if ever answered: the last score and its time, mean, number, trend and the measure.

    Scores are on the usual scales. The *measure* is what managers quote: per cent satisfied (4 and 5 of 5) for
    CSAT, promoters less detractors for NPS, per cent at ease (5 to 7 of 7) for CES. The trend compares the newer
    half of the last five answers with the older one.
    """
    found: dict[str, Json] = {}
    for kind, kept in sorted(profile.get(_satisfaction.NAME, {}).items()):
        answers, total, high, low, refused, newest = kept
        if not answers:
            continue
        last = newest[0]
        less = low if kind == "nps" else 0
        found[kind] = {
            "last": last[_satisfaction.SCORE] / 100,
            "time": last[_satisfaction.TIME],
            "topic": last[_satisfaction.TOPIC] or None,
            "mean": round(total / answers / 100, 3),
            "n": answers,
            "measure": round((high - less) / answers * 100, 1),
            "refused": refused,
            "trend": _trend([answer[_satisfaction.SCORE] / 100 for answer in reversed(newest)], 2),
        }
    return found


def mood(profile: Mapping[str, Any]) -> Json | None:
    """How the last messages sound: last and mean score (-1 to 1), trend, confidence (0 to 1), time and number.

    Each message counts as much as its score is sure. The trend is the mean of the last third less that of the first
    third; None of fewer than three messages. None when the customer never wrote anything.
    """
    kept = profile.get(_sentiment.NAME)
    if not kept:
        return None
    scores = [judged[_sentiment.SCORE] / 100 for judged in kept]
    sure = [judged[_sentiment.CONFIDENCE] / 100 for judged in kept]
    weight = sum(sure)
    return {
        "last": scores[0],
        "mean": round(sum(score * part for score, part in zip(scores, sure, strict=True)) / weight, 3)
        if weight
        else 0.0,
        "trend": _trend(scores[::-1], 3),
        "confidence": round(_mean(sure), 3),
        "time": kept[0][_sentiment.TIME],
        "n": len(kept),
    }


def _said(matter: Mapping[str, Register], attribute: str) -> Any:
    return matter[attribute][VALUE] if attribute in matter else None


def _matter(id: str, matter: Mapping[str, Register]) -> Json:
    newest = max(matter.values(), key=lambda register: (register[TIME], register[REF]))
    promise = _said(matter, "promised")
    return {
        "id": id,
        "state": _said(matter, "state") or "open",
        **{name: _said(matter, name) for name in ("subject", "channel", "priority", "owner", "opened")},
        "promised": None if promise is None else {"text": promise[0], "until": promise[1]},
        "changed": newest[TIME],
        "source": newest[SOURCE],
    }


def matter(profile: Mapping[str, Any], id: str) -> Json | None:
    """One matter as `matters` gives it, open or not."""
    kept = profile.get(_matters.NAME, {}).get(id)
    return _matter(id, kept) if kept else None


def matters(profile: Mapping[str, Any]) -> list[Json]:
    """The matters that changed last, the newest first: id, state, subject, promise, owner, times, source."""
    found = [_matter(id, matter) for id, matter in profile.get(_matters.NAME, {}).items()]
    return sorted(found, key=lambda one: (one["changed"], one["id"]), reverse=True)[:LISTED]


def open_matters(profile: Mapping[str, Any]) -> list[Json]:
    """Those that are neither solved nor closed: first what is promised, by when it is due, then the newest."""
    found = [_matter(id, matter) for id, matter in profile.get(_matters.NAME, {}).items()]
    left = [one for one in found if one["state"] not in _matters.OVER]
    left.sort(key=lambda one: (_due(one), -one["changed"], one["id"]))
    return left[:LISTED]


def _due(matter: Json) -> float:
    until = matter["promised"] and matter["promised"]["until"]
    return float("inf") if until is None else until


def location(profile: Mapping[str, Any], now: int) -> Json | None:
    """Where the customer is as far as we know at `now`, in milliseconds: the newest place, and how old it is.

    A place from an exact source is preferred to a coarser one that is at most an hour newer. None when unknown.
    """
    kept = profile.get(_place.NAME)
    if not kept:
        return None
    newest = max(place[_place.TIME] for place in kept.values())
    fresh = {source: place for source, place in kept.items() if place[_place.TIME] >= newest - FRESHER}
    source = max(fresh, key=lambda name: _EXACT[name])
    place = fresh[source]
    return {
        "latitude": place[_place.LATITUDE],
        "longitude": place[_place.LONGITUDE],
        "accuracy": place[_place.ACCURACY],
        "city": place[_place.CITY] or None,
        "country": place[_place.COUNTRY] or None,
        "source": source,
        "time": place[_place.TIME],
        "age_seconds": max(0, now - place[_place.TIME]) // 1000,
    }
