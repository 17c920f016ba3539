"""What every route of the desk is given."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from desk.access import still_valid
from desk.feed import Feed
from desk.history import History
from desk.ports import Bus, DeadLetters, Judge, Rules, Store, TriggerFeed
from desk.problems import Problem
from desk.render import Renderer, renderer
from desk.sse import Life
from desk.titles import titles
from desk.words import LANGUAGES
from hub.identity import TELEPHONES, normalise
from hub.profile import Profile
from hub.settings import Settings
from profile_store.insight.models import named as named_models

LANGUAGE_COOKIE: Final = "hub_language"
THEME_COOKIE: Final = "hub_theme"
_CUSTOMER: Final = re.compile(r"[\w.:@+-]{1,100}")


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk's surroundings, put together once."""

    settings: Settings
    store: Store
    bus: Bus
    feed: Feed
    triggers: TriggerFeed
    dead_letters: DeadLetters
    history: History
    rules: Rules
    judge: Judge | None
    """None: this installation cannot ask rules about what was."""
    closing: asyncio.Event
    """Set when the process is asked to end: open streams end then."""


def desk(request: Request) -> Desk:
    """The surroundings of a request."""
    found: Desk = request.app.state.desk
    return found


def life(request: Request) -> Life:
    """How long a stream of this request may live."""
    return Life(lambda: still_valid(request), desk(request).closing)


def language_of(request: Request) -> str:
    """The reader's language: chosen, else what the browser prefers of ours, else the installation's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "")[:200].split(","):
        code = part.strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return desk(request).settings.language


def renderer_of(request: Request) -> Renderer:
    """The templates in the reader's language."""
    settings = desk(request).settings
    return renderer(language_of(request), settings.timezone, named_models(settings.scores), titles(settings.traits_dir))


async def wanted(request: Request, customer: str) -> tuple[int, Profile]:
    """The customer a path names. Raises Problem 404."""
    found = await desk(request).store.get(customer) if _CUSTOMER.fullmatch(customer) else None
    if found is None:
        raise Problem(404, "there is no such customer", field="customer")
    return found


async def named(request: Request, text: str, field: str) -> Profile:
    """The customer that an id or an identifier `type:value` names. Raises Problem 422."""
    kind, colon, value = text.strip().partition(":")
    here = desk(request)
    if colon and kind != "customer":
        found = await here.store.find(exact(text.strip(), here.settings.region, field))
    else:
        id = value if colon else kind
        found = await here.store.get(id) if _CUSTOMER.fullmatch(id) else None
    if found is None:
        raise Problem(422, "nobody is known by this", field=field)
    return found[1]


def exact(identifier: str, region: str, field: str = "identifier") -> str:
    """The identifier in its normal form. Raises Problem 422."""
    kind, colon, text = identifier.partition(":")
    if kind in TELEPHONES and text.startswith(" "):
        text = "+" + text[1:]  # a plus sign that was not escaped in the address arrives as a blank
    normal = normalise(kind, text, region) if colon else None
    if normal is None:
        raise Problem(422, "this identifies nobody; write type:value, as in phone:+4930901820", field=field)
    return f"{kind}:{normal}"
