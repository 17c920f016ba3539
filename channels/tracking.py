"""The paths of the tracking API: what its clients call besides the events, and how they must be answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import orjson

from channels.asgi import problem, rejected
from channels.base import Answer, RawInbound
from channels.edge import Edge
from channels.web import Web
from channels.web.channel import PIXEL, SUCCESS
from channels.web.request import KINDS, basic_key
from hub.errors import Rejected, TooLarge, Transient, Unauthenticated
from hub.logs import get
from hub.metrics import REJECTED

PREFIXES: Final = ("/v1/", "/pixel/v1/", "/beacon/v1/", "/sourceConfig")

_EVENTS: Final = re.compile(rf"/(?:beacon/)?v1/(?:{'|'.join(KINDS)})")
_PIXEL: Final = re.compile(r"/v1/pixel/(?:identify|group|alias|page|screen|track)|/pixel/v1/(?:track|page)")
_SETTINGS: Final = re.compile(r"/v1/projects/([^/]{1,100})/settings")
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9_\-, ]{1,1000}")
_RETRY_AFTER: Final = range(1, 301)
"""Seconds that clients honour."""

log = get("tracking")


def cors(raw_headers: Mapping[str, str]) -> dict[str, str]:
    """Any site may send events: the write key says whose they are, and no cookie is ever read."""
    origin = raw_headers.get("origin")
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",  # sendBeacon always asks with credentials
        "Access-Control-Expose-Headers": "Retry-After, X-RateLimit-Reset",
        "Vary": "Origin",
    }


def preflight(headers: Mapping[str, str]) -> Answer:
    """The answer to OPTIONS: POST and GET, with whatever headers the client wants to send."""
    wanted = headers.get("access-control-request-headers", "")
    allowed = wanted if _HEADER_NAMES.fullmatch(wanted) else "authorization, content-type"
    return Answer(
        200,
        headers={
            "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
            "Access-Control-Allow-Headers": allowed,
            "Access-Control-Max-Age": "86400",
            "Allow": "POST, GET, OPTIONS",
        },
    )


class Tracking:
    """Answers every request whose path belongs to the tracking API."""

    def __init__(self, web: Web, edge: Edge) -> None:
        self._web = web
        self._edge = edge

    async def answer(self, path: str, raw: RawInbound) -> Answer:
        """What to tell the client; whatever was accepted is safe by then."""
        path = path.rstrip("/")
        if raw.method == "OPTIONS":
            return preflight(raw.headers)
        if raw.method == "POST" and _EVENTS.fullmatch(path):
            return await self._events(raw, one_way=path.startswith("/beacon/"))
        if raw.method == "GET" and _PIXEL.fullmatch(path):
            await self._events(raw, one_way=True)
            return PIXEL  # an image in a page or a mail must never be broken
        if path == "/v1/m":
            return SUCCESS  # the clients' own measurements are of no use to us
        if raw.method == "GET" and path == "/sourceConfig":
            return self._source_config(raw)
        found = _SETTINGS.fullmatch(path)
        if raw.method == "GET" and found:
            return self._settings(found[1], raw)
        if _EVENTS.fullmatch(path) or _PIXEL.fullmatch(path):
            return problem(405, "method_not_allowed", "POST events, GET pixels", {"Allow": "POST, GET, OPTIONS"})
        return problem(404, "not_found", "the tracking API has no such path")

    def refuse(self, error: Rejected) -> Answer:
        """A request that breaks a rule as a whole."""
        self._count("too_large" if isinstance(error, TooLarge) else "payload")
        return rejected(413 if isinstance(error, TooLarge) else 400, error)

    async def _events(self, raw: RawInbound, *, one_way: bool) -> Answer:
        web = self._web
        try:
            web.verify(raw)
            found = web.read(raw)
            await self._edge.accept(web, found.events, keep=one_way)
            faults = [fault if fault.body else replace(fault, body=raw.body) for fault in found.faults]
            await self._edge.dead(web, faults, keep=one_way)
        except Unauthenticated:
            self._count("key")
            return problem(401, "invalid_write_key", "the write key is not known")
        except Rejected as error:
            return self.refuse(error)
        except Transient as error:
            return self.later(error)
        return web.answer(raw, found.events)

    def later(self, error: Transient) -> Answer:
        """429 and not 503: the clients that honour Retry-After at all honour it here."""
        self._count("later")
        seconds = str(min(max(round(error.retry_after or 2), _RETRY_AFTER.start), _RETRY_AFTER.stop - 1))
        return problem(429, "come_again", str(error), {"Retry-After": seconds, "X-RateLimit-Reset": seconds})

    def _count(self, reason: str) -> None:
        REJECTED.labels(self._web.name, self._web.provider, reason).inc()

    def _settings(self, key: str, raw: RawInbound) -> Answer:
        """What analytics.js and the mobile clients ask before they send: only our own destination is on."""
        if not self._web.knows(key):
            return problem(404, "not_found", "the write key is not known")
        url = urlsplit(raw.url)
        before = url.path.partition("/v1/projects/")[0]
        place = {"apiKey": key, "apiHost": f"{url.netloc}{before}/v1", "protocol": url.scheme}
        body = {
            "integrations": {"Segment.io": place},
            "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}, "identify": {}, "group": {}},
            "edgeFunction": {},
            "metrics": {"sampleRate": 0},
        }
        return Answer(200, orjson.dumps(body), "application/json", {"Cache-Control": "public, max-age=300"})

    def _source_config(self, raw: RawInbound) -> Answer:
        """What RudderStack's clients ask before they send."""
        key = basic_key(raw) or raw.query.get("writeKey", "")
        if not self._web.knows(key):
            self._count("key")
            return problem(401, "invalid_write_key", "the write key is not known")
        off = {"enabled": False}
        source = {
            "id": "hub",
            "name": "Interaction Hub",
            "writeKey": key,
            "enabled": True,
            "workspaceId": "hub",
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "destinations": [],
            "connections": [],
            "dataplanes": {},
        }
        body = {"source": source, "updatedAt": "2026-01-01T00:00:00.000Z"}
        return Answer(200, orjson.dumps(body), "application/json")


def with_cors(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """The answer with what a browser wants to see before it shows it to a page."""
    extra = cors(headers)
    return replace(answer, headers={**answer.headers, **extra}) if extra else answer
