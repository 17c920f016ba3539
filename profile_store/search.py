"""Searching: names and identities, folded so that people find what they type."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from hub.profile import Profile, value
from profile_store import why

LONGEST: Final = 100
WORDS: Final = 6
HIDDEN: Final = frozenset({"customer", "device"})
NAMED: Final = "N:"
"""Before an identity that was refused to a customer. In upper case, which no folded text is: no search finds it."""

_FOLD: Final = {
    **{ord(digit): str(number) for number, digit in enumerate("۰۱۲۳۴۵۶۷۸۹")},
    **{ord(digit): str(number) for number, digit in enumerate("٠١٢٣٤٥٦٧٨٩")},
    **dict.fromkeys(map(ord, "يىئ"), "ی"),
    **dict.fromkeys(map(ord, "كڪ"), "ک"),
    **dict.fromkeys(map(ord, "ةۀ"), "ه"),
    **dict.fromkeys(map(ord, "أإآٱ"), "ا"),
    ord("ؤ"): "و",
    ord("\u200c"): " ",
    ord("\u200d"): "",
    ord("\u0640"): "",
}


def letters(text: str) -> str:
    """The text in lower case, without accents, with one form of Persian and Arabic letters, digits and blanks."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = text.translate(_FOLD).lower()
    # Most texts are in this form after one step; asking is quicker than going through the letters again.
    if not unicodedata.is_normalized("NFKD", plain) or any(map(unicodedata.combining, plain)):
        parts = unicodedata.normalize("NFKD", plain)
        kept = "".join([sign for sign in parts if not unicodedata.combining(sign)])
        # Taking letters apart brings forth letters of the other form again.
        plain = kept.translate(_FOLD).lower()
    return " ".join(plain.split())


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """The text as it is compared by a search."""
    return letters(text)[:LONGEST].lstrip("+")


def identifiers(profile: Profile) -> set[str]:
    """The identities that people know a customer by."""
    named = (key.partition(":") for key in profile["identities"])
    return {fold(text) for kind, _, text in named if kind not in HIDDEN} - {""}


def names(profile: Profile) -> set[str]:
    """The customer's names, each from every word on."""
    found: set[str] = set()
    parts = (value(profile["traits"], name) for name in ("name", "first_name", "last_name"))
    for part in (part for part in parts if isinstance(part, str)):
        words = fold(part).split(" ")[:WORDS]
        found.update(" ".join(words[start:]) for start in range(len(words)))
    return found - {""}


def claim(identity: str) -> str:
    """By what those are found for whom an identity was named and refused."""
    return f"{NAMED}{identity}"


def terms(profile: Profile) -> set[str]:
    """Everything this customer can be found by."""
    return identifiers(profile) | names(profile) | set(map(claim, why.standing(profile)))


def rank(term: str, profile: Profile) -> tuple[int, int]:
    """Where a customer that was found stands: an exact identifier, then names, then the rest; newest seen first."""
    if term in identifiers(profile):
        return 0, -profile["last"]
    return 1 if any(name.startswith(term) for name in names(profile)) else 2, -profile["last"]


def entry(term: str, customer: str) -> str:
    """A term as it stands in the index."""
    return f"{term}\x00{customer}"


def customer(raw: bytes) -> str:
    """The customer of an entry of the index."""
    return raw.rpartition(b"\x00")[2].decode()
