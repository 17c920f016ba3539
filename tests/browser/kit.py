"""A desk without a network, for the tests of its routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from desk.app import create_app
from hub import security
from hub.settings import Settings
from tests.browser import story
from tests.browser.fakes import FakeBus, FakeDeadLetters, FakeJudge, FakeLog, FakeRules, FakeStore, FakeTriggers

SECRET = "a secret of the tests, as long as the longest of the algorithms asks for"
HERE = "http://desk.test"


@dataclass
class Kit:
    """The application, what is behind it, and a client without any right."""

    app: FastAPI
    store: FakeStore
    bus: FakeBus
    triggers: FakeTriggers
    log: FakeLog
    judge: FakeJudge
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, role: security.Role = "agent", **more: Any) -> httpx.Response:
        """Ask with a Bearer token."""
        headers = {"Authorization": f"Bearer {token(role)}", **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)


def token(role: security.Role = "agent", name: str = "Mina") -> str:
    """A token of this desk."""
    return security.issue(security.Staff(name, role), SECRET)


@dataclass
class Parts:
    """A desk on stand-ins, and the stand-ins."""

    app: FastAPI
    store: FakeStore
    bus: FakeBus
    triggers: FakeTriggers
    log: FakeLog
    judge: FakeJudge


def furnished(language: str = "en", *, judged: bool = True, **settings: Any) -> Parts:
    """A desk with the story's customers."""
    store, bus, triggers, log, judge = FakeStore(), FakeBus(), FakeTriggers(), FakeLog(), FakeJudge()
    story.fill(store, language)
    chosen = Settings(jwt_secret=SecretStr(SECRET), **settings)
    app = create_app(
        chosen,
        store,
        bus,
        triggers=triggers,
        dead_letters=FakeDeadLetters(),
        log=log,
        rules=FakeRules(chosen, bus),
        judge=judge if judged else None,
    )
    return Parts(app, store, bus, triggers, log, judge)


@asynccontextmanager
async def kit(*, judged: bool = True, **settings: Any) -> AsyncIterator[Kit]:
    """A desk that is asked without a network between."""
    parts = furnished(judged=judged, **settings)
    transport = httpx.ASGITransport(parts.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        yield Kit(parts.app, parts.store, parts.bus, parts.triggers, parts.log, parts.judge, client)
