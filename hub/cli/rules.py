"""`hub rules`: check and list rules, install packs of them."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from hub.settings import read
from rules.load import load_folder
from rules.model import pick
from rules.packs import find, packs
from rules.packs import install as install_pack

app = typer.Typer(help="When to speak: the rules.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def check(folder: Path = typer.Argument(None, help="A folder of rule files; the one in force by default.")) -> None:
    """Check rule files; every fault with file, line and reason.

    Example: hub rules check ./rules
    """
    where = folder or read().rules_dir
    loaded = load_folder(where)
    for problem in loaded.problems:
        console.print(f"[red]{problem}[/]")
    console.print(f"{len(loaded.rules)} rules in {where}, {len(loaded.problems)} faults.")
    raise typer.Exit(1 if loaded.problems else 0)


@app.command("list")
def list_() -> None:
    """List the rules in force.

    Example: hub rules list
    """
    table = Table("rule", "state", "when", "says on", "purpose")
    for rule in load_folder(read().rules_dir).rules:
        when = ", ".join(map(str, rule.on))
        table.add_row(rule.id, rule.state, when, ", ".join(rule.send.channel), rule.send.purpose)
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
