"""Parts of the customer's page that are asked for by themselves: evidence, previews, what was decided."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from desk import kinship
from desk.access import FORCE, staff
from desk.arranging import pair, parted
from desk.context import desk, renderer_of, wanted
from desk.problems import Problem
from hub.profile import APART, Profile
from profile_store import outlook, why
from profile_store.why import Tie

router = APIRouter(prefix="/customers/{customer}", include_in_schema=False, default_response_class=HTMLResponse)

Name = Annotated[str, Query(max_length=400)]


@router.get("/evidence")
async def evidence(request: Request, customer: str, identity: Name = "") -> Response:
    """What joins an identity to the customer, with the events behind it."""
    _, profile = await wanted(request, customer)
    ties = why.of_identity(why.links(profile), identity)
    events = await kinship.causes(desk(request).history, [profile], ties)
    return _part(request, "parts/ties", ties=ties, key=identity, events=events)


@router.get("/merge")
async def merge(
    request: Request, customer: str, other: Annotated[str, Query(alias="with", max_length=400)] = ""
) -> Response:
    """Two customers beside each other, and what they would be as one; without the second, the question for it."""
    if not other.strip():
        return _part(request, "dialogs/merge", found=None, said="", wrong="")
    try:
        one, second = await pair(request, customer, other)
    except Problem as problem:
        if problem.status == 404:
            raise
        wrong = "same" if problem.status == 409 else "unknown"
        return _part(request, "dialogs/merge", found=None, said=other, wrong=wrong)
    found = kinship.joining(desk(request).settings.policy, one, second)
    body = orjson.dumps({"with": second["id"]}).decode()
    may_force = staff(request).role in FORCE
    return _part(request, "dialogs/merge", found=found, body=body, may_force=may_force)


@router.get("/unmerge")
async def unmerge(
    request: Request,
    customer: str,
    identities: Annotated[list[str], Query(min_length=1, max_length=64)],
    along: Annotated[bool, Query(description="With what is the customer's only through them")] = False,
) -> Response:
    """The customers there would be, and a choice of what else goes; the first of the identities always does."""
    try:
        document = await parted(request, customer, identities)
    except Problem as problem:
        if problem.status == 404:
            raise
        return _part(request, "dialogs/unmerge", wrong=True)
    first = identities[0]
    out = outlook.along(document, first) if along else sorted(set(identities))
    others = [name for name in document["nodes"] if name != first]
    values = {"first": first, "out": out, "others": others, "sides": kinship.parting(document, out)}
    body = orjson.dumps({"identities": out}).decode()
    return _part(request, "dialogs/unmerge", wrong=False, id=document["id"], body=body, **values)


@router.get("/outcome")
async def outcome(request: Request, customer: str, ref: Annotated[str, Query(max_length=40)] = "") -> Response:
    """What became of a request, in words; nothing while it is not decided."""
    _, profile = await wanted(request, customer)
    found = why.outcome(profile, ref, desk(request).settings.policy)
    if found is None:
        return Response(status_code=204)
    state, no = found
    others = await _others(request, profile, ref) if state == APART else []
    return _part(request, "dialogs/outcome", state=state, no=no, others=others)


async def _others(request: Request, profile: Profile, ref: str) -> list[Profile]:
    """The customers that went apart from this one."""
    found: dict[str, Profile] = {}
    cut: list[Tie] = [tie for tie in why.links(profile) if tie["event"]["ref"] == ref and tie["state"] == APART]
    for name in (end for tie in cut for end in (tie["one"], tie["other"])):
        if name not in profile["identities"]:
            other = await desk(request).store.find(name)
            if other is not None and other[1]["id"] != profile["id"]:
                found[other[1]["id"]] = other[1]
    return list(found.values())


def _part(request: Request, template: str, **values: object) -> HTMLResponse:
    body = renderer_of(request).part(template, **values)
    return HTMLResponse(body, headers={"Vary": "Cookie, Accept-Language", "Cache-Control": "no-store"})
