"""The web and app channel: the Segment HTTP tracking API, as its stock clients speak it."""

from channels.web.channel import Tracked, Web

__all__ = ["Tracked", "Web"]
