"""The outside world of a demo: a shop's site, a mail server, Twilio, Meta and an agent, on the hub's public ports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosmtplib
import httpx

from channels.social.meta import signature as meta_signature
from channels.twilio import signature as twilio_signature
from hub.errors import Misconfigured, Transient
from hub.settings import LOCAL_FILE, read


def running_hub() -> dict[str, Any]:
    """What a hub that runs here wrote for scripts. Raises Misconfigured when none runs."""
    file = read().state / LOCAL_FILE
    try:
        found: dict[str, Any] = json.loads(Path(file).read_text())
    except (OSError, ValueError):
        raise Misconfigured(f"no hub runs here ({file} is missing)", "Start one in another window: make run") from None
    return found


class World:
    """Everybody outside, with the keys and secrets of a local hub."""

    def __init__(self, hub: Mapping[str, Any]) -> None:
        self._hub = hub
        self._http = httpx.AsyncClient(timeout=10)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def _answered(self, request: httpx.Request) -> httpx.Response:
        """Send, and send again while the hub is away, as these senders really do."""
        for _ in range(60):
            try:
                answer = await self._http.send(request)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in (429, 502, 503):
                answer.raise_for_status()
                return answer
            await _pause(0.5)
        raise Transient(f"{request.url} does not answer")

    async def site(self, kind: str, **event: Any) -> None:
        """The shop's site tracks something."""
        request = self._http.build_request("POST", f"{self._hub['gateway']}/v1/{kind}", json=event, headers=self._key())
        await self._answered(request)

    def _key(self) -> dict[str, str]:
        token = httpx.BasicAuth(self._hub["write_key"], "")
        probe = next(token.auth_flow(httpx.Request("POST", "http://localhost")))
        return {"Authorization": probe.headers["Authorization"]}

    async def twilio(self, path: str, **fields: str) -> str:
        """Twilio calls a webhook, signed; its answer."""
        url = f"{self._hub['gateway']}{path}"
        signed = twilio_signature(self._hub["twilio"]["auth_token"], url, list(fields.items()))
        request = self._http.build_request("POST", url, data=fields, headers={"X-Twilio-Signature": signed})
        return (await self._answered(request)).text

    async def meta(self, body: Mapping[str, Any]) -> None:
        """Meta calls the webhook, signed."""
        raw = json.dumps(body).encode()
        headers = {
            "X-Hub-Signature-256": meta_signature(self._hub["meta"]["app_secret"], raw),
            "Content-Type": "application/json",
        }
        request = self._http.build_request(
            "POST", f"{self._hub['gateway']}/in/social/meta", content=raw, headers=headers
        )
        await self._answered(request)

    async def mail(self, sender: str, name: str, subject: str, text: str, *, id: str, at: datetime) -> None:
        """Somebody's mail server delivers a mail."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"{name} <{sender}>", "hello@shop.example", subject
        mail["Message-ID"], mail["Date"] = f"<{id}@mail.example>", format_datetime(at)
        mail.set_content(text)
        host, _, port = self._hub["smtp"].partition(":")
        for _ in range(60):
            try:
                await aiosmtplib.send(mail, hostname=host, port=int(port), timeout=10)
                return
            except (aiosmtplib.SMTPException, OSError):
                await _pause(0.5)
        raise Transient("the SMTP port does not answer")

    async def desk(self, method: str, path: str, once: str = "", **call: Any) -> Any:
        """An agent works at the desk."""
        headers = {"Authorization": f"Bearer {self._hub['tokens']['agent']}"}
        if once:
            headers["Idempotency-Key"] = once
        request = self._http.build_request(method, f"{self._hub['desk']}/api/v1{path}", headers=headers, **call)
        return (await self._answered(request)).json()

    async def customer(self, identity: str) -> dict[str, Any] | None:
        """The customer with this identity as the desk sees it, or None yet."""
        try:
            found = await self.desk("GET", "/customers", params={"identifier": identity})
        except httpx.HTTPStatusError as error:
            if error.response.status_code == 404:
                return None
            raise
        items: list[dict[str, Any]] = found["items"]
        return items[0] if items else None

    async def outbox(self, to: str) -> list[dict[str, Any]]:
        """What went out to an address (without its type)."""
        found = await self.desk("GET", "/outbox", params={"limit": 200})
        return [one for one in found["items"] if to in str(one.get("to", ""))]


async def _pause(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(seconds)
