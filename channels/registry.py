"""Every channel there is: one line each. Nothing is discovered, nothing is imported before it is asked for."""

from __future__ import annotations

from typing import TypeAlias

from channels.base import Channel
from hub.settings import Settings

Registry: TypeAlias = dict[tuple[str, str], Channel]
"""By (channel, provider): its webhook is `/in/<channel>/<provider>`."""


def build(settings: Settings) -> Registry:
    """All channels of this installation. Opens no connection."""
    from channels.email import Email  # noqa: PLC0415  the web channel alone must not pay for the mail parser
    from channels.phone import TwilioVoice  # noqa: PLC0415
    from channels.sms import TwilioSms  # noqa: PLC0415
    from channels.social import Meta  # noqa: PLC0415
    from channels.web import Web  # noqa: PLC0415

    channels: tuple[Channel, ...] = (
        Web.from_settings(settings),
        Email.from_settings(settings),
        TwilioSms.from_settings(settings),
        TwilioVoice.from_settings(settings),
        Meta.from_settings(settings),
    )
    return {(channel.name, channel.provider): channel for channel in channels}
