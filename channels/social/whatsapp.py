"""WhatsApp: messages and delivery states in the `changes` of a business account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from channels.social.shapes import MOST_ITEMS, Entry, Json, known, moment, obj, objects, text
from hub.event import Event
from hub.identity import Identity, identity

MEDIA: Final = ("image", "video", "audio", "document", "sticker")
STATES: Final = {"delivered": "social.delivered", "read": "social.read", "failed": "social.failed"}
UNDERWAY: Final = frozenset({"accepted", "sent", "warning"})


def _answered(interactive: Json) -> str:
    for kind in ("button_reply", "list_reply"):
        reply = obj(interactive.get(kind))
        if reply:
            return text(reply.get("title"))
    return text(obj(interactive.get("nfm_reply")).get("body"))


def _place(location: Json) -> str:
    parts = (location.get("name"), location.get("address"))
    found = ", ".join(text(part) for part in parts if text(part))
    return found or f"{location.get('latitude')}, {location.get('longitude')}"[:60]


TEXTS: Final[dict[str, Callable[[Json], str]]] = {
    "text": lambda part: text(part.get("body")),
    "button": lambda part: text(part.get("text")),
    "interactive": _answered,
    "location": _place,
    "order": lambda part: text(part.get("text")),
    "contacts": lambda part: "",
    **{kind: lambda part: text(part.get("caption")) for kind in MEDIA},
}
"""How each kind of message becomes text; the kinds that are not here are kept as unknown."""


def _people(number: str, user: str) -> list[Identity]:
    """A WhatsApp account is a telephone number that WhatsApp checked; `user` is its id for this business."""
    value = f"+{number.removeprefix('+')}" if number else ""
    found = [identity(kind, value, verified=True) for kind in ("whatsapp", "phone")]
    return [one for one in found if one] + known("whatsapp_user", user)


def _media(kind: str, part: Json) -> list[dict[str, str]]:
    if kind not in MEDIA:
        return []
    names = ("id", "mime_type", "sha256", "filename", "url")
    return [{"type": kind, **{name: text(part[name]) for name in names if text(part.get(name))}}]


def _payload(part: Json) -> str:
    chosen = obj(part.get("button_reply")) or obj(part.get("list_reply"))
    return text(part.get("payload")) or text(chosen.get("id"))


def _message(entry: Entry, item: Json, contacts: dict[str, Json], number: str) -> Event:
    sender, wamid, kind = text(item.get("from")), text(item.get("id")), text(item.get("type"))
    contact = contacts.get(sender) or (next(iter(contacts.values())) if len(contacts) == 1 else {})
    user = text(item.get("from_user_id")) or text(contact.get("user_id"))
    people = _people(sender, user)
    at = moment(item.get("timestamp"), entry.received)
    part = item.get(kind)
    common: dict[str, Any] = {"message": wamid, "number": number}
    if kind == "reaction":
        reaction = obj(part)
        mark = text(reaction.get("emoji"))
        name = "react" if mark else "unreact"
        common |= {"message": text(reaction.get("message_id")), "text": mark, "name": name}
        return entry.event("social.reaction", wamid, people, item, at, **common)
    read = TEXTS.get(kind)
    if read is None:
        return entry.unknown(item, people, at)
    name = text(obj(contact.get("profile")).get("name"))
    return entry.event(
        "social.message",
        wamid,
        people,
        item,
        at,
        text=read(obj(part)),
        media=_media(kind, obj(part)),
        payload=_payload(obj(part)),
        reply_to=text(obj(item.get("context")).get("id")),
        traits={"name": name} if name else None,
        form=kind,
        **common,
    )


def _state(entry: Entry, item: Json, number: str) -> Iterator[Event]:
    wamid, state = text(item.get("id")), text(item.get("status"))
    trigger = text(item.get("biz_opaque_callback_data"))[:100]
    if state in UNDERWAY:
        return  # the dispatcher said so when WhatsApp took the message
    people = _people(text(item.get("recipient_id")), text(item.get("recipient_user_id")))
    at = moment(item.get("timestamp"), entry.received)
    kind = STATES.get(state)
    if kind is None:
        yield entry.unknown(item, people, at)
        return
    error = next(iter(objects(item.get("errors"))), {})
    reason = " ".join(part for part in (text(error.get("code")), text(error.get("title"))) if part)
    key = wamid and f"{wamid}:{state}"
    yield entry.event(kind, key, people, item, at, message=wamid, trigger=trigger, error=reason, number=number)


def value_events(entry: Entry, field: str, value: Json) -> Iterator[Event]:
    """The events of one change of a business account."""
    messages, statuses = objects(value.get("messages")), objects(value.get("statuses"))
    if field != "messages" or not (messages or statuses):
        yield entry.unknown({"field": field, "value": dict(value)})
        return
    number = text(obj(value.get("metadata")).get("phone_number_id"))
    people = objects(value.get("contacts"))[: MOST_ITEMS * 2]
    contacts = {text(one.get("wa_id")) or text(one.get("user_id")): one for one in people}
    for item in messages:
        yield _message(entry, item, contacts, number)
    for item in statuses:
        yield from _state(entry, item, number)
