"""What a customer can be recognised by, in one normal form."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

import phonenumbers
from typing_extensions import TypedDict

BLOCKED: Final = frozenset(
    {"", "null", "none", "nil", "undefined", "nan", "-1", "0", "anonymous", "guest", "unknown", "n/a", "na"}
    | {"false", "true", "[object object]", "00000000-0000-0000-0000-000000000000"}
)
"""Values that senders put where they know nothing; linking by them would weld strangers together."""

LONGEST: Final = 320
"""Characters an identity's value may have (the longest e-mail address)."""

TELEPHONES: Final = frozenset({"phone", "whatsapp"})
"""Types whose values are telephone numbers."""

ROLE_MAILBOXES: Final = frozenset({"noreply", "no-reply", "donotreply", "mailer-daemon", "postmaster"})


class Identity(TypedDict):
    """One identity as an event carries it."""

    type: str
    value: str
    verified: bool


@lru_cache(maxsize=65536)
def _phone(value: str, region: str) -> str | None:
    text = value.strip()
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(value: str) -> str | None:
    local, at, domain = value.strip().lower().rpartition("@")
    if not at or not local or "." not in domain or " " in value.strip() or local in ROLE_MAILBOXES:
        return None
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{local}@{domain}"


def normalise(kind: str, value: object, region: str = "") -> str | None:
    """The value in its one form, or None when it cannot identify anybody.

    Phones become E.164 (`region` is the two-letter country of numbers without a prefix), e-mail
    addresses lower case with an ASCII domain, all else NFKC without outer blanks.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = unicodedata.normalize("NFKC", str(value)).strip()
    if text.lower() in BLOCKED or len(text) > LONGEST or not text.isprintable() or not text.strip("0 -"):
        return None
    if kind in TELEPHONES:
        return _phone(text, region)
    return _email(text) if kind == "email" else text


def identity(kind: str, value: object, *, verified: bool = False, region: str = "") -> Identity | None:
    """An identity in normal form, or None when the value cannot identify anybody."""
    normal = normalise(kind, value, region)
    return None if normal is None else {"type": kind, "value": normal, "verified": verified}


def key(one: Identity) -> str:
    """The identity as one string, `type:value`: the key of its events and of its place in the store."""
    return f"{one['type']}:{one['value']}"
