"""What every sender over HTTP shares: one client, and a provider's refusals as our errors."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Protocol, runtime_checkable

import httpx

from hub.errors import HubError, Rejected, Transient, Unauthenticated

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
NOT_TAKEN: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The request never left this machine: it may be sent again without asking anybody."""
AMBIGUOUS: Final = frozenset({408, 502, 504})
"""A gateway in between gave up: the provider behind it may have taken the message."""
LONGEST_REASON: Final = 300


class InDoubt(Transient):
    """The provider may have taken the message; only a sender whose provider knows our key may simply repeat it."""


@runtime_checkable
class Connected(Protocol):
    """A channel that keeps connections open between two messages when its user asks for it."""

    async def open(self) -> None:
        """Keep connections from now on."""
        ...

    async def close(self) -> None:
        """Close them."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider answered."""

    status: int
    content: Any
    """The JSON in it, or an empty object."""
    retry_after: float | None = None

    def get(self, name: str) -> Any:
        """A field of the answer; None when it is no object or has none."""
        return self.content.get(name) if isinstance(self.content, dict) else None


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _seconds(value: str | None) -> float | None:
    try:
        return min(max(float(value or ""), 0.0), 3600.0)
    except ValueError:
        return None


@dataclass(slots=True)
class Caller:
    """Posts to one provider. Unless opened, each call has a connection of its own and leaves nothing behind."""

    base: str
    auth: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    _client: httpx.AsyncClient | None = None

    def _new(self) -> httpx.AsyncClient:
        secure = self.base.startswith("https:")
        return httpx.AsyncClient(
            auth=self.auth,
            headers=dict(self.headers),
            timeout=TIMEOUT,
            verify=_tls() if secure else False,
            follow_redirects=False,
            trust_env=secure,
        )

    async def open(self) -> None:
        """Keep connections between calls."""
        if self._client is None:
            self._client = self._new()

    async def close(self) -> None:
        """Close what open() keeps."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def post(self, path: str, *, form: Any = None, json: Any = None) -> Reply:
        """POST a form or JSON. Raises Transient when nothing was taken, InDoubt when nobody knows."""
        client = self._client or self._new()
        try:
            answer = await client.post(self.base.rstrip("/") + path, data=form, json=json)
        except NOT_TAKEN as error:
            raise Transient(f"{self.base} cannot be reached: {type(error).__name__}") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Rejected(f"the provider's address is wrong: {error}", field="api_url") from error
        except httpx.HTTPError as error:
            raise InDoubt(f"{self.base} did not answer: {type(error).__name__}") from error
        finally:
            if client is not self._client:
                await client.aclose()
        try:
            content = answer.json()
        except ValueError:
            content = {}
        return Reply(answer.status_code, content, _seconds(answer.headers.get("retry-after")))


def refusal(reply: Reply, reason: str) -> HubError | None:
    """The error an HTTP status stands for; None for a success."""
    status, text = reply.status, f"{reply.status} {reason}".strip()[:LONGEST_REASON]
    if 200 <= status < 300:
        return None
    if status in {401, 403}:
        return Unauthenticated(text)
    if status in AMBIGUOUS:
        return InDoubt(text, reply.retry_after)
    if status == 429 or status >= 500:
        return Transient(text, reply.retry_after)
    return Rejected(text)
