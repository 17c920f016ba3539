"""What Twilio's voice is told to do, as TwiML. Made from settings alone, so that a caller never waits."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

LONGEST: Final = 3500
"""Characters a spoken text may have; Twilio takes 4,000 of TwiML in all."""
VOICES: Final = {
    "en": "en-US",
    "de": "de-DE",
    "fr": "fr-FR",
    "es": "es-ES",
    "it": "it-IT",
    "nl": "nl-NL",
    "pt": "pt-PT",
    "pl": "pl-PL",
    "tr": "tr-TR",
    "ru": "ru-RU",
    "sv": "sv-SE",
    "da": "da-DK",
    "ja": "ja-JP",
}
"""Languages Twilio's standard voices speak; for others it is left to the account's own default."""
QUEUE: Final = "agents"
"""The queue callers are put into after the menu; agents take from it at Twilio."""


def _document(inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'.encode()


def _printable(text: str) -> str:
    """XML 1.0 has no control characters and no surrogates, not even escaped ones."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t ")


def _say(text: str, language: str) -> str:
    voice = VOICES.get(language.partition("-")[0].lower())
    attribute = f" language={quoteattr(voice)}" if voice else ""
    return f"<Say{attribute}>{escape(_printable(text)[:LONGEST])}</Say>" if text else ""


def _connect() -> str:
    return f"<Enqueue>{QUEUE}</Enqueue>"


def menu(prompt: str, goodbye: str, action: str, language: str) -> bytes:
    """Ask for digits; who types nothing is connected all the same."""
    # Without an action Twilio posts the digits to the same URL, and the menu starts again for ever.
    gather = f'<Gather input="dtmf" action={quoteattr(action)} method="POST" timeout="8" finishOnKey="#">'
    return _document(f"{gather}{_say(prompt, language)}</Gather>{_say(goodbye, language)}{_connect()}")


def connect(goodbye: str, language: str) -> bytes:
    """Say thank you and pass the caller on."""
    return _document(_say(goodbye, language) + _connect())


def speak(text: str, language: str) -> bytes:
    """Read a message out, and again for whoever picked up late."""
    said = _say(text, language)
    return _document(f'<Pause length="1"/>{said}<Pause length="1"/>{said}' if len(said) < 1500 else said)
