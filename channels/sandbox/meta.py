"""Meta's Graph API, as far as the hub uses it: send to Messenger, Instagram and WhatsApp."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from channels.sandbox.outbox import Outbox
from channels.sandbox.reports import Reporter, now_ms
from channels.social.shapes import obj, text
from hub.security import same
from hub.settings import Settings


def _error(status: int, code: int, message: str, kind: str = "OAuthException") -> Response:
    content = {"error": {"message": message, "type": kind, "code": code, "fbtrace_id": uuid4().hex[:11]}}
    return JSONResponse(content, status_code=status)


class GraphApi:
    """The `messages` edge of a page and of a telephone number."""

    def __init__(self, settings: Settings, outbox: Outbox, reporter: Reporter) -> None:
        self._settings = settings.meta
        self._outbox = outbox
        self._reporter = reporter

    async def messages(self, request: Request) -> Response:
        """POST /{page or telephone number}/messages"""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not same(given, self._settings.access_token.get_secret_value()):
            return _error(401, 190, "Invalid OAuth access token.")
        try:
            body = obj(orjson.loads(await request.body()))
        except ValueError:
            return _error(400, 100, "Invalid parameter")
        sender = request.path_params["sender"]
        if body.get("messaging_product") == "whatsapp":
            return self._whatsapp(sender, body)
        return self._direct(sender, body)

    def _direct(self, page: str, body: Any) -> Response:
        user, message = text(obj(body.get("recipient")).get("id")), obj(body.get("message"))
        if not user or not text(message.get("text")):
            return _error(400, 100, "(#100) No matching user found")
        mid, key = f"m_{uuid4().hex}", text(message.get("metadata"))
        self._outbox.add("social", "meta", f"{page}/{user}", text(message["text"]), sender=page, key=key)
        at = now_ms()
        common = {"sender": {"id": user}, "recipient": {"id": page}, "timestamp": at}
        echo = {"sender": {"id": page}, "recipient": {"id": user}, "timestamp": at}
        echo["message"] = {"mid": mid, "is_echo": True, "text": message["text"], "metadata": key}
        items = [
            echo,
            {**common, "delivery": {"mids": [mid], "watermark": at}},
            {**common, "read": {"watermark": at}},
        ]
        self._reporter.meta(
            [{"object": "page", "entry": [{"id": page, "time": at, "messaging": [one]}]} for one in items]
        )
        return JSONResponse({"recipient_id": user, "message_id": mid})

    def _whatsapp(self, number: str, body: Any) -> Response:
        to, said = text(body.get("to")), text(obj(body.get("text")).get("body"))
        if not to or not said:
            return _error(400, 131009, "(#131009) Parameter value is not valid")
        wamid, key = f"wamid.{uuid4().hex}", text(body.get("biz_opaque_callback_data"))
        self._outbox.add("social", "meta", to, said, sender=number, key=key)
        user = to.removeprefix("+")
        common = {
            "id": wamid,
            "recipient_id": user,
            "timestamp": str(now_ms() // 1000),
            "biz_opaque_callback_data": key,
        }
        updates = []
        for state in ("sent", "delivered", "read"):
            value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": number}}
            change = {"field": "messages", "value": {**value, "statuses": [{**common, "status": state}]}}
            updates.append({"object": "whatsapp_business_account", "entry": [{"id": "sandbox", "changes": [change]}]})
        self._reporter.meta(updates)
        contacts = [{"input": to, "wa_id": user}]
        return JSONResponse({"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": wamid}]})
