"""Text messages."""

from channels.sms.twilio import TwilioSms

__all__ = ["TwilioSms"]
