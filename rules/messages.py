"""What messages read of an event, held against what such events say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from rules.fields import missing
from rules.finding import Finding
from rules.model import ANY_LANGUAGE
from rules.paths import ENVELOPE
from rules.sight import Sight
from rules.template import Template


def unread(sight: Sight) -> Iterator[Finding]:
    """Fields that a message reads, and that its event never has."""
    send = sight.rule.send
    parts = {"subject": send.subject, "text": send.text, "short": send.short}
    for part, words in parts.items():
        for language, source in (words or {}).items():
            for keys in sorted(needs(source)):
                found = missing(sight, keys) if keys and keys != ("type",) else None
                if found is not None:
                    reason, hint = found
                    if keys[0] in ENVELOPE:
                        hint = "a message knows event.type and what the event says, nothing else of its envelope"
                    place = ("send", part) if language == ANY_LANGUAGE else ("send", part, language)
                    yield sight.told(place, "warning", "template", f"event.{'.'.join(keys)}: {reason}", hint)


@lru_cache(maxsize=4096)
def needs(source: str) -> frozenset[tuple[str, ...]]:
    """The fields of the event that a message reads, as keys below `event`."""
    # Most of what costs time is Jinja's parser, and many messages read nothing of the event.
    return Template(source).needs if "event" in source else frozenset()
