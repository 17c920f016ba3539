"""Links that end messages: a signed token says who, on which channel, and which message showed the link."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from hub.errors import Unauthenticated
from hub.security import same

_PURPOSE: Final = b"hub unsubscribe"
"""Keeps this use of the secret apart from its other uses."""
_SIGNATURE: Final = 16
_BETWEEN: Final = "\n"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link is about."""

    identity: str
    """`type:value`"""
    channel: str
    trigger: str


def unsubscribe_token(secret: str, identity: str, channel: str, trigger: str) -> str:
    """A token for the path of a link. It never expires: a mail of last year must still end the mails."""
    body = _BETWEEN.join((identity, channel, trigger)).encode()
    return _text(_sign(secret, body) + body)


def read_unsubscribe_token(token: str, secret: str) -> Subscription:
    """What the token says. Raises Unauthenticated unless it is one of ours."""
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Unauthenticated("the link is not valid") from None
    signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not secret or not same(signature, _sign(secret, body)):
        raise Unauthenticated("the link is not valid")
    identity, channel, trigger = body.decode().split(_BETWEEN)
    return Subscription(identity, channel, trigger)


def unsubscribe_url(public_url: str, secret: str, identity: str, channel: str, trigger: str) -> str:
    """The whole link, for a message and for its List-Unsubscribe header."""
    return f"{public_url.rstrip('/')}/u/{unsubscribe_token(secret, identity, channel, trigger)}"


def _sign(secret: str, body: bytes) -> bytes:
    key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    return hmac.digest(key, body, hashlib.sha256)[:_SIGNATURE]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
