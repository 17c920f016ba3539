"""From a trigger to the message a channel sends."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from channels.base import Channel, Outbound
from hub.settings import Settings
from hub.trigger import Trigger
from hub.unsubscribe import unsubscribe_url

LEAVABLE: Final = frozenset({"marketing"})
"""Purposes a customer can leave in one step."""


def _leave(trigger: Trigger, settings: Settings) -> str:
    secret = settings.jwt_secret.get_secret_value()
    if trigger.channel != "email" or trigger.purpose not in LEAVABLE or not (secret and settings.public_url):
        return ""
    return unsubscribe_url(settings.public_url, secret, trigger.to, trigger.channel, trigger.id)


def _status(trigger: Trigger, channel: Channel, settings: Settings) -> str:
    if not settings.public_url or not channel.can.delivery_states:
        return ""
    place = f"/in/{channel.name}/{channel.provider}"
    return f"{settings.public_url.rstrip('/')}{place}?trigger={quote(trigger.id, safe='')}"


def outbound(trigger: Trigger, channel: Channel, settings: Settings) -> Outbound:
    """The message. What no person wrote says so, so that no robot answers it (RFC 3834)."""
    answers = trigger.data.get("reply_to")
    machine = "auto-replied" if answers else "auto-generated"
    return Outbound(
        key=trigger.id,
        to=trigger.to,
        text=trigger.text,
        subject=trigger.subject,
        language=trigger.language,
        reply_to=str(answers or ""),
        unsubscribe_url=_leave(trigger, settings),
        status_url=_status(trigger, channel, settings),
        headers={} if trigger.agent else {"Auto-Submitted": machine},
    )
