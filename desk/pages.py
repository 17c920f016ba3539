"""The pages: what a browser is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from desk import access, backstage, customers, rows, rulebook, views
from desk.access import COOKIE, staff
from desk.context import LANGUAGE_COOKIE, THEME_COOKIE, desk, language_of, renderer_of, wanted
from desk.customers import Wanted
from desk.history import Filters
from desk.kinship import kinship
from desk.live import PAGE
from desk.places import places
from desk.problems import Problem
from desk.render import timeline_of
from desk.words import LANGUAGES
from hub import security
from hub.errors import HubError, Unauthenticated

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

YEAR: Final = 365 * 24 * 3600
ROWS: Final = 30
"""Lines of each list on the activity page."""
THEMES: Final = frozenset({"light", "dark", "system"})


@router.get("/sign-in")
async def sign_in(request: Request, token: Annotated[str, Query(max_length=4000)] = "") -> Response:
    """The link `hub up` prints: keep the token in a cookie that scripts cannot read, and out of the address."""
    if not token:
        return page(request, "sign-in", 200, wrong=False)
    try:
        security.check(token, desk(request).settings.jwt_secret.get_secret_value())
    except Unauthenticated:
        return page(request, "sign-in", 401, wrong=True)
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https" or desk(request).settings.desk_url.startswith("https:")
    answer.set_cookie(COOKIE, token, max_age=30 * 24 * 3600, httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/sign-out")
async def sign_out() -> Response:
    """Forget the token."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


@router.post("/taste")
async def taste(language: Annotated[str, Form()] = "", theme: Annotated[str, Form()] = "") -> Response:
    """Keep the reader's language or theme."""
    answer = Response(status_code=204)
    for name, said, allowed in ((LANGUAGE_COOKIE, language, LANGUAGES), (THEME_COOKIE, theme, THEMES)):
        if said and said not in allowed:
            raise Problem(422, "there is no such choice", field=name.removeprefix("hub_"), limit=", ".join(allowed))
        if said:
            answer.set_cookie(name, said, max_age=YEAR, samesite="lax", httponly=True)
    return answer


@router.get("/ping")
async def ping() -> Response:
    """Nothing, as fast as we can: the page measures its way to us with it."""
    return Response(status_code=204)


@router.get("/")
async def welcome(request: Request) -> Response:
    """The desk with nobody opened; for those who serve no customers, what goes on behind it."""
    if staff(request).role not in access.SERVICE:
        return RedirectResponse("/activity", 303)
    return page(request, "welcome")


@router.get("/customers/{customer}")
async def customer(request: Request, customer: str) -> Response:
    """One customer, with everything an agent needs on one page."""
    try:
        version, profile = await wanted(request, customer)
    except Problem:
        return page(request, "missing", 404)
    if profile["id"] != customer:
        return RedirectResponse(f"/customers/{profile['id']}", 303)
    here, renderer, who = desk(request), renderer_of(request), staff(request)
    stretch = await here.history.page(profile, None, PAGE)
    found, cursor = stretch.rows, stretch.next
    here.feed.open(who.name, profile)
    timeline = timeline_of(found)
    kin = await kinship(here.store, here.settings.policy, profile)
    where = await places(here.store, profile)
    return page(
        request,
        "customer",
        200,
        version=version,
        panels=renderer.panels(kin, timeline, where),
        entries=[renderer.entry(entry) for entry in timeline],
        cursor=cursor,
        newest=found[0]["id"] if found else "",
        readers=[name for name in here.feed.readers(customer) if name != who.name],
        **renderer.customer(profile, timeline, where),
    )


@router.get("/customers/{customer}/rows")
async def some(request: Request, customer: str, asked: Annotated[Wanted, Query()]) -> Response:
    """Entries of the timeline: those that filters let through, those after a cursor."""
    _, profile = await wanted(request, customer)
    found = await desk(request).history.page(profile, asked.before, asked.limit, asked.filters)
    renderer = renderer_of(request)
    entries = rows.entries(found.rows, found.beside if asked.filters != Filters() else None)
    body = "".join(map(renderer.entry, entries))
    reached = {} if found.reached is None else {"X-Reached": views.moment(found.reached)}
    return HTMLResponse(body, headers={"X-Next": found.next or "", **reached})


@router.get("/activity")
async def activity(request: Request) -> Response:
    """What goes on behind the desk: rules, messages that went out, what could not be processed."""
    here, who = desk(request), staff(request)
    messages, rules, letters = await asyncio.gather(
        _there(backstage.sandbox_outbox(here, ROWS)) if here.settings.sandbox else _nothing(),
        _there(rulebook.rules_of(here)),
        _there(backstage.letters(here, ROWS)) if who.role in access.BEHIND_LETTERS else _nothing(),
    )
    follow = who.role in access.AUTOMATION
    return page(request, "activity", messages=messages, rules=rules, letters=letters, follow=follow)


async def _there(asked: Awaitable[dict[str, Any]]) -> dict[str, Any] | str:
    """What was asked for, or why it is not there: one part that fails must not take the page with it."""
    try:
        return await asked
    except (Problem, HubError) as error:
        return str(error)


async def _nothing() -> None:
    return None


@router.get("/search")
async def search(request: Request, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Customers whose name or identifier begins like this, as options of a list."""
    found = await desk(request).store.search(q, 8) if q.strip() else []
    items = [(customers.brief(profile), views.is_ringing(profile), profile) for profile in found]
    return page(request, "results", items=items)


def page(request: Request, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """A page with what stands around every page."""
    who = getattr(request.state, "staff", None)
    feed = desk(request).feed
    body = renderer_of(request).page(
        template,
        **values,
        staff=who,
        language=language_of(request),
        languages=LANGUAGES,
        theme=request.cookies.get(THEME_COOKIE, "system"),
        path=request.url.path,
        serves=who is not None and who.role in access.SERVICE,
        behind=who is not None and who.role in access.BEHIND,
        recent=feed.recent() if who else [],
        opened=feed.opened(who.name) if who else [],
    )
    return HTMLResponse(body, status, headers={"Vary": "Cookie, Accept-Language"})
