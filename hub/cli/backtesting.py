"""`hub rules backtest` and `hub rules explain`: what rules would have said, and why one did or did not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
import typer
from pydantic_core import PydanticCustomError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from hub.cli.customer import look_up
from hub.errors import Rejected
from hub.settings import Settings, read
from profile_store.connect import connect
from profile_store.store import Store
from rules import spans
from rules.backtest import Backtest, Comparison, Sent, bars, compare
from streams import why as reasons
from streams.backtest import END_OF_TIME, Period, backtest

console = Console(highlight=False, soft_wrap=True)
DAYS = 60
"""Days of a picture, the newest ones."""
SHOWN = 20
"""Messages of a comparison that are listed; with --json all are."""

Moment = Annotated[str, typer.Option(help="A time such as 2026-01-31 or 2026-01-31T12:00, or so long ago: 7d, 12h.")]
Machine = Annotated[bool, typer.Option("--json", help="JSON, for machines.")]


def moment(text: str, name: str, zone: ZoneInfo, now: int) -> int:
    """The moment (ms) that people mean. Raises Rejected."""
    with contextlib.suppress(PydanticCustomError):
        return now - spans.parse(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(
            f"{name}: {text} is no time: write 2026-01-31, 2026-01-31T12:00, 7d or 12h", field=name
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=zone)).timestamp() * 1000)


def register(app: typer.Typer) -> None:
    """Add `hub rules backtest` and `hub rules explain`."""
    app.command("backtest")(backtest_)
    app.command("explain")(explain_)


def backtest_(
    rules: Annotated[
        Path | None, typer.Option(help="A folder of rule files; without it the rules as they were, edition by edition.")
    ] = None,
    since: Moment = "",
    until: Moment = "",
    against: Annotated[Path | None, typer.Option(help="Compare with the rules of this folder: what changes?")] = None,
    json: Machine = False,
) -> None:
    """Let rules see all that happened: who would have got what. Nothing is sent.

    Example: hub rules backtest --rules ./rules --against .hub/rules --since 30d
    """
    settings = read()
    zone, now = ZoneInfo(settings.timezone), int(time.time() * 1000)
    period = Period(
        moment(since, "since", zone, now) if since else 0, moment(until, "until", zone, now) if until else END_OF_TIME
    )
    folders = [rules, *([against] if against is not None else [])]
    with _progress(quiet=json) as tell:
        found = asyncio.run(backtest(settings, folders, period, now=now, tell=tell))
    difference = compare(found[1], found[0]) if len(found) > 1 else None
    if json:
        said: dict[str, Any] = found[0].to_json(zone)
        if difference is not None:
            said |= {"against": found[1].to_json(zone), "comparison": difference.to_json()}
        typer.echo(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())
        return
    _show(found[0], zone)
    if difference is not None:
        _show_difference(difference, zone)


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    if quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (TextColumn("reading the log"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(found: Backtest, zone: ZoneInfo) -> None:
    table = Table("rule", "customers", "sent", "waited", "cancelled", "held", "a day")
    days = span_of(found.days(zone))
    for name, tally in sorted(found.rules.items()):
        mine = found.days(zone, name)
        table.add_row(
            name,
            str(len(tally.customers)),
            str(tally.sent),
            str(tally.waited),
            _counted(tally.cancelled),
            _counted(tally.held),
            bars(mine.get(day, 0) for day in days),
        )
    console.print(table)
    if days:
        every = found.days(zone)
        console.print(f"{len(found.sent):,} messages, {days[0]} to {days[-1]}, at most {max(every.values()):,} a day")
        console.print(bars(every.get(day, 0) for day in days))
    else:
        console.print("Nobody would have got anything.")


def span_of(days: Mapping[str, int]) -> list[str]:
    """All days from the first to the last, of many the newest ones."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    count = min((last - first).days + 1, DAYS)
    return [(last - timedelta(days=back)).isoformat() for back in reversed(range(count))]


def _counted(some: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in some.most_common()) or "0"


def _show_difference(found: Comparison, zone: ZoneInfo) -> None:
    titles = {
        "would additionally be sent": [_line(one, zone) for one in found.gained],
        "would no longer be sent": [_line(one, zone) for one in found.lost],
        "would be displaced": [
            f"{_line(one.lost, zone)} — {one.reason}" + (f"; instead {one.by.rule}" if one.by is not None else "")
            for one in found.displaced
        ],
        "would say something else": [f"{_line(one, zone)} — then: {_short(other)}" for one, other in found.changed],
    }
    for title, lines in titles.items():
        console.print(f"[bold]{len(lines):,}[/] {title}")
        for line in lines[:SHOWN]:
            console.print(f"   {line}", markup=False)
        if len(lines) > SHOWN:
            console.print(f"   … and {len(lines) - SHOWN:,} more; --json has all")


def _line(one: Sent, zone: ZoneInfo) -> str:
    when = datetime.fromtimestamp(one.when / 1000, zone).replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")
    return f"{when} {one.rule} to {one.customer} {_short(one)}"


def _short(one: Sent) -> str:
    text = " ".join(one.text.split())
    return f"over {one.channel}: {text if len(text) <= 60 else text[:59] + '…'}"


def explain_(
    rule: Annotated[str, typer.Argument(help="The id of a rule in force.")],
    customer: Annotated[str, typer.Argument(help="Any identifier: an id, type:value, or what the search finds.")],
    at: Moment = "",
    event: Annotated[str, typer.Option(help="The id of the event; the newest that the rule listens to.")] = "",
    json: Machine = False,
) -> None:
    """Why a rule spoke to a customer, or why not: every question with its answer.

    Example: hub rules explain abandoned-cart email:sara@example.com --at 2026-01-31T12:00
    """
    settings = read()
    now = int(time.time() * 1000)
    when = moment(at, "at", ZoneInfo(settings.timezone), now) if at else None
    found = asyncio.run(_asked(settings, rule, customer, when, event))
    if json:
        typer.echo(orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2).decode())
        return
    for line in reasons.lines(found):
        console.print(line, markup=False)


async def _asked(settings: Settings, rule: str, customer: str, at: int | None, event: str) -> reasons.Why:
    client = connect(settings)
    try:
        profile = await look_up(Store(client), settings, customer)
    finally:
        await client.aclose()
    return await reasons.why(settings, rule, profile["id"], at, event=event)
