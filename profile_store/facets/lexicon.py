"""How a message sounds, by its words: quick, explainable, and for English and Persian only.

Words have weights (`wording`); what stands around them turns, strengthens or weakens them. It knows no irony, and
says so: the confidence is low for few words that tell, for words that contradict each other, and for languages
that it does not know. Who has a better model puts its result into the event, see `sentiment`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Final, NamedTuple, TypeAlias

from profile_store.facets import wording
from profile_store.search import letters

LONGEST: Final = 2_000
"""Characters of a text that are looked at."""

_DENIED_GOOD, _DENIED_BAD = -0.75, -0.4
"""`not good` is nearly bad, `not bad` is a little good."""
_MORE, _LESS = 1.35, 0.6
_BEFORE_BUT, _AFTER_BUT = 0.6, 1.3
_ASKED: Final = 0.5
_NEAR, _NEXT = 4, 2
"""Words over which a denial reaches, and a strengthening."""
_SOFT: Final = 10.0
"""The sum of weights w becomes w / √(w² + this): the third complaint tells less than the first."""
_SHORT: Final = 4
"""Words below which a text is too short to tell its language."""


class Mood(NamedTuple):
    """How a text sounds."""

    score: float
    """-1 (furious) to 1 (delighted)."""
    confidence: float
    """0 (a guess) to 1."""


Hit: TypeAlias = tuple[int, int, float]
"""Words with a weight: from one token up to another, and how much they say."""


_EMOJI: Final = {sign: float(weight) for weight, signs in wording.EMOJI.items() for sign in signs}
_TOKEN: Final = re.compile(rf"[^\W_]+|[.!?؟;؛,،\n]|[{''.join(_EMOJI)}]")
_DRAWN: Final = re.compile(r"(.)\1\1+")
"""Letters drawn out, `sooo`."""
_STOPS: Final = frozenset(".!?؟;؛,،\n")
_ENDS: Final = frozenset(".!?؟\n")


def _drawn(found: re.Match[str]) -> str:
    # `goood` is good with two, `عالییی` is عالی with one: doubled letters are rare where vowels are not written.
    letter = found[1]
    return found[0] if not letter.isalpha() else letter * 2 if letter.isascii() else letter


def tokens(text: str) -> list[str]:
    """Words, signs of punctuation and emoji, in one form of letters and spelling."""
    if ":" in text or "<3" in text or ";)" in text:
        for sign, emoji in wording.EMOTICONS.items():
            text = text.replace(sign, emoji)
    plain = letters(text.replace("\n", " . ")).replace("'", "").replace("’", "")
    if _DRAWN.search(plain):
        plain = _DRAWN.sub(_drawn, plain)
    if "نمی" in plain:  # written apart, with half a blank or together; here always apart
        plain = f" {plain}".replace(" نمی", " نمی ")
    return _TOKEN.findall(plain)


def _listed(words: str) -> Iterator[str]:
    return (word for word in (part.strip() for part in words.split(",")) if word)


def _forms(word: str) -> list[str]:
    """The forms that a word of the lists stands for."""
    if word.endswith("+"):
        stem = word[:-1]
        return [stem, *(stem + end for end in ("ه", "ی", "م", "ن", "ند"))]
    stem, verb, rest = word.partition("~")
    if not verb:
        return [word]
    if stem.endswith("e"):
        ends = [stem, f"{stem}s", f"{stem}d", f"{stem[:-1]}ing"]
    elif stem.endswith("y") and stem[-2] not in "aeiou":
        ends = [stem, f"{stem[:-1]}ies", f"{stem[:-1]}ied", f"{stem}ing"]
    else:
        ends = [stem, f"{stem}es" if stem.endswith("sh") else f"{stem}s", f"{stem}ed", f"{stem}ing"]
    return [end + rest for end in ends]


def _plain(words: str) -> frozenset[str]:
    return frozenset(" ".join(tokens(word)) for word in _listed(words))


def _weights() -> dict[str, float]:
    found = dict(_EMOJI)
    for table in (wording.ENGLISH, wording.PERSIAN):
        forms: dict[str, float] = {}
        for weight, words in table.items():
            for word in _listed(words):
                # The word as it is listed wins over a form that another one might take.
                for number, form in enumerate(_forms(word)):
                    spelled = " ".join(tokens(form))
                    if number == 0:
                        forms[spelled] = weight
                    else:
                        forms.setdefault(spelled, weight)
        found.update(forms)
    return found


def _starts() -> dict[str, int]:
    found: dict[str, int] = {}
    for phrase in WEIGHTS:
        start, _, _ = phrase.partition(" ")
        found[start] = max(found.get(start, 0), phrase.count(" ") + 1)
    return found


WEIGHTS: Final = _weights()
"""Words and phrases as they are found in `tokens` → weight."""
STARTS: Final = _starts()
"""First word → words of the longest phrase that begins so."""

_BREAK, _DENIES_NEXT, _DENIES_LAST, _STRONGER, _WEAKER, _TURN, _ASKS, _KNOWN = (1 << bit for bit in range(8))
_BEATS: Final = _STRONGER | _WEAKER


def _roles() -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys([*_STOPS, *_EMOJI], _BREAK)
    for role, words in (
        (_BREAK, f"{wording.BREAKS}, {wording.TURNS}"),
        (_DENIES_NEXT, wording.BEFORE),
        (_DENIES_LAST, wording.AFTER),
        (_STRONGER, wording.MORE),
        (_WEAKER, wording.LESS),
        (_TURN, wording.TURNS),
        (_ASKS, wording.ASKS),
        (_KNOWN, wording.FUNCTION),
    ):
        for word in _plain(words):
            found[word] = found.get(word, 0) | role
    return found


ROLES: Final = _roles()
"""What a word does to those around it, as bits."""


def _hits(words: list[str]) -> list[Hit]:
    """Words and phrases with a weight; of several that begin at one place the longest."""
    found: list[Hit] = []
    free, size = 0, len(words)
    for place, word in enumerate(words):
        most = STARTS.get(word)
        if most is None or place < free:
            continue
        for length in range(min(most, size - place), 0, -1):
            weight = WEIGHTS.get(word if length == 1 else " ".join(words[place : place + length]))
            if weight is not None:
                free = place + length
                found.append((place, free, weight))
                break
    return found


def _around(roles: list[int], hit: Hit, before: int, after: int) -> float:
    """The weight of a hit after what stands around it, between the hits before and after."""
    start, end, weight = hit
    denied = 0
    for place in range(start - 1, max(before, start - _NEAR) - 1, -1):
        role = roles[place]
        if role & _BREAK:
            break
        denied |= role & _DENIES_NEXT
        if role & _BEATS and place >= start - _NEXT:
            weight *= _MORE if role & _STRONGER else _LESS
    # A verb that denies may be the next hit itself: in `سر وقت نیامد` both tell.
    for role in roles[end : min(after + 1, end + _NEAR)]:
        if role & _BREAK:
            break
        denied |= role & _DENIES_LAST
    if denied:
        weight *= _DENIED_GOOD if weight > 0 else _DENIED_BAD
    return weight


def _only_asked(words: list[str], roles: list[int]) -> list[bool]:
    """For each word, whether it stands in a question that states nothing."""
    found = [False] * len(words)
    start = 0
    for place, word in enumerate(words):
        if word in _ENDS:
            if word in "?؟" and not any(role & _ASKS for role in roles[start:place]):
                found[start:place] = [True] * (place - start)
            start = place + 1
    return found


def _weighed(words: list[str], roles: list[int], seen: int, hits: list[Hit]) -> list[float]:
    """The weight of each hit where it stands; without those that say nothing."""
    turn = max(place for place, role in enumerate(roles) if role & _TURN) if seen & _TURN else -1
    asked = _only_asked(words, roles) if "?" in words or "؟" in words else None
    found = []
    last = len(hits) - 1
    for number, hit in enumerate(hits):
        start, _, weight = hit
        after = hits[number + 1][0] if number < last else len(words)
        if not weight:
            continue
        weight = _around(roles, hit, hits[number - 1][1] if number else 0, after)
        if turn >= 0:
            weight *= _BEFORE_BUT if start < turn else _AFTER_BUT
        found.append(weight * _ASKED if asked and asked[start] else weight)
    return found


def _sure(words: int, known: bool, weights: list[float]) -> float:
    """How sure so many words make: when several say the same, in a language that is known."""
    if not weights:
        return 0.2 if known else 0.05
    agreed = abs(sum(weights)) / sum(map(abs, weights))
    sure = (1 - 0.55 ** len(weights)) * (0.3 + 0.7 * agreed) * min(1.0, 0.5 + 6 * len(weights) / words)
    return sure if known or words < _SHORT else sure * 0.3


def mood(text: str) -> Mood:
    """How a text sounds."""
    text = text[:LONGEST]
    words = tokens(text)
    if not words:
        return Mood(0.0, 0.0)
    roles = [ROLES.get(word, 0) for word in words]
    seen = reduce(or_, roles)
    hits = _hits(words)
    weights = _weighed(words, roles, seen, hits) if hits else []
    total = sum(weights)
    if total:
        total *= 1 + 0.1 * min(3, words.count("!"))
        if len(text) > 8 and text.isupper():
            total *= 1.2
    return Mood(total / math.sqrt(total * total + _SOFT), _sure(len(words), bool(seen & _KNOWN), weights))
