"""Identifiers made from content, so that the same thing has the same name everywhere."""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache

NAMESPACE = uuid.UUID("6f1c0d53-5b0e-5d43-9a53-0f5d1f7c3c11")


def digest(text: str, size: int = 10) -> str:
    """`size` bytes of BLAKE2b over the text, in hexadecimal."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def event_id(source: str, key: str) -> str:
    """A UUIDv5 over the source and the sender's own key: a resend is the same event."""
    return str(uuid.uuid5(NAMESPACE, f"{source}\n{key}"))


def body_key(body: bytes) -> str:
    """The key of a message whose sender gives it none: a hash of its bytes."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def ref(event: str) -> str:
    """A short name (10 characters, 40 bits) of an event id, to break ties between equal times."""
    return digest(event, 5)


@lru_cache(maxsize=262144)
def customer_id(identity: str) -> str:
    """The customer an identity (`type:value`) belongs to until it is linked to another one."""
    return "c" + digest(identity)


def trigger_id(rule: str, customer: str, occurrence: str) -> str:
    """The name of one firing: rule, customer and logical occurrence, never the rule's version.

    The customer may be empty where the occurrence alone names one, as an event's id does.
    """
    return "t" + digest(f"{rule}\n{customer}\n{occurrence}", 15)
