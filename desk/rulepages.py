"""The pages of rules: the list, one rule, and the editor."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from desk import rulefields, rulelabels, rulerows
from desk.access import AUTOMATION, staff
from desk.context import desk, language_of
from desk.pages import page
from desk.problems import Problem
from desk.rulebook import Id, known
from desk.rulelife import life
from desk.rulepreview import previews
from desk.titles import titles
from desk.words import LANGUAGES
from hub.settings import Settings
from rules import print as printer
from rules.declared import load_segments, load_traits
from rules.history import Version
from rules.lifecycle import segments_of
from rules.load import load_folder
from rules.model import MESSAGE_CHANNELS
from rules.shape import said, spread

router = APIRouter(prefix="/rules", include_in_schema=False, default_response_class=HTMLResponse)

START: Final[dict[str, Any]] = {
    "id": "",
    "name": {},
    "state": "draft",
    "on": ["web.track/Product Added"],
    "send": {"channel": ["email", "sms"], "purpose": "marketing", "subject": {}, "text": {}},
}
"""What a new rule begins with: a draft, so that nothing is sent while it is written."""


@router.get("")
async def rules(
    request: Request,
    q: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Every rule, by state and words."""
    here = desk(request)
    history, loaded = await asyncio.gather(
        here.rules.history(), asyncio.to_thread(load_folder, here.settings.rules_dir)
    )
    chosen = state if state in rulelabels.STATES else ""
    found = await asyncio.to_thread(rulerows.found, history, q, chosen, number, language_of(request))
    shown = [one.last.rule for one in found.rows if one.last.rule is not None]
    lives = await life(here.store, [one.id for one in found.rows], shown)
    values = {
        "found": found,
        "lives": lives,
        "q": q,
        "state": chosen,
        "faults": loaded.problems,
        "pending": history.pending,
    }
    return page(request, "rules", 200, **values, **_rights(request))


@router.get("/new")
async def new(request: Request) -> Response:
    """The editor with a rule to begin with."""
    return await _editor(request, START, None)


@router.get("/{rule}")
async def one(
    request: Request,
    rule: Id,
    before: Annotated[int | None, Query(alias="from", ge=1)] = None,
    after: Annotated[int | None, Query(alias="to", ge=1)] = None,
) -> Response:
    """What a rule says, what it said, and what became of it."""
    here = desk(request)
    try:
        versions = known(await here.rules.history(), rule)
    except Problem:
        return page(request, "rule-missing", 404)
    last = rulerows.latest(versions)
    if last is None:
        return page(request, "rule-missing", 404)
    data = spread(said(last))
    shown = previews(data["send"], here.settings.language)
    numbers = {one.edition: number for number, one in enumerate(versions, 1)}
    values = {
        **{"rule": data, "last": versions[-1], "versions": versions[::-1], "numbers": numbers},
        **{"previews": shown, "text": printer.printed(last)},
    }
    current = versions[-1].rule
    lives = await life(here.store, [rule], [] if current is None else [current])
    values["lived"] = lives.of(rule)
    compared = _compared(versions, before, after)
    return page(request, "rule", 200, **values, **compared, **_rights(request))


@router.get("/{rule}/edit")
async def edit(request: Request, rule: Id) -> Response:
    """The editor with a rule as it is now."""
    try:
        versions = known(await desk(request).rules.history(), rule)
    except Problem:
        return page(request, "rule-missing", 404)
    last = rulerows.latest(versions)
    if last is None:
        return page(request, "rule-missing", 404)
    return await _editor(request, spread(said(last)), versions[-1])


async def _editor(request: Request, rule: dict[str, Any], last: Version | None) -> Response:
    fields = await asyncio.to_thread(_fields, desk(request).settings)
    languages = list(dict.fromkeys((language_of(request), *LANGUAGES, *_languages(rule))))
    values = {"rule": rule, "last": last, "fields": fields, "text": printer.text(rule), "channels": MESSAGE_CHANNELS}
    document = orjson.dumps(rule).decode()
    return page(request, "rule-edit", 200, **values, document=document, message_languages=languages, **_rights(request))


def _fields(settings: Settings) -> list[str]:
    traits = load_traits(settings.traits_dir)
    computed = [one.id for one in traits.computed]
    segments = segments_of(load_segments(settings.segments_dir, computed).items)
    return rulefields.offered(titles(settings.traits_dir).traits, computed, [one.id for one in segments])


def _languages(rule: dict[str, Any]) -> list[str]:
    send = rule.get("send") or {}
    parts = (rule.get("name"), send.get("subject"), send.get("text"), send.get("short"))
    return [language for part in parts if isinstance(part, dict) for language in part]


def _compared(versions: list[Version], before: int | None, after: int | None) -> dict[str, Any]:
    """Two versions to compare: those asked for, else the last two; none when there is one only."""
    by_edition = {one.edition: one for one in versions if one.rule is not None}
    editions = sorted(by_edition)
    if len(editions) < 2:
        return {"editions": [], "was": None, "now": None, "before": {}, "after": {}}
    was, now = by_edition.get(before or 0), by_edition.get(after or 0)
    was, now = was or by_edition[editions[-2]], now or by_edition[editions[-1]]
    sides = {"before": _shown(was), "after": _shown(now)}
    return {"editions": [by_edition[one] for one in reversed(editions)], "was": was, "now": now, **sides}


def _shown(version: Version) -> dict[str, Any]:
    """A version as it is compared: with its state, also where that goes without saying."""
    return {} if version.rule is None else {**spread(said(version.rule)), "state": version.state}


def _rights(request: Request) -> dict[str, Any]:
    return {"may_change": staff(request).role in AUTOMATION, "judge": desk(request).judge is not None}
