"""From one tracked message to one event: a table of what each type carries, and its line in the timeline."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson

from channels.web import context as ctx
from channels.web.context import Json, Surroundings, part, text_id, word
from hub.errors import Rejected
from hub.event import Event, make
from hub.ids import body_key, event_id

SOURCE: Final = "/channels/web/segment"

_SUBJECTS: Final = ("name", "title", "product", "product_name", "label", "query", "subject", "plan", "order_id", "id")
"""Properties that say best what a tracked event was about, the most telling first."""
_ABOUT_THE_FORM: Final = frozenset({"form", "form_id", "formid", "form_name", "formname", "fields"})
_NEVER_KEPT: Final = frozenset(
    {"password", "passwd", "pwd", "newpassword", "oldpassword", "currentpassword", "confirmpassword"}
    | {"passwordconfirmation", "secret", "pin", "cvv", "cvv2", "cvc", "cardnumber", "creditcardnumber", "ccnumber"}
)
"""Form fields, without blanks and lines, that nobody told us to be shown to an agent."""
_FORMS: Final = frozenset({"form submitted"})
_CONSENT: Final = {"consent given": True, "consent withdrawn": False}
_SIGNS: Final = re.compile(r"[^a-z0-9]")
_LONGEST_FACT: Final = 1_000
_MOST_FACTS: Final = 100

Particular: TypeAlias = dict[str, Any]


def _short(value: object) -> str:
    return str(value)[:120] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _track(message: Json, traits: Json, context: Json) -> Particular:
    name = word(message.get("event"))
    if name is None:
        raise Rejected("a track event must have a name", field="event")
    properties = part(message, "properties")
    low = name.lower()
    if low in _FORMS:
        properties = _without_secrets(properties)
    subject = next(filter(None, (_short(properties.get(field)) for field in _SUBJECTS)), "")
    return {
        "name": name,
        "properties": properties,
        "traits": traits or None,
        "facts": _facts(properties) if low in _FORMS else None,
        "consent": _said(properties, _CONSENT[low], context) if low in _CONSENT else ctx.consent(context),
        "text": f"{name}: {subject}" if subject else name,
    }


def _viewed(verb: str) -> Callable[[Json, Json, Json], Particular]:
    def read(message: Json, traits: Json, context: Json) -> Particular:
        properties, page = part(message, "properties"), part(context, "page")
        places = (message.get("name"), properties.get("title"), page.get("title"), properties.get("path"))
        name = next(filter(None, map(word, (*places, page.get("path"), page.get("url")))), None)
        return {
            "name": name,
            "category": word(message.get("category")),
            "properties": properties,
            "traits": traits or None,
            "consent": ctx.consent(context),
            "text": f'{verb} "{name[:200]}"' if name else f"{verb} something without a name",
        }

    return read


def _identify(message: Json, traits: Json, context: Json) -> Particular:
    said = {**traits, **part(message, "traits")}
    who = word(said.get("name")) or word(said.get("email")) or _short(message.get("userId"))
    return {
        "traits": said,
        "consent": ctx.consent(context),
        "text": f"Made themselves known as {who[:200]}" if who else "Told us about themselves",
    }


def _group(message: Json, traits: Json, context: Json) -> Particular:
    group = text_id(message, "groupId")
    if group is None:
        raise Rejected("a group event must name the group", field="groupId")
    about = part(message, "traits")
    name = word(about.get("name")) or group
    return {
        "name": name,
        "properties": about,  # they are true of the group, not of the customer
        "traits": {**traits, "group": group},
        "text": f'Belongs to "{name[:200]}"',
    }


def _alias(message: Json, traits: Json, context: Json) -> Particular:
    if text_id(message, "previousId") is None:
        raise Rejected("an alias event must name the id before", field="previousId")
    return {"traits": traits or None, "text": "Known under another id from now on"}


_PARTICULAR: Final[dict[str, Callable[[Json, Json, Json], Particular]]] = {
    "track": _track,
    "page": _viewed("Viewed"),
    "screen": _viewed("Opened"),
    "identify": _identify,
    "group": _group,
    "alias": _alias,
}


def _without_secrets(properties: Json) -> Json:
    kept = {name: value for name, value in properties.items() if _SIGNS.sub("", name.lower()) not in _NEVER_KEPT}
    fields = kept.get("fields")
    return {**kept, "fields": _without_secrets(fields)} if isinstance(fields, dict) else kept


def _facts(properties: Json) -> Json | None:
    """What a customer wrote into a form: they must never be asked for it again."""
    fields = {**properties, **part(properties, "fields")}
    facts = {
        name: value[:_LONGEST_FACT] if isinstance(value, str) else value
        for name, value in fields.items()
        if isinstance(value, str | int | float) and value != "" and name.lower() not in _ABOUT_THE_FORM
    }
    return dict(list(facts.items())[:_MOST_FACTS]) or None


def _said(properties: Json, given: bool, context: Json) -> Json:
    return {
        "channel": word(properties.get("channel")) or "any",
        "purpose": word(properties.get("purpose")) or "marketing",
        "given": given,
        "proof": {"by": "the customer, on the site", "url": part(context, "page").get("url")},
    }


def _pairs(message: Json, kind: str, traits: Json, fallback: str | None) -> list[tuple[str, object]]:
    """Whom it is about, the strongest first.

    An alias does not say whether the id before was a visitor's or an account's: it links both, and the mail
    address if it is one. Traits of a group are not the customer's.
    """
    pairs: list[tuple[str, object]] = [
        ("user_id", text_id(message, "userId")),
        ("anonymous_id", text_id(message, "anonymousId") or fallback),
    ]
    if kind == "alias":
        before = text_id(message, "previousId")
        pairs += [("anonymous_id", before), ("user_id", before), ("email", before)]
    return [*pairs, ("email", traits.get("email")), ("phone", traits.get("phone"))]


def sender_id(message: Json) -> str:
    """The sender's own id of the message; without one, a hash of its content."""
    named = text_id(message, "messageId")
    if named:
        return named
    try:
        return body_key(orjson.dumps(message, option=orjson.OPT_SORT_KEYS))
    except TypeError:
        raise Rejected("the event is nested too deep", field="event") from None


