"""A rule: on which event, under which condition, after which wait, what to say, and how often at most."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from hub.trigger import Purpose
from rules import template, tree
from rules.cel import Said
from rules.conditions import NAMED, Changed, FieldName, Seen
from rules.spans import Span
from rules.waits import After, Part, Wait

ANY_LANGUAGE: Final = "und"
"""The key of a text that was written without naming its language (ISO 639-2: undetermined)."""
OWN: Final = frozenset({"rule.fired", "rules.switched", "timer.due", "agent.reply"})
MESSAGE_CHANNELS: Final = ("email", "sms", "social", "phone")

State = Literal["draft", "shadow", "live", "paused"]
ACTIVE: Final[frozenset[State]] = frozenset({"live", "shadow"})
"""The states in which a rule decides."""
Once = Literal["per-occurrence", "per-day", "ever"]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


def _words(raw: Any) -> Any:
    return {ANY_LANGUAGE: raw} if isinstance(raw, str) else raw


def _template(source: str) -> str:
    fault = template.check(source)
    if fault is not None:
        raise PydanticCustomError("template", "{reason}", {"reason": fault.reason, "line": fault.line})
    return source


Words = Annotated[
    dict[Language, Annotated[str, Field(strict=True, min_length=1, max_length=200)]],
    BeforeValidator(_words),
    Field(min_length=1, max_length=50),
]
"""A text by language; one text alone is for all."""
Templates = Annotated[
    dict[Language, Annotated[str, Field(strict=True, min_length=1), AfterValidator(_template)]],
    BeforeValidator(_words),
    Field(min_length=1, max_length=50),
]
"""A message by language, with what is put in between {{ and }}."""


class On(Part):
    """The kind of event that makes a rule look; `name` is for tracked events and pages."""

    type: str = Field(pattern=r"^[a-z]{2,20}\.[a-z_-]{2,40}$")
    name: str | None = Field(default=None, min_length=1, max_length=200)

    def __str__(self) -> str:
        return self.type if self.name is None else f"{self.type}/{self.name}"

    @model_validator(mode="after")
    def _foreign(self) -> Self:
        if self.type in OWN or self.type.endswith(".sent"):
            raise PydanticCustomError("own", "a rule cannot answer what the hub itself does: it would answer itself")
        return self


class Send(Part):
    """What is said: over the first channel that is reachable and allowed."""

    channel: tuple[Literal["email", "sms", "social", "phone"], ...] = Field(min_length=1, max_length=10)
    purpose: Purpose
    subject: Templates | None = None
    text: Templates
    short: Templates | None = None
    """The text for SMS, where every 70 to 160 characters cost."""

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("channel"), str):
            return {**raw, "channel": (raw["channel"],)}
        return raw

    @model_validator(mode="after")
    def _titled(self) -> Self:
        if "email" in self.channel and self.subject is None:
            raise PydanticCustomError("subject", "mail needs a subject")
        return self


class Cap(Part):
    """At most so many messages to one customer in any span of that length."""

    count: int = Field(strict=True, ge=1, le=1000)
    per: Span


class GlobalCap(Cap):
    """A cap over all rules; of one purpose, or of any."""

    purpose: Purpose | None = None


CAPS: Final = (
    GlobalCap.model_validate({"count": 3, "per": "1d", "purpose": "marketing"}),
    # Two machines that answer each other stop here.
    GlobalCap.model_validate({"count": 10, "per": "1h"}),
)
"""What holds for every customer unless the engine is told otherwise."""


def _kinds(raw: Any) -> Any:
    """`type`, `type/name`, a mapping, or a list of these."""
    many = raw if isinstance(raw, list | tuple) else (raw,)
    return tuple(_kind(one) if isinstance(one, str) else one for one in many)


def _kind(text: str) -> dict[str, str]:
    kind, slash, name = text.partition("/")
    return {"type": kind, "name": name} if slash else {"type": kind}


class Rule(Part):
    """When to say what to whom."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    name: Words
    note: str = Field(default="", max_length=2000)
    """Why the rule is there, for whoever reads it next."""
    state: State = "live"
    """Only live rules speak; a shadow rule decides and notes what it would have said."""
    priority: int = Field(default=0, strict=True, ge=-100, le=100)
    """Among rules of the same purpose the higher one is asked first, and takes what the caps leave."""
    on: Annotated[tuple[On, ...], BeforeValidator(_kinds), Field(min_length=1, max_length=50)]
    when: Said | None = Field(default=None, alias="if")
    after: After | None = None
    """What must have come before the event."""
    wait: Wait | None = None
    """A span in milliseconds, or the moment to wait for."""
    correlate: FieldName | None = None
    """Waits are kept apart by this field; without it a customer has one wait per rule."""
    unless: Said | None = None
    """Silence when this holds at the moment of speaking."""
    max_age: Span = 86_400_000
    """An event that reached the hub later than this after it happened is not answered."""
    send: Send
    cap: Cap | None = None
    once: Once = "per-occurrence"

    @model_validator(mode="before")
    @classmethod
    def _small(cls, raw: Any) -> Any:
        try:
            tree.check_raw(raw)
        except ValueError as error:
            raise PydanticCustomError("limit", "{reason}", {"reason": str(error)}) from None
        return raw

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for root, since_cause in ((self.when, False), (self.unless, self.wait is not None)):
            if root is None:
                continue
            tree.check(root)
            for node, _, _ in tree.walk(root):
                if isinstance(node, Seen) and node.within is None and not since_cause:
                    raise PydanticCustomError(
                        "seen", "`seen` needs `within`; only in `unless` of a rule that waits it means: since the cause"
                    )
                if isinstance(node, Seen) and node.correlate is not None and node not in self.ends:
                    raise PydanticCustomError("seen", "`correlate` of `seen` stands in `unless` alone or in its `any`")
                if isinstance(node, Changed) and since_cause:
                    raise PydanticCustomError(
                        "changed", "what an event changed is not remembered over a wait: ask for `changed` in `if`"
                    )
        if self.correlate is not None and (self.wait is None or not self.correlate.startswith("event.")):
            raise PydanticCustomError("correlate", "`correlate` names a field of the event of a rule that waits")
        return self

    @cached_property
    def ends(self) -> tuple[Seen, ...]:
        """The events that end a wait of the rule at once."""
        return () if self.wait is None or self.unless is None else tree.ending(self.unless)

    @cached_property
    def version(self) -> str:
        """A hash of what the rule says; its state is not part of it."""
        content = self.model_dump_json(by_alias=True, exclude={"state", "note"}, exclude_defaults=True)
        return hashlib.blake2b(content.encode(), digest_size=6).hexdigest()

    @cached_property
    def watched(self) -> frozenset[str]:
        """The fields of the profile whose change it asks about."""
        roots = [root for root in (self.when, self.unless) if root is not None]
        return frozenset(node.changed for root in roots for node, _, _ in tree.walk(root) if isinstance(node, Changed))


def pick(words: Mapping[str, str], *languages: str) -> tuple[str, str]:
    """The language and text that fit best: the first of the languages there is, else the first text."""
    for language in (*languages, ANY_LANGUAGE):
        if language in words:
            return language, words[language]
    return next(iter(words.items()))


__all__ = ["ACTIVE", "ANY_LANGUAGE", "CAPS", "NAMED", "Cap", "GlobalCap", "On", "Rule", "Send", "State", "pick"]
