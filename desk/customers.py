"""The API of customers: finding, reading, following."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, Field, field_validator
from starlette.responses import StreamingResponse

from desk import known, live, sse, views
from desk.access import API, staff
from desk.context import desk, exact, life, renderer_of, wanted
from desk.history import Filters
from desk.problems import Problem
from profile_store.insight.models import models as score_models
from profile_store.insight.models import named as named_models

router = APIRouter(prefix=API)


class Wanted(BaseModel):
    """Which part of a timeline."""

    before: str | None = Field(default=None, max_length=2000, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200)
    type: list[str] = Field(default=[], max_length=20, description="`sms.received`, or all of `sms`")
    channel: str = Field(default="", max_length=40, description="The channel it went through")
    q: str = Field(default="", max_length=100, description="What occurs in it")
    after: AwareDatetime | None = Field(default=None, description="RFC 3339: what happened later")
    until: AwareDatetime | None = Field(default=None, description="RFC 3339: what happened before")

    @field_validator("after", "until", mode="before")
    @classmethod
    def _plus(cls, said: object) -> object:
        """A plus sign that was not escaped in the address arrives as a blank."""
        return said.replace(" ", "+") if isinstance(said, str) else said

    @property
    def filters(self) -> Filters:
        """What rows must be like."""
        after, until = (int(one.timestamp() * 1000) if one else 0 for one in (self.after, self.until))
        return Filters(tuple(self.type), self.channel, self.q.strip(), after, until)


@router.get("/me", summary="Who you are")
async def me(request: Request) -> dict[str, str]:
    """Name and role of the token."""
    who = staff(request)
    return {"name": who.name, "role": who.role}


@router.get("/customers", summary="Find customers")
async def find(
    request: Request,
    identifier: Annotated[str | None, Query(max_length=400, description="Exact, `type:value`")] = None,
    q: Annotated[str | None, Query(max_length=100, description="How a name or identifier begins")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> dict[str, Any]:
    """By one exact identifier, or by how any identifier or name begins."""
    if identifier is None and q is None:
        raise Problem(422, "say whom: identifier=type:value, or q=", field="identifier")
    if identifier is not None:
        found = await desk(request).store.find(exact(identifier, desk(request).settings.region))
        return {"items": [views.customer(*found)] if found else [], "next": None}
    profiles = await desk(request).store.search(q or "", limit)
    return {"items": [brief(profile) for profile in profiles], "next": None}


def brief(profile: Any) -> dict[str, Any]:
    """A customer as a line of a list."""
    known = views.identities(profile)
    return {
        "id": profile["id"],
        "name": views.name_of(profile) or None,
        "identities": known[:5],
        "stage": profile["stage"],
        "last": views.moment(profile["last"]),
        "call": views.call(profile),
    }


@router.get("/customers/{customer}", summary="One customer")
async def read(request: Request, customer: str) -> dict[str, Any]:
    """Everything known now. After a merge the id in the answer may be another."""
    version, profile = await wanted(request, customer)
    models = score_models(named_models(desk(request).settings.scores))
    scores = known.scores_json(profile, models)
    return {**views.customer(version, profile), **known.as_json(profile), "scores": scores}


@router.get("/customers/{customer}/timeline", summary="What happened, newest first")
async def timeline(request: Request, customer: str, asked: Annotated[Wanted, Query()]) -> dict[str, Any]:
    """A page of the timeline; `next` goes back as `before`.

    What the store no longer holds is read from the log. Such a page says with `reached` how far back it was read in
    the time that a page may take; it can hold few rows or none and still have a `next`.
    """
    _, profile = await wanted(request, customer)
    found = await desk(request).history.page(profile, asked.before, asked.limit, asked.filters)
    reached = {} if found.reached is None else {"reached": views.moment(found.reached)}
    return {"items": [views.row(row) for row in found.rows], "next": found.next, **reached}


@router.get("/customers/{customer}/live", summary="One customer as server-sent events")
async def follow(
    request: Request,
    customer: str,
    last: Annotated[int | None, Query(description="As Last-Event-ID, for clients that cannot set it")] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """`profile`, `panels` (HTML), `timeline`, `readers`; `reset` asks to read the snapshot again."""
    _, profile = await wanted(request, customer)
    if last_event_id and last_event_id.isdigit():
        last = int(last_event_id[:18])
    here = desk(request)
    events = live.customer_events(
        here.store,
        here.feed,
        renderer_of(request),
        profile["id"],
        agent=staff(request).name,
        last=last,
        policy=here.settings.policy,
    )
    return sse.response(events, life(request), "customer")


@router.get("/live", summary="The whole desk as server-sent events")
async def follow_desk(request: Request) -> StreamingResponse:
    """`snapshot` with the newest notice of each customer, then each `notice` as it comes."""
    return sse.response(live.desk_events(desk(request).feed), life(request), "desk")
