"""`hub dead-letters`: what could not be processed, why, and putting it back."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from hub.deadletter import DeadLetter
from hub.errors import Rejected
from hub.replay import put_back, stored
from hub.settings import Settings, read
from hub.topics import DEAD_LETTERS, INTERACTIONS

app = typer.Typer(help="What could not be processed, and why.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


def letters(settings: Settings) -> list[tuple[str, DeadLetter]]:
    """Every dead letter with its number, `partition-offset`, oldest first."""
    found = [
        (f"{one.partition}-{one.offset}", DeadLetter.from_json(one.value)) for one in stored(settings, DEAD_LETTERS)
    ]
    return sorted(found, key=lambda pair: pair[1].time)


def _one(settings: Settings, number: str) -> DeadLetter:
    partition, _, offset = number.partition("-")
    if not partition.isdigit() or not offset.isdigit():
        raise Rejected(f"{number} is not the number of a dead letter; `hub dead-letters list` shows them")
    for one in stored(settings, DEAD_LETTERS, int(partition), int(offset)):
        if one.offset == int(offset):
            return DeadLetter.from_json(one.value)
        break
    raise Rejected(f"there is no dead letter {number}; `hub dead-letters list` shows them")


@app.command("list")
def list_() -> None:
    """List dead letters: number, time, reason, where from.

    Example: hub dead-letters list
    """
    table = Table("number", "time", "reason", "from", "error")
    found = letters(read())
    for number, letter in found:
        place = ":".join(str(part) for part in letter.place.values())
        table.add_row(number, f"{letter.time:%Y-%m-%d %H:%M:%S}", letter.reason, place, letter.error[:80])
    console.print(table if found else "No dead letters.")


@app.command()
def show(number: str) -> None:
    """Show one dead letter whole, bytes included.

    Example: hub dead-letters show 3-17
    """
    letter = _one(read(), number)
    console.print(f"reason  {letter.reason}\nerror   {letter.error}\ntime    {letter.time}\nkey     {letter.key}")
    console.print(f"place   {letter.place}\n\n{letter.raw.decode('utf-8', 'backslashreplace')}", markup=False)


@app.command()
def replay(
    numbers: list[str] = typer.Argument(None, help="Numbers of dead letters; none: all that came from the log."),
    reason: str = typer.Option("", help="Only those with this reason."),
) -> None:
    """Put dead letters back into the log, after what was wrong is mended. Each has one effect, however often.

    Example: hub dead-letters replay --reason fold
    """
    settings = read()
    chosen = [(one, _one(settings, one)) for one in numbers] if numbers else letters(settings)
    chosen = [(number, letter) for number, letter in chosen if not reason or letter.reason == reason]
    back = [(letter.key, letter.raw) for _, letter in chosen if letter.place.get("topic") == INTERACTIONS]
    put_back(settings, INTERACTIONS, back)
    console.print(f"{len(back)} put back.")
    if len(back) < len(chosen):
        console.print(f"{len(chosen) - len(back)} were refused at the gateway: their senders must send them again.")
