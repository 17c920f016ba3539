"""Calls through Twilio: a menu that asks once, what happens on the line as events, and spoken messages.

| webhook | what Twilio reports |
|---|---|
| `/in/phone/twilio` | a call comes in; the answer is the menu |
| `/in/phone/twilio/menu` | what the caller typed |
| `/in/phone/twilio/status` | the call's states: set it as the number's status callback |

Whether a caller hung up before an agent took the call is not told apart from a conversation: with the menu in front
every call counts as completed at Twilio. `phone.answered` is said when the leg to an agent is taken.
"""

from __future__ import annotations

from typing import Any, Final, Self
from urllib.parse import urlsplit

from channels import twilio
from channels.base import Answer, Can, Outbound, RawInbound, Receipt
from channels.phone import twiml
from channels.twilio import Fields
from hub.errors import Rejected
from hub.event import Event, make
from hub.ids import event_id
from hub.settings import Settings

SOURCE: Final = "/channels/phone/twilio"
PATH: Final = "/in/phone/twilio"

INBOUND: Final[dict[str, str]] = {
    "ringing": "phone.ringing",
    "in-progress": "phone.answered",
    "answered": "phone.answered",
    "completed": "phone.ended",
    "busy": "phone.missed",
    "no-answer": "phone.missed",
    "canceled": "phone.missed",
    "failed": "phone.missed",
}
OUTBOUND: Final[dict[str, str]] = {
    "in-progress": "phone.answered",
    "answered": "phone.answered",
    "completed": "phone.ended",
    "busy": "phone.failed",
    "no-answer": "phone.failed",
    "canceled": "phone.failed",
    "failed": "phone.failed",
}
LEG: Final[dict[str, str]] = {"in-progress": "phone.answered", "answered": "phone.answered"}
"""The leg from a caller's call to an agent: that it was taken is news, the rest the call itself tells."""
UNDERWAY: Final = frozenset({"queued", "initiated"})
MOST_DIGITS: Final = 100


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None


def _tail(raw: RawInbound) -> str:
    return urlsplit(raw.url).path.rpartition(PATH)[2].strip("/")


class _Call:
    """One call as a webhook describes it."""

    def __init__(self, form: Fields) -> None:
        parent = form.get("ParentCallSid", "")
        self.leg = bool(parent)
        self.id = parent or form.get("CallSid", "")
        if not self.id or len(self.id) > 100:
            raise Rejected("CallSid is missing", field="CallSid")
        self.inbound = self.leg or form.get("Direction", "inbound") == "inbound"
        self.state = form.get("CallStatus", "").lower()[:40]
        self.number = form.get("From" if self.inbound else "To", "")
        self.form = form

    @property
    def kind(self) -> str:
        """The type of the event its state stands for."""
        table = LEG if self.leg else INBOUND if self.inbound else OUTBOUND
        return table.get(self.state, "phone.unknown")

    def event(self, kind: str, key: str, raw: RawInbound, **data: Any) -> Event:
        """An event about whoever is on the other end; of a withheld number, about this call alone."""
        people = twilio.person(self.number, otherwise="caller")
        call = {
            "id": self.id,
            "state": kind.partition(".")[2],
            "direction": "inbound" if self.inbound else "outbound",
            "number": people[0]["value"] if people else "",
        }
        return make(
            kind,
            id=event_id(SOURCE, f"{self.id}:{key}"),
            source=SOURCE,
            identities=people or [{"type": "call", "value": self.id, "verified": True}],
            received=raw.received,
            # A state we have no word for must not become the state of the call.
            call=call if kind != "phone.unknown" else None,
            state=self.state if kind == "phone.unknown" else None,
            to=self.form.get("To"),
            **data,
        )


class TwilioVoice:
    """Twilio's programmable voice."""

    name = "phone"
    provider = twilio.PROVIDER
    can = Can(
        inbound=True,
        outbound=True,
        answers_calls=True,
        delivery_states=True,
        sender_retries=False,
        addresses=("phone",),
        max_body=64_000,
        real_peer="Twilio programmable voice",
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.twilio
        self._language = settings.language
        self._public = settings.public_url.rstrip("/")
        self._rest = twilio.caller(settings.twilio)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build it. Opens no connection."""
        return cls(settings)

    def verify(self, raw: RawInbound) -> None:
        """Raise Unauthenticated unless Twilio signed it."""
        twilio.verify(raw, self._settings.auth_token.get_secret_value())

    def parse(self, raw: RawInbound) -> list[Event]:
        """The call's new state, or what was typed into the menu."""
        form = twilio.fields(raw)
        call = _Call(form)
        if _tail(raw) == "menu":
            return self._typed(raw, call, form.get("Digits", ""))
        if call.state in UNDERWAY:
            return []
        seconds = _number(form.get("CallDuration", ""))
        key = f"{form.get('CallSid', '')}:{call.state}" if call.leg else call.state
        trigger = raw.query.get("trigger", "")[:100] or None
        return [call.event(call.kind, key, raw, duration=seconds, trigger=trigger, sequence=form.get("SequenceNumber"))]

    def _typed(self, raw: RawInbound, call: _Call, digits: str) -> list[Event]:
        digits = digits.strip()[:MOST_DIGITS]
        if not digits:
            return []
        facts = {self._settings.menu_field: digits}
        name = self._settings.menu_field
        return [call.event("phone.input", f"input:{digits}", raw, digits=digits, facts=facts, name=name)]

    def answer(self, raw: RawInbound, events: list[Event]) -> Answer:
        """TwiML for whoever waits on the line. Needs no event: it is the same while Kafka is away."""
        tail = _tail(raw)
        settings = self._settings
        if tail == "menu":
            return twilio.text_xml(twiml.connect(settings.menu_goodbye, self._language))
        if tail == "" and not raw.query.get("trigger"):
            action = f"{self._public}{PATH}/menu"
            return twilio.text_xml(twiml.menu(settings.menu_prompt, settings.menu_goodbye, action, self._language))
        return twilio.text_xml()

    async def open(self) -> None:
        """Keep connections between calls."""
        await self._rest.open()

    async def close(self) -> None:
        """Close them."""
        await self._rest.close()

    async def send(self, message: Outbound) -> Receipt:
        """Call somebody and read the text out. Raises Transient, InDoubt, Rejected or Unauthenticated."""
        form = [
            ("To", twilio.address(message.to)),
            ("From", self._settings.from_number),
            ("Twiml", twiml.speak(message.text, message.language).decode()),
        ]
        if message.status_url:
            form.append(("StatusCallback", twilio.with_trigger(message.status_url, message.key)))
            form += [("StatusCallbackEvent", event) for event in ("answered", "completed")]
        sid = await twilio.create(self._rest, self._settings.account_sid, "Calls", form)
        return Receipt(sid, self.provider)
