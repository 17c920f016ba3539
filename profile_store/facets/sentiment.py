"""Sentiment: how the customer's last ten messages sound.

`[[time, ref, score, confidence, channel], …]`, the newest first; score and confidence in hundredths, -100 to 100
and 0 to 100. An event that brings `data.sentiment` of its own, from a better model, is believed, and the name of
that model stands at the end; for all others the words decide (`lexicon`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from hub.event import Event
from profile_store.facets import lexicon
from profile_store.facets.shapes import number, part, text

NAME: Final = "sentiment"

TIME, REF, SCORE, CONFIDENCE, CHANNEL, MODEL = range(6)

KEPT: Final = 10
LONGEST_NAME: Final = 20

Model: TypeAlias = Callable[[str], tuple[float, float]]
"""From a text to its score, -1 to 1, and how sure that is, 0 to 1."""

MESSAGES: Final = frozenset({"email.received", "sms.received", "social.message", "social.comment", "social.mention"})
"""Events whose text a customer wrote."""
JUDGED: Final = MESSAGES | {"survey.answered", "phone.ended", "phone.input", "phone.transcribed"}
"""Events that somebody else may have judged: also what was said on the telephone or in a survey."""


def _given(event: Event) -> tuple[float, float, str] | None:
    """The score, the confidence and the name of the model that the event brings itself, if they make sense."""
    said = part(event, "sentiment")
    score = number(said.get("score"))
    if score is None or not -1 <= score <= 1:
        return None
    sure = number(said.get("confidence"))
    return score, sure if sure is not None and 0 <= sure <= 1 else 0.5, text(said.get("model"), LONGEST_NAME)


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str, model: Model = lexicon.mood) -> None:
    """Judge what the customer wrote; what a machine of theirs wrote says nothing."""
    if event.type not in JUDGED or event.data.get("automatic") is True:
        return
    given, written = _given(event), event.data.get("text")
    if given is not None:
        score, sure, name = given
        judgement = [ms, ref, round(score * 100), round(sure * 100), event.channel, name or "given"]
    elif event.type in MESSAGES and isinstance(written, str) and written.strip():
        score, sure = model(written)
        judgement = [ms, ref, round(score * 100), round(sure * 100), event.channel]
    else:
        return
    profile[NAME] = _newest([*profile.get(NAME, ()), judgement])


def _newest(judgements: list[list[Any]]) -> list[list[Any]]:
    return sorted(judgements, reverse=True)[:KEPT]


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """The newest of both profiles' messages."""
    if NAME in other:
        into[NAME] = _newest([*into.get(NAME, ()), *map(list, other[NAME])])
