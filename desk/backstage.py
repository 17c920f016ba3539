"""The API behind the scenes: triggers as they are decided, the sandbox's outbox, rules, dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse

from desk import sse
from desk.access import API, still_valid
from desk.context import Desk, desk
from desk.problems import Problem
from hub.errors import Transient

router = APIRouter(prefix=API)

Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/triggers/live", summary="What the rules decide, as server-sent events")
async def triggers(
    request: Request,
    since: Annotated[str | None, Query(max_length=40, description="RFC 3339; without it, from now on")] = None,
    last_event_id: Annotated[str | None, Header(max_length=20_000)] = None,
) -> StreamingResponse:
    """Each trigger at least once; its id is the same however often it comes."""
    source = desk(request).triggers.follow(since, last_event_id)
    return sse.response(_trigger_events(source), lambda: still_valid(request), "triggers")


async def _trigger_events(source: AsyncIterator[tuple[str, bytes]]) -> AsyncIterator[str]:
    async for position, raw in source:
        try:
            trigger = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue  # none of ours: the dispatcher puts it among the dead letters
        yield sse.event("trigger", trigger, position)


@router.get("/outbox", summary="Messages the sandbox took")
async def outbox(request: Request, limit: Limit = 50) -> dict[str, Any]:
    """What was sent to the embedded providers, newest first; only on an installation with a sandbox."""
    return await sandbox_outbox(desk(request), limit)


async def sandbox_outbox(here: Desk, limit: int) -> dict[str, Any]:
    """The sandbox's outbox. Raises Problem 404 when there is none, Transient when it does not answer."""
    if not here.settings.sandbox or not here.settings.sandbox_url:
        raise Problem(404, "this installation has no sandbox: messages go to real providers")
    address = f"{here.settings.sandbox_url.rstrip('/')}/outbox"
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(address, params={"limit": limit})
            answer.raise_for_status()
            body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Transient(f"the sandbox does not answer: {error}") from error
    items = body.get("items", []) if isinstance(body, dict) else body
    return {"items": items[:limit], "next": None}


@router.get("/dead-letters", summary="What could not be processed")
async def dead_letters(request: Request, limit: Limit = 50) -> dict[str, Any]:
    """The newest dead letters with reason and place."""
    return {"items": await desk(request).dead_letters.newest(limit), "next": None}
