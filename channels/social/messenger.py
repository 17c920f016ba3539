"""Messenger and Instagram: `messaging` items (direct messages) and `changes` (comments, mentions)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from channels.social.shapes import MOST_ITEMS, Entry, Json, known, moment, obj, objects, text
from hub.event import Event
from hub.identity import Identity

PERSON: Final = {"page": "meta_psid", "instagram": "instagram_id"}
"""The network's ids are made for one page or account, so they are kept as `<account>/<id>`."""


def _people(entry: Entry, user: str) -> list[Identity]:
    return known(PERSON.get(entry.object, "meta_psid"), entry.account, user)


def _media(message: Json) -> list[dict[str, str]]:
    found = []
    for one in objects(message.get("attachments"))[:MOST_ITEMS]:
        payload = obj(one.get("payload"))
        found.append({"type": text(one.get("type")), "url": text(payload.get("url"))})
    return found


def _message(entry: Entry, item: Json, user: str, at: datetime) -> Iterator[Event]:
    message = obj(item.get("message"))
    people, mid = _people(entry, user), text(message.get("mid"))
    if message.get("is_deleted") or message.get("is_unsupported"):
        yield entry.unknown(item, people, at)
        return
    media = _media(message)
    # A story that names us arrives as a message with nothing but this attachment.
    mentioned = any(one["type"] == "story_mention" for one in media)
    yield entry.event(
        "social.mention" if mentioned else "social.message",
        mid,
        people,
        item,
        at,
        text=text(message.get("text")),
        message=mid,
        media=media,
        payload=text(obj(message.get("quick_reply")).get("payload")),
        reply_to=text(obj(message.get("reply_to")).get("mid")),
    )


def _echo(entry: Entry, item: Json, user: str, at: datetime) -> Iterator[Event]:
    """What our side wrote: with our own mark the dispatcher has said so, without it a person did, elsewhere."""
    message = obj(item.get("message"))
    mid = text(message.get("mid"))
    if text(message.get("metadata")):
        return
    yield entry.event(
        "agent.reply",
        mid,
        _people(entry, user),
        item,
        at,
        text=text(message.get("text")),
        message=mid,
        media=_media(message),
        agent=f"{entry.object} inbox",
        app=text(message.get("app_id")),
    )


def _postback(entry: Entry, item: Json, user: str, at: datetime) -> Iterator[Event]:
    postback = obj(item.get("postback"))
    mid, payload = text(postback.get("mid")), text(postback.get("payload"))
    key = mid or f"{entry.account}:{user}:postback:{text(item.get('timestamp'))}:{payload}"
    title = text(postback.get("title")) or payload
    yield entry.event("social.message", key, _people(entry, user), item, at, text=title, message=mid, payload=payload)


def _reaction(entry: Entry, item: Json, user: str, at: datetime) -> Iterator[Event]:
    reaction = obj(item.get("reaction"))
    mid, action = text(reaction.get("mid")), text(reaction.get("action"))
    key = f"{entry.account}:{user}:reaction:{mid}:{action}:{text(item.get('timestamp'))}"
    mark = text(reaction.get("emoji")) or text(reaction.get("reaction"))
    yield entry.event("social.reaction", key, _people(entry, user), item, at, text=mark, message=mid, name=action)


def _delivery(entry: Entry, item: Json, user: str, at: datetime) -> Iterator[Event]:
    delivery = obj(item.get("delivery"))
    mids: Any = delivery.get("mids")
    found = [text(mid) for mid in mids[:MOST_ITEMS] if text(mid)] if isinstance(mids, list) else []
    watermark = text(delivery.get("watermark"))
    if not found:
        key = f"{entry.account}:{user}:delivery:{watermark}"
        yield entry.event("social.delivered", key, _people(entry, user), item, at, watermark=watermark)
    for mid in found:
        yield entry.event("social.delivered", f"{mid}:delivered", _people(entry, user), item, at, message=mid)


