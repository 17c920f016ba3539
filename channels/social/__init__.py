"""Social networks and messengers."""

from channels.social.meta import Meta

__all__ = ["Meta"]
