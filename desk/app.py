"""The desk's process: the page agents look at, its API and its live streams."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from desk import (
    arranging,
    backstage,
    customers,
    dialogs,
    pages,
    problems,
    rulebook,
    rulepages,
    ruletools,
    segments,
    writing,
)
from desk.access import API, guard
from desk.context import Desk
from desk.feed import Feed
from desk.history import History
from desk.judging import LogJudge
from desk.log import KafkaLog
from desk.ports import Bus, DeadLetters, Judge, Log, Rules, Store, TriggerFeed
from desk.shield import Shield
from desk.topics import KafkaDeadLetters, KafkaRules, KafkaTriggers
from hub import metrics
from hub.bus import Producer
from hub.errors import Misconfigured, Transient, Unauthenticated
from hub.settings import Settings
from profile_store.connect import connect
from profile_store.insight.models import models, named
from profile_store.store import Store as RedisStore

STATIC: Final = Path(__file__).parent / "static"
CONNECTIONS: Final = 1000
"""To Redis: every open customer page listens on one."""

_ENTER: Final = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>…</title>'


def create_app(
    settings: Settings,
    store: Store,
    bus: Bus,
    *,
    triggers: TriggerFeed | None = None,
    dead_letters: DeadLetters | None = None,
    log: Log | None = None,
    rules: Rules | None = None,
    judge: Judge | None = None,
) -> FastAPI:
    """The application; it opens no connection of its own. Raises Misconfigured without a secret for tokens."""
    if not settings.jwt_secret.get_secret_value():
        raise Misconfigured("HUB_JWT_SECRET is not set", "Give the desk a secret to check tokens with.")
    models(named(settings.scores))  # one that is not there is told at the start, not to an agent
    feed = Feed(store)
    published = rules or KafkaRules(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(feed.run())
        try:
            yield
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            await published.close()

    app = FastAPI(
        title="Interaction Hub: desk",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(guard)],
    )
    app.state.desk = Desk(
        settings,
        store,
        bus,
        feed,
        triggers or KafkaTriggers(settings),
        dead_letters or KafkaDeadLetters(settings),
        History(store, log or KafkaLog(settings)),
        published,
        judge,
        asyncio.Event(),
    )
    problems.install(app)
    app.add_exception_handler(Unauthenticated, _ask_to_sign_in)
    for part in (segments, customers, arranging, writing, backstage, rulebook, ruletools, pages, rulepages, dialogs):
        app.include_router(part.router)
    app.add_api_route("/openapi.json", _openapi(app), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Shield)
    return app


def _openapi(app: FastAPI) -> Callable[[], Awaitable[JSONResponse]]:
    async def openapi() -> JSONResponse:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schema["components"] = {
            **schema.get("components", {}),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        }
        return JSONResponse({**schema, "security": [{"bearer": []}]})

    return openapi


def _ask_to_sign_in(request: Request, error: Exception) -> Response:
    """Scripts get 401, people the page that says how to come in."""
    path = request.url.path
    if path.startswith(API) or path in ("/ping", "/taste", "/sign-out", "/search"):
        return problems.answer(401, str(error), {"WWW-Authenticate": 'Bearer realm="hub"'})
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A strict cookie is not sent when another site led here; asking again from our own page brings it.
        return HTMLResponse(_ENTER)
    return RedirectResponse("/sign-in", 303)


class Server(uvicorn.Server):
    """uvicorn, ending the open streams first: they never end by themselves."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open, then the server."""
        self._closing.set()
        await super().shutdown(sockets)


def server(app: FastAPI, host: str, port: int) -> Server:
    """The server of the application; it listens when it is asked to serve."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return Server(config, app.state.desk.closing)


async def run(settings: Settings) -> None:
    """Serve the desk until told to stop."""
    client = connect(settings, connections=CONNECTIONS)
    producer = Producer(settings.kafka_bootstrap_servers, client="hub-desk")
    app = create_app(settings, RedisStore(client), producer, judge=LogJudge(settings))
    connecting = asyncio.create_task(_connect(producer))
    serving = server(app, settings.host, settings.desk_port)
    watching = metrics.serve(
        settings.metrics_host, settings.metrics_port, lambda: "" if serving.started else "starting"
    )
    try:
        await serving.serve()
    finally:
        await asyncio.to_thread(watching.shutdown)
        watching.server_close()
        connecting.cancel()
        await asyncio.wait({connecting})
        await producer.stop()
        await client.aclose()


async def _connect(producer: Producer) -> None:
    """Reading needs no broker: the desk is up without one, and writing answers 503 until it is there."""
    while True:
        try:
            await producer.start()
        except Transient:
            await asyncio.sleep(1)
        else:
            return
