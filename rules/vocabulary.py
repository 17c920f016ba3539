"""What the events of the hub's own channels say: a type and, for each field of its data, what kind of value it is.

From the payloads our channels are tested with, and from the tables of hub/event.py. Properties of tracked events are
the senders' own; those listed are the ones that shops commonly send.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from hub import reach
from hub.trigger import Purpose

Kind = Literal["text", "number", "whole", "count", "moment", "yes-no", "list", "mapping", "scalar", "any"]

Fields = Mapping[str, Kind]

_EVERY: Final[dict[str, Kind]] = {"identities": "list", "facts": "mapping", "traits": "mapping", "consent": "mapping"}
_SAID: Final[dict[str, Kind]] = {**_EVERY, "text": "text", "message": "text", "trigger": "text", "to": "text"}
_MAIL: Final[dict[str, Kind]] = {
    **_SAID,
    **{"full": "text", "subject": "text", "reply_to": "text", "references": "list", "automatic": "yes-no"},
    **{"attachments": "list", "cut": "yes-no"},
}
_SMS: Final[dict[str, Kind]] = {**_SAID, "media": "list"}
_STATE: Final[dict[str, Kind]] = {
    **{"identities": "list", "trigger": "text", "message": "text", "state": "text", "error": "text"},
    **{"bounce": "mapping", "bounce.hard": "yes-no", "bounce.status": "text", "bounce.action": "text"},
    **{"rule": "text", "text": "text", "subject": "text", "provider": "text", "purpose": "text", "agent": "text"},
    **{"network": "text", "account": "text", "number": "text", "customer": "text", "watermark": "text"},
}
_CALL: Final[dict[str, Kind]] = {
    **_SAID,
    **{"call": "mapping", "call.id": "text", "call.state": "text", "call.direction": "text", "call.number": "text"},
    **{"digits": "text", "name": "text", "duration": "whole", "sequence": "text", "state": "text"},
}
_CALLED: Final[dict[str, Kind]] = {**_CALL, **_STATE}
_POSTED: Final[dict[str, Kind]] = {**_STATE, "raw": "text"}
_SOCIAL: Final[dict[str, Kind]] = {
    **_SAID,
    **{"account": "text", "network": "text", "name": "text", "post": "text", "media": "list", "number": "text"},
    **{"form": "text", "payload": "text", "reply_to": "text"},
}
_WEB: Final[dict[str, Kind]] = {
    **_EVERY,
    **{"name": "text", "category": "text", "text": "text", "properties": "mapping", "context": "mapping"},
    **{"language": "text", "timezone": "text", "original_timestamp": "text", "sent_at": "text", "scores": "mapping"},
    **{"unmatched": "mapping", "context.page": "mapping", "context.campaign": "mapping", "context.device": "mapping"},
    **{"context.app": "mapping", "context.os": "mapping", "context.location": "mapping", "context.locale": "text"},
    **{"context.timezone": "text", "context.userAgent": "text"},
    **{"amount": "mapping", "amount.value": "number", "amount.currency": "text", "amount.kind": "text"},
    **{"case": "mapping", "location": "mapping", "survey": "mapping", "sentiment": "mapping"},
}
_CONSENT: Final[dict[str, Kind]] = {
    **{"identities": "list", "consent": "mapping", "consent.channel": "text", "consent.purpose": "text"},
    **{"consent.given": "yes-no", "text": "text", "trigger": "text", "message": "text"},
}
_AGENT: Final[dict[str, Kind]] = {
    **_SAID,
    **{"agent": "text", "customer": "text", "channel": "text", "case": "mapping", "sentiment": "mapping"},
    **{"account": "text", "app": "text", "network": "text", "outcome": "text", "matter": "text", "why": "text"},
}
_SURVEY: Final[dict[str, Kind]] = {
    **_SAID,
    **{"survey": "mapping", "survey.kind": "text", "survey.score": "number", "survey.scale": "number"},
    **{"survey.topic": "text", "survey.question": "text", "name": "text", "properties": "mapping"},
}
_HUB: Final[dict[str, Kind]] = {
    **{"identities": "list", "name": "text", "text": "text", "customer": "text", "segment": "text", "rule": "text"},
    **{"since": "moment", "cause": "text", "links": "list", "agent": "text"},
}
_SENT: Final = ("sent", "delivered", "failed", "read", "unknown")

EVENTS: Final[Mapping[str, Fields]] = MappingProxyType(
    {
        "email.received": _MAIL,
        **dict.fromkeys((f"email.{one}" for one in (*_SENT, "bounced", "opened", "clicked", "complained")), _STATE),
        "sms.received": _SMS,
        **dict.fromkeys((f"sms.{one}" for one in _SENT), _STATE),
        **dict.fromkeys((f"phone.{one}" for one in ("ringing", "input", "answered", "ended", "missed")), _CALL),
        **dict.fromkeys((f"phone.{one}" for one in ("transcribed", "unknown")), _CALL),
        **dict.fromkeys(("phone.failed", "phone.sent"), _CALLED),
        **dict.fromkeys((f"social.{one}" for one in ("message", "comment", "mention", "reaction")), _SOCIAL),
        **dict.fromkeys((f"social.{one}" for one in _SENT), _POSTED),
        **dict.fromkeys((f"web.{one}" for one in ("page", "screen", "track", "identify", "group", "alias")), _WEB),
        **dict.fromkeys((f"agent.{one}" for one in ("note", "reply", "wrap-up", "merge", "unmerge")), _AGENT),
        "survey.answered": _SURVEY,
        **dict.fromkeys(("consent.given", "consent.withdrawn"), _CONSENT),
        **dict.fromkeys(("segment.entered", "segment.left", "identity.merged", "identity.unmerged"), _HUB),
        **dict.fromkeys(("rule.fired", "timer.due"), _HUB),
    }
)
"""By type: the fields of its data."""

_PRODUCT: Final[dict[str, Kind]] = {
    **{"product_id": "scalar", "sku": "text", "name": "text", "brand": "text", "category": "text", "variant": "text"},
    **{"price": "number", "quantity": "number", "currency": "text", "url": "text", "image_url": "text"},
    **{"coupon": "text", "position": "number", "cart_id": "scalar"},
}
_CART: Final[dict[str, Kind]] = {"cart_id": "scalar", "products": "list", "value": "number", "query": "text"}
_ORDER: Final[dict[str, Kind]] = {
    **{"order_id": "scalar", "total": "number", "revenue": "number", "subtotal": "number", "shipping": "number"},
    **{"tax": "number", "discount": "number", "currency": "text", "coupon": "text", "products": "list"},
    **{"checkout_id": "scalar", "affiliation": "text"},
}
_FORM: Final[dict[str, Kind]] = {"form_id": "text", "email": "text", "phone": "text"}
_LEAVE: Final[dict[str, Kind]] = {"channel": "text", "purpose": "text"}
_VIEW: Final[dict[str, Kind]] = {
    **{"path": "text", "url": "text", "title": "text", "referrer": "text", "search": "text", "name": "text"},
}
PROPERTIES: Final[Mapping[str, Fields]] = MappingProxyType(
    {
        **dict.fromkeys(("Product Viewed", "Product Clicked", "Product Added", "Product Removed"), _PRODUCT),
        **dict.fromkeys(("Cart Viewed", "Product List Viewed", "Products Searched"), _CART),
        **dict.fromkeys(("Checkout Started", "Checkout Step Completed", "Payment Info Entered"), _ORDER),
        **dict.fromkeys(("Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"), _ORDER),
        **dict.fromkeys(("Signed Up", "Signed In", "Account Created", "Form Submitted"), _FORM),
        **dict.fromkeys(("Consent Given", "Consent Withdrawn"), _LEAVE),
    }
)
"""By the name of a tracked event: the properties that are usual."""
VIEWS: Final = ("web.page", "web.screen")
VIEW: Final[Fields] = MappingProxyType(_VIEW)

TRAITS: Final = (
    *("name", "first_name", "last_name", "email", "phone", "language", "timezone", "birthday", "gender", "address"),
    *("city", "country", "company", "group", "tier", "created_at", "promotions_hold"),
)
"""Traits that senders usually say."""
FACTS: Final = ("account_number", "order_number", "newsletter", "reason")
IDENTITIES: Final = (
    *("email", "phone", "user_id", "anonymous_id", "account", "meta_psid", "instagram_id", "whatsapp", "telegram"),
    *("device", "caller", "call", "mailer", "meta_account"),
)
PURPOSES: Final[tuple[Purpose, ...]] = ("marketing", "service", "transactional")
CONSENTS: Final = tuple(f"{where}/{what}" for where in (*reach.KINDS, "any") for what in (*PURPOSES, "all"))
CHANNELS: Final = tuple(dict.fromkeys(kind.partition(".")[0] for kind in EVENTS))

FREQUENT: Final = frozenset({"web.page", "web.screen", "web.track"})
"""Types of which a customer makes dozens a day."""
BROWSING: Final = frozenset(
    {
        *("web.page", "web.screen", "web.track", "email.opened", "email.clicked", "social.read", "social.reaction"),
        *("email.delivered", "sms.delivered", "social.delivered", "segment.entered", "segment.left"),
        *(f"web.track/{name}" for name in ("Product Viewed", "Product Clicked", "Product Added", "Product Removed")),
        *(f"web.track/{name}" for name in ("Cart Viewed", "Product List Viewed", "Products Searched")),
    }
)
"""What happens without the customer asking us for anything: `type`, or `type/name`."""
