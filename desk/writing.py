"""What agents write: notes for colleagues, messages to customers."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Request
from pydantic import AwareDatetime, BaseModel, Field, field_validator

from desk import known, reach, rows, views
from desk.access import API, staff
from desk.context import Desk, desk, wanted
from desk.ports import Row
from desk.problems import Problem
from hub import bus, ids
from hub.event import Event, make
from hub.identity import Identity
from hub.profile import Profile, language
from hub.topics import INTERACTIONS, TRIGGERS
from hub.trigger import Trigger

router = APIRouter(prefix=f"{API}/customers/{{customer}}")

RULE: Final = "agent"
"""The rule of a message that a person wrote."""
LONGEST: Final = 10_000

IdempotencyKey = Annotated[str | None, Header(max_length=200)]


class Text(BaseModel):
    """A text that says something."""

    text: str = Field(min_length=1, max_length=LONGEST)

    @field_validator("text")
    @classmethod
    def _something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("is empty")
        return text.strip()


class Message(Text):
    """A message of an agent's own."""

    channel: str = Field(max_length=40, description="email, sms, social, or whatsapp, messenger, instagram")
    to: str = Field(default="", max_length=400, description="One of the customer's identities, `type:value`")
    subject: str = Field(default="", max_length=200)
    seen: str = Field(default="", max_length=200, description="Id of the newest timeline row the writer saw")
    anyway: bool = Field(default=False, description="Send although something newer arrived")


class Promise(BaseModel):
    """What the customer was promised."""

    text: str = Field(min_length=1, max_length=120)
    until: AwareDatetime | None = Field(default=None, description="RFC 3339")


class Case(BaseModel):
    """The matter that something belongs to, and what becomes of it."""

    id: str = Field(default="", max_length=40, description="One of the customer's matters; empty: a new one")
    subject: str = Field(default="", max_length=120, description="Of a new matter, or another one of this")
    state: Literal["open", "waiting", "solved", "closed", "reopened"] | None = None
    promise: Promise | None = None


class Note(Text):
    """A note for colleagues."""

    case: Case | None = None


class WrapUp(Note):
    """What came of a conversation."""

    outcome: str = Field(default="", max_length=80, description="A code or word of yours")


@router.post("/notes", status_code=201, summary="Leave a note")
async def note(request: Request, customer: str, body: Note, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """A note for colleagues, about one matter if you like. The same Idempotency-Key again changes nothing."""
    return await _noted(request, customer, "agent.note", body, idempotency_key)


@router.post("/wrap-up", status_code=201, summary="Say what came of a conversation")
async def wrap_up(
    request: Request, customer: str, body: WrapUp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """What was done, and what becomes of the matter: its state, a promise. The same Idempotency-Key counts once."""
    return await _noted(request, customer, "agent.wrap-up", body, idempotency_key, outcome=body.outcome or None)


async def _noted(
    request: Request, customer: str, kind: str, body: Note, once: str | None, **more: Any
) -> dict[str, Any]:
    _, profile = await wanted(request, customer)
    here, who = desk(request), staff(request)
    case, matter = (None, None) if body.case is None else _case(profile, body.case)
    event = event_of(
        here, kind, [_speaking(profile)], once, text=body.text, agent=who.name, case=case, matter=matter, **more
    )
    await publish(here, event)
    return {"id": event.id, "time": views.moment(event.ms)}


def _case(profile: Profile, said: Case) -> tuple[dict[str, Any], str]:
    """The matter as the event carries it, and what people call it. Raises Problem."""
    subject = said.subject.strip()
    told = said.model_dump(mode="json", exclude_defaults=True) | ({"subject": subject} if subject else {})
    if not said.id:
        if not subject:
            raise Problem(422, "a new matter needs a subject", field="case.subject")
        return {"state": "open", **told}, subject
    matter = known.matter(profile, said.id)
    if matter is None:
        raise Problem(422, "the customer has no such matter", field="case.id")
    return told, subject or matter["subject"] or said.id


@router.post("/messages", status_code=202, summary="Write to the customer")
async def message(
    request: Request, customer: str, body: Message, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Send a message over one channel. The same Idempotency-Key sends once; 409 says that something newer came."""
    _, profile = await wanted(request, customer)
    here, who = desk(request), staff(request)
    now = datetime.now(UTC)
    way = _open_way(profile, body, int(now.timestamp() * 1000))
    if body.seen and not body.anyway:
        await _nothing_newer(here, profile, body.seen)
    once = idempotency_key or str(uuid.uuid4())
    trigger = Trigger(
        id=ids.trigger_id(RULE, who.name, once),
        rule=RULE,
        version="1",
        customer=profile["id"],
        time=now,
        channel=way.kind.channel,
        provider=way.kind.provider,
        to=way.to,
        subject=body.subject,
        text=body.text,
        language=language(profile),
        purpose="service",
        reason=f"written by {who.name}",
        agent=who.name,
    )
    event = event_of(
        here,
        "agent.reply",
        [_identity(profile, way.to)],
        once,
        text=body.text,
        agent=who.name,
        channel=way.kind.channel,
        to=way.to,
        trigger=trigger.id,
        subject=body.subject or None,
    )
    await publish(here, event, trigger)
    return {"id": event.id, "trigger": trigger.id, "to": way.to, "time": views.moment(event.ms)}


def _open_way(profile: Profile, body: Message, now: int) -> reach.Way:
    way = reach.way_to(profile, body.channel, body.to, now)
    if way is None:
        field = "to" if body.to else "channel"
        raise Problem(422, "the customer has no such address on this channel", field=field)
    if way.closed:
        raise Problem(409, f"this way to the customer is closed: {way.closed}", field="channel", reason=way.closed)
    return way


async def _nothing_newer(here: Desk, profile: Profile, seen: str) -> None:
    newest, _ = await here.store.timeline(profile["id"], None, 20)
    newer: list[Row] = []
    for row in newest:
        if row["id"] == seen:
            break
        newer.append(row)
    else:
        return  # what the writer saw is far back or gone: no ground to hold the message
    matters = [views.row(row) for row in newer if rows.matters(row)]
    if matters:
        raise Problem(409, "something newer arrived", field="seen", items=matters)


def _identity(profile: Profile, to: str) -> Identity:
    kind, _, text = to.partition(":")
    return {"type": kind, "value": text, "verified": profile["identities"][to]["verified"]}


def _speaking(profile: Profile) -> Identity:
    known = views.identities(profile)
    if not known:
        raise Problem(409, "the customer has no identity to keep this under", field="customer")
    return known[0]


def event_of(here: Desk, kind: str, about: list[Identity], once: str | None, **data: Any) -> Event:
    """An event of this desk; the same agent and key make the same id, whichever identity the customer has by then."""
    source = f"/desk/agents/{data['agent']}"[:200]
    return make(
        kind,
        id=ids.event_id(source, f"{kind}\n{once or uuid.uuid4()}"),
        source=source,
        identities=about,
        received=datetime.now(UTC),
        tenant=here.settings.tenant,
        **data,
    )


async def publish(here: Desk, event: Event, trigger: Trigger | None = None) -> None:
    """First the message, then its place in the timeline: repeated after a fault, both have one effect."""
    if trigger is not None:
        await here.bus.publish(bus.topic(here.settings, TRIGGERS), [(trigger.customer, trigger.to_json())])
    await here.bus.publish(bus.topic(here.settings, INTERACTIONS), [(event.subject, event.to_json())])
