"""The process `hub gateway`: the edge, HTTP, SMTP and metrics, from start to an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Final, Protocol

import uvicorn
import uvloop

from channels.edge import Edge
from channels.gateway import Gateway
from channels.http import PatientProtocol
from channels.registry import build
from hub import metrics
from hub.errors import Misconfigured
from hub.logs import get
from hub.settings import Settings

_GRACE: Final = 10
"""Seconds that requests under way get at the end."""
_BACKLOG: Final = 2048

log = get("gateway")


class Stoppable(Protocol):
    """A server that somebody else brought."""

    async def stop(self) -> None:
        """Take nothing more, finish what is under way."""
        ...


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again before the edge is flushed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"the gateway cannot listen on {host}:{port}: {error.strerror}", "Set HUB_HOST or HUB_GATEWAY_PORT."
        ) from None
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _serve_metrics(settings: Settings, edge: Edge) -> ThreadingHTTPServer:
    try:
        return metrics.serve(settings.metrics_host, settings.metrics_port, edge.waiting_for)
    except OSError as error:
        raise Misconfigured(
            f"metrics cannot be served on {settings.metrics_host}:{settings.metrics_port}: {error.strerror}",
            "Set HUB_METRICS_PORT.",
        ) from None


async def run(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM, SIGINT or `stop`. Raises Misconfigured."""
    stop = stop or asyncio.Event()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # ten lines a second in an outage; the edge says it once
    registry = build(settings)
    edge = Edge(settings)
    async with contextlib.AsyncExitStack() as cleanup:
        listener = _listen(settings.host, settings.gateway_port)
        cleanup.callback(listener.close)
        await edge.start()
        cleanup.push_async_callback(edge.stop)
        scraped = _serve_metrics(settings, edge)
        cleanup.callback(scraped.server_close)
        cleanup.callback(scraped.shutdown)
        smtp = await _start_smtp(settings, edge)
        cleanup.push_async_callback(smtp.stop)
        server = _Server(_config(Gateway(settings, registry, edge)))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        _on_signals(stop)
        log.info("the gateway listens", host=settings.host, port=settings.gateway_port)
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        server.should_exit = True
        await serving


def _config(app: Gateway) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE,
    )


async def _start_smtp(settings: Settings, edge: Edge) -> Stoppable:
    from channels.email import start_smtp  # noqa: PLC0415  it needs the edge that is made here

    handle: Stoppable = await start_smtp(settings, edge)
    return handle


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread: a test stops us by the event
            loop.add_signal_handler(number, stop.set)


def main(settings: Settings) -> None:
    """Run the process on the fast event loop."""
    gc.freeze()  # what is loaded by now lives as long as the process
    gc.set_threshold(25_000, 20, 20)  # events are short-lived dictionaries: the usual 700 looks far too often
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings))
