"""Satisfaction: what the customer answered when asked, by CSAT (1 to 5), NPS (0 to 10) and CES (1 to 7).

`{"nps": [answers, sum, high, low, refused, [[time, ref, score, topic], …]]}`: the newest five answers, the newest
first; scores in hundredths of the usual scale, so that sums are exact in any order. *High* and *low* count what
the measures are made of: satisfied, promoters, at ease; and dissatisfied, detractors, with effort.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.event import Event
from profile_store.facets.shapes import first, number, part, text

NAME: Final = "satisfaction"

ANSWERS, SUM, HIGH, LOW, REFUSED, NEWEST = range(6)
TIME, REF, SCORE, TOPIC = range(4)

NEWEST_KEPT: Final = 5
LONGEST_TOPIC: Final = 40

SCALES: Final[dict[str, tuple[int, int, int, int]]] = {
    "csat": (1, 5, 400, 200),
    "nps": (0, 10, 900, 600),
    "ces": (1, 7, 500, 300),
}
"""Kind → least and most, from where a score is high, up to where it is low."""

KINDS: Final = {
    **{kind: kind for kind in SCALES},
    **dict.fromkeys(("customer satisfaction", "customer_satisfaction", "satisfaction"), "csat"),
    **dict.fromkeys(("net promoter score", "net_promoter_score", "recommendation"), "nps"),
    **dict.fromkeys(("customer effort score", "customer_effort_score", "effort"), "ces"),
}
"""How senders call the three."""

TRACKED: Final = frozenset(f"{what} {did}" for what in ("survey", *SCALES) for did in ("answered", "submitted"))
"""Names of tracked events that are an answer, in lower case."""

_KIND: Final = ("kind", "survey_type", "survey_kind", "metric", "type")
_SCORE: Final = ("score", "rating", "answer", "value")
_SCALE: Final = ("scale", "max", "max_score", "out_of")
_TOPIC: Final = ("topic", "touchpoint", "subject")


def hundredths(kind: str, score: object, scale: object = None) -> int | None:
    """The score on the kind's usual scale in hundredths, or None when it lies outside of the scale it was given on."""
    least, most, _, _ = SCALES[kind]
    given, top = number(score), float(most) if scale is None else number(scale)
    if given is None or top is None or not least < top <= 1_000 or not least <= given <= top:
        return None
    return round((least + (given - least) * (most - least) / (top - least)) * 100)


def _answers(event: Event) -> Iterator[tuple[str, object, object, str]]:
    """Kind, score, scale and topic of each answer in the event; of one kind only the first."""
    found: set[str] = set()
    name = event.data.get("name")
    asked = event.type == "survey.answered"
    tracked = event.type == "web.track" and isinstance(name, str) and name[:40].lower() in TRACKED
    places = [part(event, "survey")]
    if asked or tracked:
        places += [part(event, "properties"), part(event, "facts")]
    for place in places:
        if not place:
            continue
        topic = text(first(place, _TOPIC), LONGEST_TOPIC)
        named = _kind(place, str(name) if tracked else "")
        if named and named not in found and first(place, _SCORE) is not None:
            found.add(named)
            yield named, first(place, _SCORE), first(place, _SCALE), topic
        for kind in SCALES:
            if kind not in found and place.get(kind) is not None:
                found.add(kind)
                yield kind, place[kind], None, topic


def _kind(place: Mapping[str, Any], name: str) -> str:
    said = text(first(place, _KIND), 40) or name.partition(" ")[0]
    return KINDS.get(said.lower(), "")


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Count the answers in the event; a score that its scale does not have is only counted as refused."""
    if not ("survey" in event.data or event.type in {"survey.answered", "web.track"}):
        return
    for kind, said, scale, topic in _answers(event):
        kept = profile.setdefault(NAME, {}).setdefault(kind, [0, 0, 0, 0, 0, []])
        score = hundredths(kind, said, scale)
        if score is None:
            kept[REFUSED] += 1
            continue
        _, _, high, low = SCALES[kind]
        kept[ANSWERS] += 1
        kept[SUM] += score
        kept[HIGH] += score >= high
        kept[LOW] += score <= low
        kept[NEWEST] = _newest([*kept[NEWEST], [ms, ref, score, topic]])


def _newest(answers: list[list[Any]]) -> list[list[Any]]:
    return sorted(answers, reverse=True)[:NEWEST_KEPT]


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add the answers that the other profile has."""
    for kind, theirs in other.get(NAME, {}).items():
        ours = into.setdefault(NAME, {}).get(kind, [0, 0, 0, 0, 0, []])
        sums = [mine + more for mine, more in zip(ours[:NEWEST], theirs[:NEWEST], strict=True)]
        into[NAME][kind] = [*sums, _newest([*ours[NEWEST], *map(list, theirs[NEWEST])])]
