"""The API of segments: how many customers are in each, and who."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from desk.access import API
from desk.context import desk
from desk.problems import Problem
from hub.errors import Rejected
from rules.book import Book
from rules.declared import load_segments, load_traits
from rules.lifecycle import segments_of
from rules.segments import Segment

router = APIRouter(prefix=f"{API}/segments")


async def _declared(request: Request) -> tuple[tuple[Segment, ...], list[str]]:
    settings = desk(request).settings

    def look() -> tuple[tuple[Segment, ...], list[str]]:
        traits = load_traits(settings.traits_dir)
        found = load_segments(settings.segments_dir, [one.id for one in traits.computed])
        return segments_of(found.items), [str(problem) for problem in (*traits.problems, *found.problems)]

    return await asyncio.to_thread(look)


@router.get("", summary="Segments, and how many customers are in each")
async def segments(request: Request) -> dict[str, Any]:
    """Those declared in the folder of segments, stages and tiers too; `problems` names what is wrong with the rest.

    One that is new is `in_force` when the customers were built with it.
    """
    found, problems = await _declared(request)
    store = desk(request).store
    counts = await asyncio.gather(*(store.segment_size(one.id) for one in found))
    items = [
        {"id": one.id, "name": one.name, "note": one.note, "customers": count}
        for one, count in zip(found, counts, strict=True)
    ]
    said = await store.declared()
    in_force = {one.id for one in segments_of(Book.from_json(said).segments)} if said is not None else set()
    for item in items:
        item["in_force"] = item["id"] in in_force
    return {"items": items, "next": None, "problems": problems}


@router.get("/{segment}/members", summary="Who is in a segment")
async def members(
    request: Request,
    segment: str,
    before: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """A page of customers' ids. Whoever is a member all the while is met once."""
    found, _ = await _declared(request)
    if all(one.id != segment for one in found):
        raise Problem(404, "there is no such segment", field="segment")
    try:
        customers, cursor = await desk(request).store.segment_members(segment, before, limit)
    except Rejected as error:
        raise Problem(422, str(error), field="before") from None
    return {"items": [{"id": one} for one in customers], "next": cursor or None}
