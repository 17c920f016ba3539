"""How a rule's messages look: filled in with an example, and what comes from the customer is marked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from rules.filters import TemplateFault
from rules.model import ANY_LANGUAGE
from rules.template import Template, context, headline

_BEGIN, _END = "\ue000", "\ue001"
"""Around what was filled in: characters for private use, which no message has."""
_MARKED: Final = re.compile(f"{_BEGIN}([^{_BEGIN}{_END}]*){_END}")
_LOOSE: Final = re.compile(f"[{_BEGIN}{_END}]")
NUMBERS: Final[Mapping[str, float]] = {"price": 49.9, "total": 129, "value": 129, "quantity": 2, "amount": 49.9}
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        **{"first_name": "Sara", "name": "Trail shoes", "product": "Trail shoes", "currency": "EUR", "city": "Vienna"},
        **{"account_number": "88412207", "order_number": "4711", "subject": "My parcel", "company": "Our shop"},
    },
    "fa": {
        **{"first_name": "سارا", "name": "کفش کوهنوردی", "product": "کفش کوهنوردی", "currency": "IRR", "city": "شیراز"},
        **{"account_number": "88412207", "order_number": "4711", "subject": "بستهٔ من", "company": "فروشگاه ما"},
    },
}
"""Of other fields the name stands for the value."""
BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38: what fits 160 to a message; with any other character it is 70."""
EXTENDED: Final = frozenset("^{}\\[~]|€")
"""Characters of the same table that count twice."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A message in one language on one channel."""

    language: str
    channel: str
    subject: Markup
    text: Markup
    parts: int = 0
    """Of a text message: how many it costs; it may be more with other names."""
    fault: str = ""


class _Example(dict[str, Any]):
    """A customer or an event that has whatever is asked for."""

    def __init__(self, language: str, below: Mapping[str, Any] | None = None) -> None:
        super().__init__(below or {})
        self._words = WORDS.get(language, WORDS["en"])

    def get(self, key: str, default: Any = None) -> Any:
        """A value for any name."""
        if key in self:
            return self[key]
        if key in NUMBERS:
            return NUMBERS[key]
        word = self._words.get(key, key.replace("_", " "))
        return word if key == "currency" else f"{_BEGIN}{word}{_END}"


def previews(send: Mapping[str, Any], fallback: str) -> list[Preview]:
    """A rule's messages, by language and then by channel; `send` is spread out."""
    texts, subjects, shorts = (_by_language(send.get(part)) for part in ("text", "subject", "short"))
    found = []
    for language in texts:
        for channel in send.get("channel") or ():
            source = _best(shorts, language) if channel == "sms" and shorts else texts[language]
            subject = _best(subjects, language) if channel == "email" else ""
            found.append(_preview(language, channel, subject, source, fallback))
    return found


def _by_language(said: object) -> dict[str, str]:
    return {str(key): str(text) for key, text in said.items()} if isinstance(said, Mapping) else {}


def _best(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get(ANY_LANGUAGE) or next(iter(texts.values()), "")


def _preview(language: str, channel: str, subject: str, source: str, fallback: str) -> Preview:
    spoken = fallback if language == ANY_LANGUAGE else language
    try:
        title = headline(_filled(subject, spoken)) if subject else ""
        text = _filled(source, spoken)
    except TemplateFault as fault:
        return Preview(language, channel, _marked(subject), _marked(source), 0, fault.reason)
    parts = messages(_LOOSE.sub("", text)) if channel == "sms" else 0
    return Preview(language, channel, _marked(title), _marked(text), parts)


def _filled(source: str, language: str) -> str:
    template = Template(source, language)
    example = _Example(language)
    scope = context(example, _nested(template.needs, language), example, example)
    return template.render(scope)


def _nested(needs: frozenset[tuple[str, ...]], language: str) -> _Example:
    """An event with everything a message needs of it, as deep as it needs it."""
    root = _Example(language)
    for keys in needs:
        here = root
        for key in keys[:-1]:
            below = here[key] if key in here else here.setdefault(key, _Example(language))
            here = below if isinstance(below, _Example) else root
    return root


def _marked(text: str) -> Markup:
    safe = _MARKED.sub(lambda found: f"<mark>{found[1]}</mark>", str(escape(text)))
    return Markup(_LOOSE.sub("", safe))  # noqa: S704 - escaped above


def messages(text: str) -> int:
    """How many text messages a text is, as networks divide it."""
    if all(sign in BASIC or sign in EXTENDED for sign in text):
        length, whole, part = len(text) + sum(sign in EXTENDED for sign in text), 160, 153
    else:
        length, whole, part = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= whole else math.ceil(length / part)
