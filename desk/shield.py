"""What stands around every answer of the desk: security headers, and a limit on what may be sent to it."""

from __future__ import annotations

from typing import Final

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.problems import answer

LARGEST_BODY: Final = 64_000
"""Bytes of a request; what agents write is far smaller."""
TOO_LARGE: Final = f"the request is larger than {LARGEST_BODY} bytes"

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types desk",
    )
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Shield:
    """Pure ASGI, so that live streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request inside the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                raise HTTPException(413, TOO_LARGE)
            return message

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), scope["path"])
            await send(message)

        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared[:12]) > LARGEST_BODY:
            refusal = answer(413, TOO_LARGE, field="body", limit=f"{LARGEST_BODY} bytes")
            await refusal(scope, receive, dressed)
            return
        await self._app(scope, limited, dressed)


def _dress(headers: MutableHeaders, path: str) -> None:
    for name, text in HEADERS.items():
        headers[name] = text
    if path.startswith("/static/fonts/"):
        headers["cache-control"] = "public, max-age=31536000, immutable"
    elif path.startswith("/static/"):
        headers["cache-control"] = "no-cache"  # asked again each time and answered 304: an upgrade shows at once
    else:
        headers.setdefault("cache-control", "no-store")
