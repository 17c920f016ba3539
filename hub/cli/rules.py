"""`hub rules`: check and list rules, what an editor needs to know of them, and packs to start from."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from hub.cli import backtesting
from hub.cli.lacking import lacking, told
from hub.settings import read
from rules.book import Folders
from rules.catalogue import Catalogue
from rules.check import check as look
from rules.cost import cost
from rules.finding import Finding
from rules.load import load_folder
from rules.model import Rule, pick
from rules.packs import find, packs
from rules.packs import install as install_pack
from rules.positions import Places, Position
from rules.schema import schema as schema_of

app = typer.Typer(help="When to speak: the rules.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)
COLOURS = {"error": "red", "warning": "yellow"}
backtesting.register(app)


@app.command()
def check(
    folder: Path = typer.Argument(None, help="A folder of rule files; the one in force by default."),
    costs: bool = typer.Option(False, "--costs", help="Show what each rule costs as well."),
) -> None:
    """Check rule files; every fault with file, line, column and reason. A warning alone is no failure.

    Example: hub rules check ./rules --costs
    """
    where = folder or read().rules_dir
    loaded, known = load_folder(where), _catalogue()
    for problem in loaded.problems:
        console.print(f"[red]{escape(str(problem))}[/]")
    found = look(loaded.rules, known)
    places = Places.of_folder(where)
    for finding in sorted(found, key=lambda one: places.of(one) or Position("", 0, 0)):
        console.print(_told(finding, places))
    if costs:
        console.print(_costs(loaded.rules, known))
    errors = sum(one.severity == "error" for one in found)
    faults, warnings = len(loaded.problems) + errors, len(found) - errors
    console.print(f"{len(loaded.rules)} rules in {where}, {faults} faults, {warnings} warnings.", markup=False)
    raise typer.Exit(1 if faults else 0)


@app.command("list")
def list_() -> None:
    """List the rules in force; if a hub runs, with the fields that they ask about and that do not come.

    Example: hub rules list
    """
    settings, now = read(), int(time.time() * 1000)
    rules = load_folder(settings.rules_dir).rules
    absent = lacking(settings, rules) or {}
    some = any(absent.values())
    name = Column("rule", overflow="fold")
    table = Table(name, "state", "when", "says on", "purpose", *(["asks in vain for"] if some else []))
    for rule in rules:
        when = ", ".join(map(str, rule.on))
        vain = ["\n".join(told(one, now) for one in absent[rule.id])] if some else []
        table.add_row(rule.id, rule.state, when, ", ".join(rule.send.channel), rule.send.purpose, *vain)
    console.print(table)


@app.command("packs")
def packs_() -> None:
    """List the packs of rules that can be installed, and what each needs to be told.

    Example: hub rules packs
    """
    for pack in packs():
        console.print(f"[bold]{pack.name}[/]")
        for rule in pack.rules:
            console.print(f"  {rule.id}: {pick(rule.name, 'en')[1]}", markup=False)
        for title, some in (("events", pack.events), ("fields", pack.fields), ("faults", pack.problems)):
            if some:
                console.print(f"    {title}: {', '.join(map(str, some))}", style="dim", markup=False)


@app.command()
def install(pack: str = typer.Argument(help="The name of a pack.")) -> None:
    """Copy a pack's files into the folder of rules, where they decide and note, but say nothing yet.

    Example: hub rules install birthday
    """
    found, folder = find(pack), read().rules_dir
    for file in install_pack(found, folder):
        console.print(f"written: {file}", markup=False)
    for rule in found.rules:
        console.print(f"\n{rule.id}: {rule.note}", markup=False)
    console.print(
        "\nThese are shadow rules: customers' timelines show what they would have said, and nobody gets anything. "
        "Read the messages and change them; then write `state: live` in place of `state: shadow`.",
        markup=False,
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of a rule, for editors; it knows the traits and segments that are declared.

    Example: hub rules schema > rule.schema.json
    """
    print(json.dumps(schema_of(_catalogue()), ensure_ascii=False, indent=2))


def _catalogue() -> Catalogue:
    settings = read()
    book = Folders(settings.traits_dir, settings.segments_dir).book
    return Catalogue.of(book.traits, book.segments, book.typed)


def _told(finding: Finding, places: Places) -> str:
    place = places.of(finding)
    where = f"{place}: " if place else ""
    return f"{escape(where)}[{COLOURS[finding.severity]}]{finding.severity}[/]: {escape(str(finding))}"


def _costs(rules: Iterable[Rule], known: Catalogue) -> Table:
    table = Table("rule", "predicates", "µs", "events", "values in lists", "bytes a wait", "found by")
    for one in sorted((cost(rule, known) for rule in rules), key=lambda one: -one.micros):
        numbers = (one.predicates, f"{one.micros:g}", one.events, one.values, one.wait_bytes)
        table.add_row(one.rule, *map(str, numbers), ", ".join(one.held) or "its event alone")
    return table
