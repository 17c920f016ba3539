"""The way in: the command `hub`."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from click.exceptions import ClickException
from rich.console import Console

from hub.cli import customer, deadletters, doctor, play, processes, rules, up
from hub.errors import HubError, Misconfigured

app = typer.Typer(
    name="hub",
    help="Interaction Hub: one live profile of each customer, and the right message at the right moment.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
up.register(app)
processes.register(app)
play.register(app)
doctor.register(app)
app.add_typer(customer.app, name="customer")
app.add_typer(rules.app, name="rules")
app.add_typer(deadletters.app, name="dead-letters")


def main() -> NoReturn:
    """Run the command. Exit codes: 0 done, 1 a fault, 2 misuse."""
    console = Console(stderr=True)
    try:
        code = app(standalone_mode=False)
    except ClickException as error:
        error.show()
        sys.exit(2)
    except typer.Abort:
        sys.exit(1)
    except Misconfigured as error:
        console.print(f"[bold red]{error}[/]", highlight=False)
        if error.advice:
            console.print(error.advice, highlight=False)
        sys.exit(1)
    except HubError as error:
        console.print(f"[bold red]{error}[/]", highlight=False)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
