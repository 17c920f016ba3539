"""SMS through Twilio: messages and delivery states come to `/in/sms/twilio`, messages go out over its REST API."""

from __future__ import annotations

from typing import Any, Final, Self

from channels import twilio
from channels.base import Answer, Can, Outbound, RawInbound, Receipt
from channels.twilio import Fields
from hub.errors import Rejected
from hub.event import Event, make
from hub.identity import Identity
from hub.ids import event_id
from hub.settings import Settings

SOURCE: Final = "/channels/sms/twilio"
MOST_MEDIA: Final = 10

STATES: Final[dict[str, str]] = {
    "sent": "sms.sent",
    "delivered": "sms.delivered",
    "undelivered": "sms.failed",
    "failed": "sms.failed",
    "canceled": "sms.failed",
    "read": "sms.read",
}
UNDERWAY: Final = frozenset({"accepted", "scheduled", "queued", "sending", "receiving", "received"})
"""States on the way to one of the above: they tell nobody anything."""

LEAVING: Final = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "STOPP", "ARRET", "لغو", "لغو11"}
)
RETURNING: Final = frozenset({"START", "UNSTOP"})
"""What carriers and Twilio take for leaving and coming back, when nothing else is written."""
OPT_OUT: Final[dict[str, bool]] = {"STOP": False, "START": True}
"""Twilio's own verdict (OptOutType), which it reaches by the account's word lists; HELP changes nothing."""

OVER: Final = {"whatsapp:": "social.message", "messenger:": "social.message", "rcs:": "social.message"}
"""Messages that Twilio carries and that are no SMS."""


def _media(form: Fields) -> list[dict[str, str]] | None:
    count = form.get("NumMedia", "0")
    number = min(int(count), MOST_MEDIA) if count.isascii() and count.isdecimal() and len(count) < 4 else 0
    found = [
        {"url": form[f"MediaUrl{index}"], "type": form.get(f"MediaContentType{index}", "")}
        for index in range(number)
        if f"MediaUrl{index}" in form
    ]
    return found or None


def _wish(form: Fields) -> bool | None:
    """Whether the sender wants marketing from now on; None when they did not say."""
    verdict = form.get("OptOutType", "").upper()
    if verdict:
        return OPT_OUT.get(verdict)
    word = form.get("Body", "").strip().strip(".!").upper()
    return False if word in LEAVING else True if word in RETURNING else None


def _received(raw: RawInbound, form: Fields, sid: str) -> list[Event]:
    sender = form.get("From", "")
    people: list[Identity] = twilio.person(sender)
    common: dict[str, Any] = {"source": SOURCE, "identities": people, "received": raw.received}
    kind = next((kind for prefix, kind in OVER.items() if sender.startswith(prefix)), "sms.received")
    message = make(
        kind,
        id=event_id(SOURCE, sid),
        text=form.get("Body", ""),
        message=sid,
        to=form.get("To"),
        media=_media(form),
        traits={"name": form["ProfileName"]} if form.get("ProfileName") else None,
        **common,
    )
    wish = _wish(form)
    if wish is None:
        return [message]
    consent = make(
        "consent.given" if wish else "consent.withdrawn",
        id=event_id(SOURCE, f"{sid}:consent"),
        consent={"channel": "sms", "purpose": "marketing", "given": wish, "proof": sid},
        text=form.get("Body", ""),
        **common,
    )
    return [message, consent]


def _reported(raw: RawInbound, form: Fields, sid: str, state: str) -> list[Event]:
    trigger = raw.query.get("trigger", "")[:100] or None
    if state in UNDERWAY or (state == "sent" and trigger):
        return []  # the dispatcher itself said so when Twilio took the message
    reported = make(
        STATES.get(state, "sms.unknown"),
        id=event_id(SOURCE, f"{sid}:{state}"),
        source=SOURCE,
        identities=twilio.person(form.get("To", "")),
        received=raw.received,
        message=sid,
        state=state,
        error=form.get("ErrorCode") or None,
        trigger=trigger,
    )
    return [reported]


class TwilioSms:
    """Twilio's programmable messaging."""

    name = "sms"
    provider = twilio.PROVIDER
    can = Can(
        inbound=True,
        outbound=True,
        delivery_states=True,
        sender_retries=False,
        addresses=("phone",),
        max_body=64_000,
        real_peer="Twilio programmable messaging",
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.twilio
        self._rest = twilio.caller(settings.twilio)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build it. Opens no connection."""
        return cls(settings)

    def verify(self, raw: RawInbound) -> None:
        """Raise Unauthenticated unless Twilio signed it."""
        twilio.verify(raw, self._settings.auth_token.get_secret_value())

    def parse(self, raw: RawInbound) -> list[Event]:
        """One message, with the consent it gives or takes back, or one delivery state."""
        form = twilio.fields(raw)
        sid = form.get("MessageSid") or form.get("SmsSid", "")
        if not sid or len(sid) > 100:
            raise Rejected("MessageSid is missing", field="MessageSid")
        if "MessageStatus" in form:
            return _reported(raw, form, sid, form["MessageStatus"].lower())
        return _received(raw, form, sid)

    def answer(self, raw: RawInbound, events: list[Event]) -> Answer:
        """Empty TwiML: no text goes back by itself."""
        return twilio.text_xml()

    async def open(self) -> None:
        """Keep connections between messages."""
        await self._rest.open()

    async def close(self) -> None:
        """Close them."""
        await self._rest.close()

    async def send(self, message: Outbound) -> Receipt:
        """Create the message at Twilio. Raises Transient, InDoubt, Rejected or Unauthenticated."""
        form = [
            ("To", twilio.address(message.to)),
            ("From", self._settings.from_number),
            ("Body", message.text),
        ]
        if message.status_url:
            form.append(("StatusCallback", twilio.with_trigger(message.status_url, message.key)))
        sid = await twilio.create(self._rest, self._settings.account_sid, "Messages", form)
        return Receipt(sid, self.provider)
