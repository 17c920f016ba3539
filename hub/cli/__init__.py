"""The way in: the command `hub`."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console

from hub.cli import customer, deadletters, doctor, play, processes, rebuilding, rules, up, verifying
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
verifying.register(customer.app)
rebuilding.register(customer.app)
app.add_typer(customer.app, name="customer")
app.add_typer(rules.app, name="rules")
app.add_typer(deadletters.app, name="dead-letters")


def main() -> NoReturn:
    """Run the command. Exit codes: 0 done, 1 a fault, 2 misuse."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app()
    except Misconfigured as error:
        console.print(f"{error}", style="bold red", markup=False)
        if error.advice:
            console.print(error.advice, markup=False)
    except HubError as error:
        console.print(f"{error}", style="bold red", markup=False)
    except KeyboardInterrupt:
        console.print("Stopped.")
    sys.exit(1)
