"""`hub customer`: one customer, by any identifier."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.cli import arranging
from hub.errors import Rejected, Transient
from hub.event import rfc3339
from hub.identity import normalise
from hub.profile import SOURCE, TIME, VALUE, Profile
from hub.settings import Settings, read
from profile_store import why as reasons
from profile_store.connect import connect
from profile_store.insight.models import models, named
from profile_store.insight.scores import scores
from profile_store.store import Store
from profile_store.timeline import Row
from profile_store.traits import SAID

if TYPE_CHECKING:
    from desk.places import Places

app = typer.Typer(help="One customer, by any identifier.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


def when(ms: int) -> str:
    """A time for people and machines."""
    return rfc3339(datetime.fromtimestamp(ms / 1000, UTC))


async def look_up(store: Store, settings: Settings, identifier: str) -> Profile:
    """The customer behind an id, `type:value`, or anything the search finds alone. Raises Rejected."""
    kind, colon, text = identifier.partition(":")
    if colon:
        value = normalise(kind, text, settings.region)
        found = await store.find(f"{kind}:{value}") if value else None
    else:
        found = await store.get(identifier)
    if found is not None:
        return found[1]
    hits = await store.search(text if colon else identifier, 5)
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise Rejected(f"{identifier} fits several customers: {', '.join(hit['id'] for hit in hits)}")
    raise Rejected(f"nobody is known as {identifier}; try e.g. phone:+4930123456 or email:sara@example.com")


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Store]:
    client = connect(settings)
    try:
        yield Store(client)
    finally:
        await client.aclose()


async def _whole(settings: Settings, identifier: str, limit: int) -> tuple[Profile, list[Profile], list[Row], Places]:
    from desk.kinship import claimants
    from desk.places import places

    async with _opened(settings) as store:
        profile = await look_up(store, settings, identifier)
        rows, _ = await store.timeline(profile["id"], limit=limit)
        return profile, await claimants(store, profile), rows, await places(store, profile)


@app.command()
def show(identifier: str) -> None:
    """Show what is known of one customer.

    Example: hub customer show phone:+4915112345678
    """
    settings = read()
    profile, others, rows, where = asyncio.run(_whole(settings, identifier, 20))
    print_profile(profile, settings, where)
    console.print()
    arranging.print_kinship(console, arranging.Decided(profile, others, settings.policy), when)
    console.print()
    for row in rows:
        console.print(f"{when(row['time'])}  {row['type']:<18} {row['text'][:100]}", markup=False)


def print_profile(profile: Profile, settings: Settings, where: Places) -> None:
    """What is known, and what was said last and not kept."""
    from desk import views

    stage, tier = where.stage(profile, settings.language), where.tier(profile, settings.language)
    console.print(
        f"[bold]{profile['id']}[/]  {profile['events']} events, stage {escape(stage or profile['stage'])}", end=""
    )
    console.print(f", tier {tier}\n" if tier else "\n", markup=False)
    known = Table("what", "value", "since", "source", box=None)
    for name, one in sorted(profile["identities"].items()):
        known.add_row("identity", name, when(one["first"]), "verified" if one["verified"] else "claimed")
    for what in ("traits", "facts", "consent"):
        table: dict[str, list[Any]] = profile[what]
        for name, register in sorted(table.items()):
            known.add_row(
                escape(f"{what} {name}"), escape(str(register[VALUE])), when(register[TIME]), str(register[SOURCE])
            )
    for name, note in views.unfit(profile).items():
        said = f"{note[VALUE][SAID]}: {views.why_unfit(name, note)}"
        known.add_row(escape(f"not kept {name}"), escape(said), when(note[TIME]), str(note[SOURCE]))
    now = time.time_ns() // 1_000_000
    for name, score in scores(cast(Any, profile), now, models(named(settings.scores))).items():
        why_so = ", ".join(score.reasons)
        known.add_row(f"score {name}", f"{score.value:.2f}", when(score.time or now), f"{score.model}: {why_so}")
    console.print(known)


@app.command()
def export(identifier: str) -> None:
    """Write everything that is kept of one customer as JSON, with the timeline and all events from the first day on.

    `left_out` says what the profile does not hold of these events, and why.

    Example: hub customer export email:sara@example.com > sara.json
    """
    typer.echo(json.dumps(asyncio.run(_exported(identifier)), ensure_ascii=False, indent=2))


async def _exported(identifier: str) -> dict[str, Any]:
    from desk.history import History
    from desk.kinship import stored as whole
    from desk.log import KafkaLog

    settings = read()
    async with _opened(settings) as store:
        profile = await look_up(store, settings, identifier)
        found = await store.document(profile["id"])
        if found is None:
            raise Rejected(f"{profile['id']} was erased just now")
        history = History(store, KafkaLog(settings))
        rows = [row async for row in history.whole(profile)]
        events = [orjson.loads(event.to_json()) async for event in history.events(profile)]
        refusals = reasons.refusals(profile, settings.policy)
        said = {"why": reasons.links(profile), "refusals": refusals}
        return {**whole(found[1]), **said, "timeline": rows, "events": events}


@app.command()
def why(identifier: str) -> None:
    """Say why a customer's identities belong together, and why others were not taken as theirs, or theirs as others'.

    Example: hub customer why phone:+4915112345678
    """
    settings = read()
    decided, events = asyncio.run(_caused(settings, identifier))
    console.print(f"[bold]{decided.profile['id']}[/]\n")
    arranging.print_kinship(console, decided, when, events)
    if not decided.all:
        console.print("One identity, and no other was ever named beside it.")


async def _caused(settings: Settings, identifier: str) -> tuple[arranging.Decided, arranging.Events]:
    """What was decided about a customer, and the events behind it, as far as Kafka gives them."""
    from desk.history import History
    from desk.kinship import causes, claimants
    from desk.log import KafkaLog

    async with _opened(settings) as store:
        profile = await look_up(store, settings, identifier)
        others = await claimants(store, profile)
        found = arranging.Decided(profile, others, settings.policy)
        try:
            return found, await causes(History(store, KafkaLog(settings)), [profile, *others], found.all)
        except Transient as error:
            console.print(f"{error}; events are named by their reference only", style="yellow", markup=False)
            return found, {}


@app.command()
def merge(
    one: str,
    other: str,
    force: bool = typer.Option(False, "--force", help="Also beyond a limit on how many identities of a type one has."),
) -> None:
    """Make two customers one, and wait until it is done or refused. The older one keeps its id.

    Example: hub customer merge phone:+4915112345678 email:sara@example.com
    """
    console.print(asyncio.run(_merge(one, other, force=force)), markup=False)


async def _merge(one: str, other: str, *, force: bool) -> str:
    settings = read()
    async with _opened(settings) as store:
        first, second = await look_up(store, settings, one), await look_up(store, settings, other)
        return await arranging.merge(store, settings, first, second, force=force)


@app.command()
def unmerge(
    identifier: str,
    identities: list[str] = typer.Argument(help="Those that are not this customer's, as type:value."),
) -> None:
    """Take identities out of a customer, and wait until it is done. Only by hand they become one again.

    Example: hub customer unmerge phone:+4915112345678 email:sara@example.com
    """
    for line in asyncio.run(_unmerge(identifier, identities)):
        console.print(line, markup=False)


async def _unmerge(identifier: str, identities: list[str]) -> list[str]:
    settings = read()
    async with _opened(settings) as store:
        profile = await look_up(store, settings, identifier)
        return await arranging.unmerge(store, settings, profile, [_normal(one, settings) for one in identities])


def _normal(name: str, settings: Settings) -> str:
    kind, _, text = name.partition(":")
    value = normalise(kind, text, settings.region)
    if not value:
        raise Rejected(f"{name} identifies nobody; write type:value, as in phone:+4930901820")
    return f"{kind}:{value}"
