"""Whether a purpose fits the events a rule answers. What the words of a message offer is not guessed at."""

from __future__ import annotations

from collections.abc import Iterator

from rules.finding import Finding
from rules.sight import Sight
from rules.vocabulary import BROWSING


def odd(sight: Sight) -> Iterator[Finding]:
    """A message that needs nobody's leave, though its customer has asked for nothing and nothing befell them."""
    rule = sight.rule
    # Whose name is the sender's own may well be an order or an account.
    browsing = [str(on) for on in rule.on if str(on) in BROWSING]
    if rule.send.purpose != "marketing" and len(browsing) == len(rule.on):
        reason = f"{rule.send.purpose}, but {' and '.join(browsing)} asks us for nothing"
        hint = "if it offers something it is marketing, which needs consent; else name the event it answers"
        yield sight.told(("send", "purpose"), "warning", "purpose", reason, hint)
