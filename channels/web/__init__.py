"""The web and app channel: the Segment HTTP tracking API, as its stock clients speak it."""

from channels.web.channel import Fault, Tracked, Web

__all__ = ["Fault", "Tracked", "Web"]
