"""What everybody on the desk should hear at once: calls that come in and how they go on."""

from __future__ import annotations

from typing import Final

from hub.jsonbytes import dumps
from hub.profile import Profile, value
from streams.decode import Incoming

LOUD: Final = frozenset(
    {"phone.ringing", "phone.input", "phone.answered", "phone.ended", "phone.missed", "email.received"}
    | {"sms.received", "social.message", "social.comment", "social.mention"}
)


def news(profile: Profile, incoming: Incoming) -> bytes:
    """The notice for the desk, or nothing."""
    event = incoming.event
    if event.type not in LOUD or incoming.replayed:
        return b""
    return dumps(
        {
            "type": event.type,
            "customer": profile["id"],
            "name": value(profile["traits"], "name", ""),
            "identity": incoming.keys[0],
            "text": str(event.data.get("text", ""))[:200],
            "call": event.data.get("call"),
            "digits": event.data.get("digits"),
            "time": incoming.ms,
        }
    )
