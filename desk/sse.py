"""Server-sent events: how they look on the wire, and what keeps a stream alive and ends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.responses import StreamingResponse

from hub import logs, metrics
from hub.errors import Transient

HEARTBEAT: Final = 15.0
"""Seconds between signs of life, for proxies that close what is silent."""
RECHECK: Final = 5.0
"""Seconds after which a token that is no longer valid ends its stream."""


def event(name: str, data: Any, id: str = "") -> str:
    """One event. JSON has no line breaks, so one `data:` line is enough."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: {orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()}\n\n"


_LOG = logs.get("desk")


@dataclass(frozen=True, slots=True)
class Life:
    """What ends a stream beside its reader: a right that ran out, a server that stops."""

    valid: Callable[[], bool]
    closing: asyncio.Event


async def alive(messages: AsyncIterator[str], life: Life, kind: str) -> AsyncIterator[str]:
    """The messages, with a comment while there are none, as long as the stream may live."""
    loop = asyncio.get_running_loop()
    silent_since = loop.time()
    closing: asyncio.Future[Any] = asyncio.ensure_future(life.closing.wait())
    waiting: asyncio.Future[Any] | None = None
    with metrics.STREAMS.labels(kind).track_inprogress():
        try:
            yield "retry: 1000\n: hello\n\n"
            while life.valid():
                waiting = waiting or asyncio.ensure_future(_next(messages))
                await asyncio.wait({waiting, closing}, timeout=RECHECK, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    text, waiting = waiting.result(), None
                    if not text:
                        return
                    silent_since = loop.time()
                    yield text
                elif closing.done():
                    return  # the reader comes back by itself, to the next server
                elif loop.time() - silent_since >= HEARTBEAT - RECHECK:
                    silent_since = loop.time()
                    yield ": alive\n\n"
            yield event("reset", {"reason": "signed-out"})
        except Transient as error:
            _LOG.warning("a live stream ends", kind=kind, reason=str(error))
        finally:
            await _end(messages, waiting, closing)


async def _end(messages: AsyncIterator[str], *tasks: asyncio.Future[Any] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    close = getattr(messages, "aclose", None)
    if close is not None:
        await close()


async def _next(messages: AsyncIterator[str]) -> str:
    """The next message; empty at the end, because a future cannot hold StopAsyncIteration."""
    return await anext(messages, "")


def response(messages: AsyncIterator[str], life: Life, kind: str) -> StreamingResponse:
    """The stream as an answer no proxy holds back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(alive(messages, life, kind), media_type="text/event-stream", headers=headers)
