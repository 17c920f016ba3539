"""Meta's Graph API: what a message looks like, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from channels.base import Outbound
from channels.outgoing import Reply, refusal
from channels.social.shapes import obj, objects, text
from hub.errors import HubError, Rejected, Transient, Unauthenticated

LATER: Final = frozenset({1, 2, 4, 17, 32, 341, 613, 80006, 80007, 130429, 131016, 131056, 133004})
"""Graph error codes for trouble on their side and for rate limits, whatever HTTP status comes with them."""
KEYS: Final = frozenset({3, 10, 102, 190, 131005})
"""Graph error codes for a token that is wrong, has ended, or may not do this."""

Body = dict[str, Any]


def _direct(value: str, message: Outbound) -> Body:
    """Messenger and Instagram; `metadata` comes back in the echo and marks it as ours."""
    return {
        "recipient": {"id": value.rpartition("/")[2]},
        "messaging_type": "RESPONSE",
        "message": {"text": message.text, "metadata": message.key},
    }


def _whatsapp(value: str, message: Outbound) -> Body:
    """WhatsApp; the callback data comes back with every delivery state."""
    body: Body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": value,
        "type": "text",
        "text": {"preview_url": False, "body": message.text},
        "biz_opaque_callback_data": message.key,
    }
    return {**body, "context": {"message_id": message.reply_to}} if message.reply_to else body


FORMS: Final[dict[str, Callable[[str, Outbound], Body]]] = {
    "meta_psid": _direct,
    "instagram_id": _direct,
    "whatsapp": _whatsapp,
}


def request(message: Outbound, page: str, phone_number: str) -> tuple[str, Body]:
    """Path and body of the request. Raises Rejected for an address Meta cannot reach."""
    kind, _, value = message.to.partition(":")
    form = FORMS.get(kind)
    if form is None or not value:
        raise Rejected(f"it cannot go to {kind or 'nobody'}", field="to")
    scope = value.rpartition("/")[0] if kind == "meta_psid" else ""
    sender = phone_number if kind == "whatsapp" else scope or page
    if not sender.isalnum():
        raise Rejected("no page or number to send from", field="to")
    return f"/{sender}/messages", form(value, message)


def accepted(reply: Reply) -> str:
    """The id of the message Meta took. Raises what its refusal stands for."""
    error = _error(reply)
    if error is not None:
        raise error
    first = next(iter(objects(reply.get("messages"))), {})
    return text(reply.get("message_id")) or text(first.get("id"))


def _error(reply: Reply) -> HubError | None:
    said = obj(reply.get("error"))
    code = said.get("code")
    reason = f"{text(code)} {text(said.get('message'))}".strip()
    if said and (code in LATER or said.get("is_transient") is True):
        return Transient(reason, reply.retry_after)
    if said and code in KEYS:
        return Unauthenticated(reason)
    return refusal(reply, reason)
