"""A rule made ready: its conditions as closures, its messages as templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.profile import Profile, language
from rules.access import Getter, getter
from rules.compile import compiled
from rules.conditions import AnyOf
from rules.filters import TemplateFault
from rules.model import ANY_LANGUAGE, Rule
from rules.person import customer, plain
from rules.predicates import Test
from rules.scene import Scene
from rules.template import Template, context, headline
from rules.tree import fields_of, walk
from rules.waits import Until

CLASSES: Final = {"transactional": 0, "service": 1, "marketing": 2}


@dataclass(frozen=True, slots=True)
class Speech:
    """A message as it would be said; `fault` tells why it cannot be."""

    language: str
    subject: str
    text: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """One rule, ready to be asked."""

    rule: Rule
    unless: Test | None
    correlate: Getter | None
    needs: frozenset[tuple[str, ...]]
    """Fields of the event that must be remembered over a wait."""
    ends: tuple[tuple[frozenset[str], Getter | None], ...]
    """Kinds of events that end the wait, and by which field they must agree with its cause."""
    moment: Getter | None
    """What names the moment that is waited for."""
    ended: Test | None
    """Whether an event that ends the wait was seen since the cause."""
    subjects: Mapping[str, Template]
    texts: Mapping[str, Template]
    shorts: Mapping[str, Template]

    def speak(self, profile: Profile, scene: Scene, hub: Mapping[str, Any], channel: str, fallback: str) -> Speech:
        """The message for this customer in their language, or in the hub's, or in any there is."""
        texts = self.shorts if channel == "sms" and self.shorts else self.texts
        spoken = language(profile, fallback)
        tongue = next(one for one in (spoken, fallback, ANY_LANGUAGE, *texts) if one in texts)
        said = spoken if tongue == ANY_LANGUAGE else tongue
        event = {**scene.data, "type": scene.type}
        scope = context(customer(profile["traits"]), event, plain(profile["facts"]), hub)
        try:
            subject = _of(self.subjects, tongue).render(scope) if self.subjects and channel == "email" else ""
            text = texts[tongue].render(scope)
        except TemplateFault as fault:
            return Speech(said, "", "", f"template: {fault.reason}")
        if not text:
            return Speech(said, "", "", "template: the message is empty")
        return Speech(said, headline(subject), text)


def _of(templates: Mapping[str, Template], tongue: str) -> Template:
    return templates.get(tongue) or templates.get(ANY_LANGUAGE) or next(iter(templates.values()))


def ready(rule: Rule, fallback: str) -> Ready:
    """Compile a rule. Its templates were checked with it, so nothing is refused here."""

    def build(words: Mapping[str, str]) -> dict[str, Template]:
        return {name: Template(source, fallback if name == ANY_LANGUAGE else name) for name, source in words.items()}

    subjects, texts, shorts = build(rule.send.subject or {}), build(rule.send.text), build(rule.send.short or {})
    templates = (*subjects.values(), *texts.values(), *shorts.values())
    needs = {keys for template in templates for keys in template.needs}
    asked = [] if rule.unless is None else [name for node, _, _ in walk(rule.unless) for name in fields_of(node)]
    asked += [node.correlate for node in rule.ends if node.correlate is not None]
    moment = rule.wait.field if isinstance(rule.wait, Until) else None
    asked += [] if moment is None else [moment]
    needs |= {tuple(name.split(".")[1:]) for name in asked if name.startswith("event.")}
    return Ready(
        rule=rule,
        unless=None if rule.unless is None else compiled(rule.unless),
        correlate=None if rule.correlate is None else getter(rule.correlate),
        needs=frozenset(keys for keys in needs if keys),
        ends=tuple((frozenset(one.seen), getter(one.correlate) if one.correlate else None) for one in rule.ends),
        moment=None if moment is None else getter(moment),
        ended=compiled(AnyOf(parts=rule.ends)) if rule.ends else None,
        subjects=subjects,
        texts=texts,
        shorts=shorts,
    )


def order(rule: Rule) -> tuple[int, int, str]:
    """Which rule is asked first: what is owed before what is offered, then priority, then name."""
    return CLASSES[rule.send.purpose], -rule.priority, rule.id