def event(message: Json, kind: str, around: Surroundings) -> Event:
    """The event in a message of this type. Raises Rejected, naming the field, for what makes no sense."""
    read = _PARTICULAR.get(kind)
    if read is None:
        raise Rejected(f"type {kind[:40]!r} is not known", field="type", limit=", ".join(_PARTICULAR))
    context = part(message, "context")
    if around.context:
        context = {**around.context, **context}
    traits = part(context, "traits")
    particular = read(message, traits, context)
    person = particular["traits"] or {} if kind == "identify" else traits
    external = ctx.external(context)
    pairs = [*_pairs(message, kind, person, around.anonymous_id), *external]
    identities = ctx.known(pairs, around)
    if not identities or identities[0]["type"] not in {"user_id", "anonymous_id"}:
        raise Rejected("userId or anonymousId must say who it was", field="userId")
    return make(
        f"web.{kind}",
        id=event_id(SOURCE, sender_id(message)),
        source=SOURCE,
        identities=identities,
        received=around.received,
        time=ctx.happened(message, around),
        tenant=around.tenant,
        **particular,
        unmatched=ctx.unmatched([*((name, person.get(name)) for name in ctx.TOLD), *external], around.region),
        scores=ctx.scores(context, around),
        context=ctx.trimmed(context),
        language=word(context.get("locale")),
        timezone=word(context.get("timezone")),
        original_timestamp=word(message.get("timestamp")) or word(message.get("originalTimestamp")),
        sent_at=around.sent_at,
    )
