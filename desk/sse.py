"""Server-sent events: how they look on the wire, and what keeps a stream alive and ends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import orjson
from starlette.responses import StreamingResponse

from hub import metrics

HEARTBEAT: Final = 15.0
"""Seconds between signs of life, for proxies that close what is silent."""
RECHECK: Final = 5.0
"""Seconds after which a token that is no longer valid ends its stream."""


def event(name: str, data: Any, id: str = "") -> str:
    """One event. JSON has no line breaks, so one `data:` line is enough."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: {orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()}\n\n"


async def alive(messages: AsyncIterator[str], valid: Callable[[], bool], kind: str) -> AsyncIterator[str]:
    """The messages, with a comment while there are none, until the reader's right ends."""
    loop = asyncio.get_running_loop()
    silent_since = loop.time()
    waiting: asyncio.Future[str] | None = None
    with metrics.STREAMS.labels(kind).track_inprogress():
        yield "retry: 1000\n: hello\n\n"
        try:
            while valid():
                waiting = waiting or asyncio.ensure_future(_next(messages))
                await asyncio.wait({waiting}, timeout=RECHECK)
                if waiting.done():
                    try:
                        text = waiting.result()
                    except StopAsyncIteration:
                        return
                    waiting = None
                    silent_since = loop.time()
                    yield text
                elif loop.time() - silent_since >= HEARTBEAT - RECHECK:
                    silent_since = loop.time()
                    yield ": alive\n\n"
            yield event("reset", {"reason": "signed-out"})
        finally:
            if waiting is not None:
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting
            close = getattr(messages, "aclose", None)
            if close is not None:
                await close()


async def _next(messages: AsyncIterator[str]) -> str:
    return await anext(messages)


def response(messages: AsyncIterator[str], valid: Callable[[], bool], kind: str) -> StreamingResponse:
    """The stream as an answer no proxy holds back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(alive(messages, valid, kind), media_type="text/event-stream", headers=headers)
