"""The API of belonging together: why, joining two customers, taking one apart, and everything known as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from desk import kinship, views
from desk.access import API, FORCE, staff
from desk.context import Desk, desk, named, wanted
from desk.history import History
from desk.problems import Problem
from desk.writing import IdempotencyKey, event_of, publish
from hub.identity import Identity
from hub.profile import Document, Profile
from profile_store import why as reasons

router = APIRouter(prefix=f"{API}/customers/{{customer}}")

SAME: Final = "both are this customer already"
Names = Annotated[list[str], Field(min_length=1, max_length=64)]


class Merge(BaseModel):
    """Two customers are one."""

    model_config = ConfigDict(populate_by_name=True)

    other: str = Field(alias="with", min_length=1, max_length=400, description="An id, or an identifier `type:value`")
    force: bool = Field(default=False, description="Even beyond a limit on identities; supervisors only")


class Unmerge(BaseModel):
    """Identities are not this customer's."""

    identities: Names = Field(description="`type:value` of the customer's identities, one or more")


@router.get("/why", summary="Why these identities are one customer")
async def why(
    request: Request,
    customer: str,
    events: Annotated[bool, Query(description="Look up the events behind it in the log; slower")] = True,
) -> dict[str, Any]:
    """For every link the event, rule and time that made it; for every refusal the limit or block that stopped it.

    `claims` are refusals of the other side: an identity of this customer was named for another one.
    """
    _, profile = await wanted(request, customer)
    here = desk(request)
    found = await kinship.kinship(here.store, here.settings.policy, profile)
    behind = await kinship.causes(here.history, found.profiles, found.decisions) if events else {}
    return kinship.as_json(found, behind)


@router.get("/merge", summary="What two customers would be as one")
async def preview_merge(
    request: Request, customer: str, other: Annotated[str, Query(alias="with", min_length=1, max_length=400)]
) -> dict[str, Any]:
    """Identities, counts, contradictions, limits that stand against it, and which id stays. Changes nothing."""
    one, second = await pair(request, customer, other)
    return kinship.joined_json(kinship.joining(desk(request).settings.policy, one, second))


@router.post("/merge", status_code=202, summary="Make two customers one")
async def merge(request: Request, customer: str, body: Merge, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """Ask for it; `GET …/why` shows under `ref` what was decided. The same Idempotency-Key asks once."""
    who = staff(request)
    if body.force and who.role not in FORCE:
        raise Problem(403, "only a supervisor may go beyond a limit", field="force", roles=sorted(FORCE))
    one, second = await pair(request, customer, body.other)
    here = desk(request)
    people = [_pseudo(one["id"]), _pseudo(second["id"])]
    event = event_of(here, "agent.merge", people, idempotency_key, agent=who.name, merge={"force": body.force})
    await publish(here, event)
    return {"id": event.id, "ref": event.ref, "time": views.moment(event.ms), "with": second["id"]}


@router.get("/unmerge", summary="What taking identities out would leave")
async def preview_unmerge(
    request: Request, customer: str, identities: Annotated[list[str], Query(min_length=1, max_length=64)]
) -> dict[str, Any]:
    """The customers there would be, the one that keeps the id first. Changes nothing."""
    document = await parted(request, customer, identities)
    return {"items": [kinship.summary(one) for one in kinship.parting(document, identities)]}


@router.post("/unmerge", status_code=202, summary="Take identities out of a customer")
async def unmerge(
    request: Request, customer: str, body: Unmerge, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Ask for it; `GET …/why` shows under `ref` what was decided. Nobody joins them again but by hand."""
    document = await parted(request, customer, body.identities)
    here, who = desk(request), staff(request)
    asked = {"identities": sorted(set(body.identities))}
    event = event_of(here, "agent.unmerge", [_pseudo(document["id"])], idempotency_key, agent=who.name, unmerge=asked)
    await publish(here, event)
    return {"id": event.id, "ref": event.ref, "time": views.moment(event.ms)}


async def pair(request: Request, customer: str, other: str) -> tuple[Profile, Profile]:
    """Two different customers. Raises Problem."""
    _, one = await wanted(request, customer)
    second = await named(request, other, "with")
    if second["id"] == one["id"]:
        raise Problem(409, SAME, field="with")
    return one, second


async def parted(request: Request, customer: str, identities: list[str]) -> Document:
    """A customer of whom these identities are some, but not all. Raises Problem."""
    _, profile = await wanted(request, customer)
    found = await desk(request).store.document(profile["id"])
    if found is None:
        raise Problem(404, "there is no such customer", field="customer")
    nodes = set(found[1]["nodes"])
    foreign = sorted(set(identities) - nodes)
    if foreign:
        raise Problem(422, f"not this customer's: {', '.join(foreign)[:300]}", field="identities")
    if nodes == set(identities):
        raise Problem(409, "these are all identities there are: nothing would be left apart", field="identities")
    return found[1]


def _pseudo(customer: str) -> Identity:
    return {"type": "customer", "value": customer, "verified": False}


@router.get("/export", summary="Everything that is kept of a customer, as a file")
async def export(request: Request, customer: str) -> StreamingResponse:
    """Profile, parts, links, refusals and the whole timeline, also what only the log still has.

    `events` are the customer's events as they came in; `left_out` says what the rest does not hold of them, and why.
    """
    _, profile = await wanted(request, customer)
    here = desk(request)
    found = await here.store.document(profile["id"])
    if found is None:
        raise Problem(404, "there is no such customer", field="customer")
    headers = {
        "Content-Disposition": f'attachment; filename="{profile["id"]}.json"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(exported(here, here.history, profile, found[1]), 200, headers, "application/json")


async def exported(here: Desk, history: History, profile: Profile, document: Document) -> AsyncIterator[bytes]:
    """The file in pieces: the log may hold much. One that breaks off is no JSON, so nobody takes it for whole."""
    refusals = reasons.refusals(profile, here.settings.policy)
    head = {**kinship.stored(document), "why": reasons.links(profile), "refusals": refusals}
    yield orjson.dumps(head, option=orjson.OPT_NON_STR_KEYS)[:-1] + b',"timeline":['
    between = b"\n"
    async for row in history.whole(profile):
        yield between + orjson.dumps(views.row(row), option=orjson.OPT_NON_STR_KEYS)
        between = b",\n"
    between = b'],"events":[\n'
    async for event in history.events(profile):
        yield between + event.to_json()
        between = b",\n"
    yield b"]}\n" if between == b",\n" else b'],"events":[]}\n'
