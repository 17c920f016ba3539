"""`hub customer`: one customer, by any identifier."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from hub.errors import Rejected
from hub.event import rfc3339
from hub.identity import normalise
from hub.profile import SOURCE, TIME, VALUE, Profile
from hub.settings import Settings, read
from profile_store.connect import connect
from profile_store.store import Store
from profile_store.timeline import Row

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


async def _whole(identifier: str, limit: int) -> tuple[Profile, list[Row]]:
    settings = read()
    client = connect(settings)
    try:
        store = Store(client)
        profile = await look_up(store, settings, identifier)
        rows, _ = await store.timeline(profile["id"], limit=limit)
        return profile, rows
    finally:
        await client.aclose()


@app.command()
def show(identifier: str) -> None:
    """Show what is known of one customer.

    Example: hub customer show phone:+4915112345678
    """
    profile, rows = asyncio.run(_whole(identifier, 20))
    console.print(f"[bold]{profile['id']}[/]  {profile['events']} events, stage {profile['stage']}\n")
    known = Table("what", "value", "since", "source", box=None)
    for name, one in sorted(profile["identities"].items()):
        known.add_row("identity", name, when(one["first"]), "verified" if one["verified"] else "claimed")
    for what in ("traits", "facts", "consent"):
        table: dict[str, list[Any]] = profile[what]
        for name, register in sorted(table.items()):
            known.add_row(f"{what} {name}", str(register[VALUE]), when(register[TIME]), str(register[SOURCE]))
    console.print(known)
    console.print()
    for row in rows:
        console.print(f"{when(row['time'])}  {row['type']:<18} {row['text'][:100]}", markup=False)


@app.command()
def export(identifier: str) -> None:
    """Write everything that is kept of one customer as JSON: profile and timeline.

    Example: hub customer export email:sara@example.com > sara.json
    """
    profile, rows = asyncio.run(_whole(identifier, 1_000_000))
    typer.echo(json.dumps({"profile": profile, "timeline": rows}, ensure_ascii=False, indent=2))
