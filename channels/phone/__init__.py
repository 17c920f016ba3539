"""Telephone calls."""

from channels.phone.twilio import TwilioVoice

__all__ = ["TwilioVoice"]
