"""Mail."""

from channels.email.channel import Email
from channels.email.server import SmtpHandle, start_smtp

__all__ = ["Email", "SmtpHandle", "start_smtp"]
