"""`hub rules`: check, list and explain."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from hub.cli import backtesting
from hub.settings import read
from rules.load import load_folder

app = typer.Typer(help="When to speak: the rules.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)
backtesting.register(app)


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