def _read(entry: Entry, item: Json, user: str, at: datetime) -> Iterator[Event]:
    read = obj(item.get("read"))
    watermark, mid = text(read.get("watermark")), text(read.get("mid"))
    key = f"{entry.account}:{user}:read:{mid or watermark}"
    yield entry.event("social.read", key, _people(entry, user), item, at, watermark=watermark, message=mid)


Reader = Callable[[Entry, Json, str, datetime], Iterator[Event]]
READERS: Final[dict[str, Reader]] = {
    "message": _message,
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivery,
    "read": _read,
}


def messaging(entry: Entry, item: Json) -> Iterator[Event]:
    """The events of one direct-message item."""
    at = moment(item.get("timestamp"), entry.received)
    user = text(obj(item.get("sender")).get("id"))
    if obj(item.get("message")).get("is_echo"):
        yield from _echo(entry, item, text(obj(item.get("recipient")).get("id")), at)
        return
    if user == entry.account:
        user = text(obj(item.get("recipient")).get("id"))  # a receipt about ourselves names us as sender
    reader = next((READERS[kind] for kind in READERS if kind in item), None)
    if reader is None:
        yield entry.unknown(item, _people(entry, user), at)
    else:
        yield from reader(entry, item, user, at)


FEED: Final = {"comment": "social.comment", "reaction": "social.reaction", "like": "social.reaction"}
"""What happens on a page's wall that is about a person."""


def _feed(entry: Entry, value: Json, at: datetime) -> Event:
    item, verb = text(value.get("item")), text(value.get("verb"))
    author = obj(value.get("from"))
    user = text(author.get("id"))
    kind = FEED.get(item)
    if kind is None or verb not in {"add", "edited"} or user == entry.account:
        return entry.unknown(value, None if user == entry.account else _people(entry, user), at)
    comment, post = text(value.get("comment_id")), text(value.get("post_id"))
    mark = text(value.get("reaction_type"))
    key = f"{item}:{verb}:{comment or post}:{user}:{text(value.get('created_time'))}"
    name = text(author.get("name"))
    return entry.event(
        kind,
        key,
        _people(entry, user),
        value,
        at,
        text=text(value.get("message")) or mark,
        message=comment,
        post=post,
        name=verb,
        traits={"name": name} if name else None,
    )


def _comment(entry: Entry, value: Json, at: datetime) -> Event:
    author = obj(value.get("from"))
    user, comment = text(author.get("id")), text(value.get("id")) or text(value.get("comment_id"))
    if user == entry.account:
        return entry.unknown(value, None, at)  # our own answer below our own post
    return entry.event(
        "social.comment",
        comment and f"comment:{comment}",
        _people(entry, user),
        value,
        at,
        text=text(value.get("text")),
        message=comment,
        post=text(obj(value.get("media")).get("id")),
        reply_to=text(value.get("parent_id")),
        traits={"instagram": name} if (name := text(author.get("username"))) else None,
    )


def _mention(entry: Entry, value: Json, at: datetime) -> Event:
    """Instagram names the comment or the picture and not who wrote it: until asked, the author is unknown."""
    author = obj(value.get("from"))
    comment = text(value.get("comment_id"))
    post = text(value.get("media_id")) or text(value.get("post_id"))
    place = comment or post
    people = _people(entry, text(author.get("id"))) or known("mention", entry.account, place)
    return entry.event(
        "social.mention",
        place and f"mention:{place}",
        people,
        value,
        at,
        text=text(value.get("text")) or text(value.get("message")),
        message=comment,
        post=post,
    )


CHANGES: Final[dict[str, Callable[[Entry, Json, datetime], Event]]] = {
    "feed": _feed,
    "comments": _comment,
    "live_comments": _comment,
    "mentions": _mention,
    "mention": _mention,
}


def change(entry: Entry, field: str, value: Json, at: datetime) -> Event:
    """The event of one change on a page or account."""
    reader = CHANGES.get(field)
    if reader is None:
        return entry.unknown({"field": field, "value": dict(value)}, None, at)
    said = value.get("created_time") or value.get("timestamp")
    return reader(entry, value, moment(said, at))
