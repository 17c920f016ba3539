"""The process `hub sandbox`: Twilio's and Meta's APIs, a mail server, and the outbox at `/outbox`.

It listens on this machine only, whatever the public ports do: the outbox shows messages to whoever can reach it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.ending import until_stopped
from channels.sandbox import mail
from channels.sandbox.meta import GraphApi
from channels.sandbox.outbox import Outbox
from channels.sandbox.reports import Reporter
from channels.sandbox.twilio import TwilioApi
from hub import logs
from hub.settings import Settings

HOST: Final = "127.0.0.1"
MOST_AT_ONCE: Final = 1_000

log = logs.get("sandbox")


def application(settings: Settings, outbox: Outbox, reporter: Reporter) -> Starlette:
    """The HTTP side."""
    twilio, graph = TwilioApi(settings, outbox, reporter), GraphApi(settings, outbox, reporter)

    async def show(request: Request) -> Response:
        try:
            after, limit = int(request.query_params.get("after", "0")), int(request.query_params.get("limit", "100"))
        except ValueError:
            return JSONResponse({"error": "after and limit are numbers"}, status_code=400)
        return JSONResponse({"items": outbox.after(after, min(max(limit, 0), MOST_AT_ONCE))})

    async def healthy(_: Request) -> Response:
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[
            Route("/outbox", show),
            Route("/healthz", healthy),
            Route("/2010-04-01/Accounts/{account}/Messages.json", twilio.message, methods=["POST"]),
            Route("/2010-04-01/Accounts/{account}/Calls.json", twilio.call, methods=["POST"]),
            # With and without a version in front: HUB_META__API_URL ends with one at the real provider.
            Route("/{sender}/messages", graph.messages, methods=["POST"]),
            Route("/{version}/{sender}/messages", graph.messages, methods=["POST"]),
        ]
    )


class _Server(uvicorn.Server):
    """Signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM, SIGINT or `stop`."""
    await until_stopped(_run(settings), stop)


async def _run(settings: Settings) -> None:
    outbox = Outbox(settings.state)
    outbox.open()
    reporter = Reporter(settings)
    catcher = await mail.start(HOST, settings.sandbox_smtp_port, outbox)
    config = uvicorn.Config(
        application(settings, outbox, reporter),
        host=HOST,
        port=settings.sandbox_port,
        log_level="warning",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    log.info("sandbox is open", port=settings.sandbox_port, smtp=settings.sandbox_smtp_port)
    try:
        await _serve(server)
    finally:
        catcher.close()
        await reporter.close()
        outbox.close()


async def _serve(server: uvicorn.Server) -> None:
    """Until cancelled; then let uvicorn close its connections."""
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        with contextlib.suppress(Exception):
            await serving
        raise
