"""A desk with the story's customers, and a browser to look at it with."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from desk.app import server
from hub import security
from tests.browser import chromium
from tests.browser.fakes import FakeBus, FakeJudge, FakeLog, FakeStore, FakeTriggers
from tests.browser.kit import SECRET, furnished

SHOTS = os.environ.get("DESK_SHOTS")
"""A folder to leave pictures in, for people."""


@dataclass
class Open:
    """A desk that runs, and what is behind it."""

    url: str
    store: FakeStore
    bus: FakeBus
    triggers: FakeTriggers
    log: FakeLog
    judge: FakeJudge


@asynccontextmanager
async def running(language: str = "en", *, judged: bool = True, **settings: Any) -> AsyncIterator[Open]:
    """A desk on a free port."""
    parts = furnished(language, judged=judged, sandbox=False, **settings)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = server(parts.app, "127.0.0.1", 0)
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        while not serving.started:  # noqa: ASYNC110  (uvicorn sets a plain flag)
            await asyncio.sleep(0.01)
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            yield Open(url, parts.store, parts.bus, parts.triggers, parts.log, parts.judge)
        finally:
            serving.should_exit = True
            await task


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, started once."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=chromium.path(), args=list(chromium.FLAGS))
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk() -> AsyncIterator[Open]:
    """The desk in English."""
    async with running() as found:
        yield found


def refused(said: ConsoleMessage) -> bool:
    """Whether the browser only notes an answer that says no: that is the page's business to show."""
    return said.text.startswith("Failed to load resource")


@asynccontextmanager
async def looking(
    browser: Browser, desk: Open, *, role: security.Role = "agent", language: str = "en", width: int = 1440, **more: Any
) -> AsyncIterator[Page]:
    """A signed-in page; whatever a script complains of fails the test."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, **more)
    token = security.issue(security.Staff("Mina", role), SECRET)
    await context.add_cookies(
        [
            {"name": "hub_language", "value": language, "url": desk.url},
            {"name": "hub_session", "value": token, "url": desk.url, "httpOnly": True, "sameSite": "Strict"},
        ]
    )
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" and not refused(said) else None)
    yield page
    await context.close()
    assert not faults, faults


async def picture(page: Page, name: str) -> None:
    """Leave a picture where somebody asked for it."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png")


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script, from the package that carries it."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None, "install the development extra"
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text()
