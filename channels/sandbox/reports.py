"""What providers tell us afterwards: delivery states, signed as the real ones sign them, posted to our gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import orjson

from channels import twilio
from channels.social.meta import SIGNATURE, signature
from hub import logs
from hub.settings import Settings

PAUSE: Final = 0.05
"""Seconds between two states: as good as at once, and yet in order."""
WAITS: Final = (0.2, 1.0, 5.0)
"""Seconds between tries: a gateway that restarts should not lose the end of a story."""

log = logs.get("sandbox")


def gateway(settings: Settings) -> str:
    """Where the gateway is, as providers see it."""
    return settings.public_url.rstrip("/") or f"http://127.0.0.1:{settings.gateway_port}"


class Reporter:
    """Posts webhooks in the background."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(timeout=15, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Drop what is not delivered yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def twilio(self, url: str, states: Sequence[dict[str, str]]) -> None:
        """Status callbacks of one message or call, one after the other."""
        token = self._settings.twilio.auth_token.get_secret_value()
        requests = []
        for form in states:
            signed = twilio.signature(token, url, form.items())
            headers = {twilio.SIGNATURE: signed, "content-type": twilio.FORM}
            requests.append((url, headers, urlencode(form).encode()))
        self._start(requests)

    def meta(self, updates: Sequence[dict[str, Any]]) -> None:
        """Webhooks of Meta, one after the other."""
        url = f"{gateway(self._settings)}/in/social/meta"
        secret = self._settings.meta.app_secret.get_secret_value()
        requests = []
        for update in updates:
            body = orjson.dumps(update)
            headers = {SIGNATURE: signature(secret, body), "content-type": "application/json"}
            requests.append((url, headers, body))
        self._start(requests)

    def _start(self, requests: list[tuple[str, dict[str, str], bytes]]) -> None:
        task = asyncio.create_task(self._post(requests))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, requests: list[tuple[str, dict[str, str], bytes]]) -> None:
        for url, headers, body in requests:
            await asyncio.sleep(PAUSE)
            for wait in (*WAITS, 0.0):
                try:
                    answer = await self._client.post(url, content=body, headers=headers)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    reason = type(error).__name__
                else:
                    if answer.status_code < 500:
                        break
                    reason = str(answer.status_code)
                await asyncio.sleep(wait)
            else:
                log.warning("a delivery state was not taken", url=url.partition("?")[0], reason=reason)


def now_ms() -> int:
    """This moment in milliseconds."""
    return int(time.time() * 1000)
