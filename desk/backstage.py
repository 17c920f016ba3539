"""The API behind the scenes: triggers as they are decided, the sandbox's outbox, dead letters."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import httpx
import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse

from desk import sse
from desk.access import API
from desk.context import Desk, desk, life
from desk.problems import Problem
from hub.errors import Transient

router = APIRouter(prefix=API)

Limit = Annotated[int, Query(ge=1, le=200)]
OUTBOX_PAGE: Final = 1000


@router.get("/triggers/live", summary="What the rules decide, as server-sent events")
async def triggers(
    request: Request,
    since: Annotated[str | None, Query(max_length=40, description="RFC 3339; without it, from now on")] = None,
    last_event_id: Annotated[str | None, Header(max_length=20_000)] = None,
) -> StreamingResponse:
    """Each trigger at least once; its id is the same however often it comes."""
    source = desk(request).triggers.follow(since, last_event_id)
    return sse.response(_trigger_events(source), life(request), "triggers")


async def _trigger_events(source: AsyncIterator[tuple[str, bytes]]) -> AsyncIterator[str]:
    async for position, raw in source:
        try:
            trigger = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue  # none of ours: the dispatcher puts it among the dead letters
        yield sse.event("trigger", trigger, position)


@router.get("/outbox", summary="Messages the sandbox took")
async def outbox(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
    """What was sent to the embedded providers, newest first; only on an installation with a sandbox."""
    return await sandbox_outbox(desk(request), limit)


async def sandbox_outbox(here: Desk, limit: int) -> dict[str, Any]:
    """The sandbox's outbox. Raises Problem 404 when there is none, Transient when it does not answer."""
    if not here.settings.sandbox or not here.settings.sandbox_url:
        raise Problem(404, "this installation has no sandbox: messages go to real providers")
    items: deque[dict[str, Any]] = deque(maxlen=limit)
    last = 0
    try:
        async with httpx.AsyncClient(base_url=here.settings.sandbox_url, timeout=5, trust_env=False) as client:
            while page := await _outbox_page(client, last):
                items.extend(page)
                last = int(page[-1]["id"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise Transient(f"the sandbox does not answer: {error}") from error
    return {"items": list(reversed(items)), "next": None}


async def _outbox_page(client: httpx.AsyncClient, last: int) -> list[dict[str, Any]]:
    """The sandbox tells the oldest first."""
    answer = await client.get("/outbox", params={"after": last, "limit": OUTBOX_PAGE})
    answer.raise_for_status()
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@router.get("/dead-letters", summary="What could not be processed")
async def dead_letters(request: Request, limit: Limit = 50) -> dict[str, Any]:
    """The newest dead letters with reason and place."""
    return await letters(desk(request), limit)


async def letters(here: Desk, limit: int) -> dict[str, Any]:
    """Dead letters as the API shows them."""
    return {"items": await here.dead_letters.newest(limit), "next": None}
