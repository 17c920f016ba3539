"""The gateway: every door of the hub that the public may knock at over HTTP."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from channels.asgi import BodyReader, Gone, Receive, Scope, Send, inbound, problem, rejected, respond
from channels.base import Answer, Channel, RawInbound
from channels.edge import Edge
from channels.fault import Fault
from channels.preferences import LARGEST as LARGEST_FORM
from channels.preferences import PREFIX as PREFERENCES
from channels.preferences import Preferences
from channels.registry import Registry
from channels.tracking import PREFIXES as TRACKING
from channels.tracking import Tracking, with_cors
from channels.web import Web
from hub.errors import Rejected, TooLarge, Transient, Unauthenticated
from hub.logs import get
from hub.metrics import REJECTED, REQUESTS
from hub.settings import Settings

_PROVIDERS: Final = "/in/"
_NOWHERE: Final = problem(404, "not_found", "there is nothing here")
_BROKEN: Final = problem(500, "internal_error", "this should not have happened; it has been noted")
_METHODS: Final = frozenset({"GET", "POST"})
_OTHER_DOORS: Final = frozenset({("web", "segment"), ("email", "smtp")})
"""Channels with a door of their own: over `/in/` anybody could bring mail that no mail server has seen."""

log = get("gateway")


class Gateway:
    """The ASGI application: finds who answers a path, and sees to it that an answer is always given."""

    def __init__(self, settings: Settings, registry: Registry, edge: Edge) -> None:
        web = registry["web", "segment"]
        if not isinstance(web, Web):
            raise TypeError("the registry holds another web channel")
        self._web = web
        self._registry = registry
        self._edge = edge
        self._public_url = settings.public_url
        self._bodies = BodyReader()
        self._tracking = Tracking(web, edge)
        self._preferences = Preferences(web, edge, settings.jwt_secret.get_secret_value(), settings.tenant)
        routes = ("tracking", "provider", "preferences", "other")
        self._seconds = {route: REQUESTS.labels(route).observe for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        start = time.perf_counter()
        path: str = scope["path"]
        route = "other"
        try:
            if path.startswith(TRACKING):
                route = "tracking"
                await self._track(path, scope, receive, send)
            elif path.startswith(_PROVIDERS):
                route = "provider"
                await respond(send, await self._provider(path, scope, receive))
            elif path.startswith(PREFERENCES):
                route = "preferences"
                await respond(send, await self._prefer(path, scope, receive))
            else:
                await respond(send, _NOWHERE)
        except Gone:
            REJECTED.labels(route, "", "gone").inc()
        except Exception as error:
            log.exception("a request failed", route=route, error=repr(error))
            await respond(send, _BROKEN)
        self._seconds[route](time.perf_counter() - start)

    async def _track(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        raw = inbound(scope, b"", self._public_url)
        try:
            body = await self._bodies.read(scope, receive, self._web.can.max_body)
            answer = await self._tracking.answer(path, replace(raw, body=body))
        except Rejected as error:
            answer = self._tracking.refuse(error)
        except Transient as error:
            answer = self._tracking.later(error)
        await respond(send, with_cors(answer, raw.headers))

    async def _prefer(self, path: str, scope: Scope, receive: Receive) -> Answer:
        try:
            raw = inbound(scope, await self._bodies.read(scope, receive, LARGEST_FORM), self._public_url)
        except (Rejected, Transient) as error:
            return _refusal(error)
        return await self._preferences.answer(path, raw)

    async def _provider(self, path: str, scope: Scope, receive: Receive) -> Answer:
        """A provider's webhook: verify before anything is parsed, answer when the events are safe."""
        channel = self._find(path)
        if channel is None:
            return _NOWHERE
        if scope["method"] not in _METHODS:
            return problem(405, "method_not_allowed", "GET or POST", {"Allow": "GET, POST"})
        try:
            raw = inbound(scope, await self._bodies.read(scope, receive, channel.can.max_body), self._public_url)
            channel.verify(raw)
        except Unauthenticated as error:
            return self._count(channel, "signature", problem(401, "unauthenticated", str(error)))
        except (Rejected, Transient) as error:
            return self._count(channel, "too_large" if isinstance(error, TooLarge) else "payload", _refusal(error))
        return await self._accept(channel, raw)

    async def _accept(self, channel: Channel, raw: RawInbound) -> Answer:
        """A caller on the line must hear something whatever happens: that channel answers with or without events."""
        waits = channel.can.answers_calls
        try:
            events = channel.parse(raw)
            await self._edge.accept(channel, events)
        except Rejected as error:
            self._count(channel, "payload", _NOWHERE)
            return channel.answer(raw, []) if waits else await self._bury(channel, raw, error)
        except Transient as error:
            log.warning("a webhook was not accepted", channel=channel.name, error=str(error))
            return self._count(channel, "later", channel.answer(raw, []) if waits else _refusal(error))
        return channel.answer(raw, events)

    async def _bury(self, channel: Channel, raw: RawInbound, error: Rejected) -> Answer:
        """The sender is who it says and we do not understand it: keep the bytes, somebody must look at them."""
        fault = Fault("payload", str(error), f"{channel.name}:{channel.provider}", raw.body)
        try:
            await self._edge.dead(channel, [fault], keep=not channel.can.sender_retries)
        except Transient as later:
            return _refusal(later)
        return _refusal(error)

    def _find(self, path: str) -> Channel | None:
        name, _, rest = path.removeprefix(_PROVIDERS).partition("/")
        place = name, rest.partition("/")[0]
        channel = None if place in _OTHER_DOORS else self._registry.get(place)
        return channel if channel is not None and channel.can.inbound else None

    def _count(self, channel: Channel, reason: str, answer: Answer) -> Answer:
        REJECTED.labels(channel.name, channel.provider, reason).inc()
        return answer


def _refusal(error: Rejected | Transient) -> Answer:
    if isinstance(error, Transient):
        return problem(503, "come_again", str(error), {"Retry-After": str(max(1, round(error.retry_after or 2)))})
    return rejected(413 if isinstance(error, TooLarge) else 400, error)
