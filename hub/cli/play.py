"""`hub demo` and `hub bench`: see it work, and see how fast."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command("demo")
    def demo(
        seed: int = typer.Option(1, help="Another seed is another customer."),
        pause: float = typer.Option(1.0, help="Seconds between the scenes, to follow them on the desk."),
    ) -> None:
        """Play a customer's story over all channels against the running hub, through its public ports.

        Example: hub demo --pause 3
        """
        from hub.cli.demo import play

        asyncio.run(play(seed, pause))

    @app.command("bench")
    def bench(
        parts: list[str] = typer.Argument(
            None, help="Only these parts: rules, throughput, latency, gateway, size, reads, rebuild, growth, many."
        ),
        json_file: Path = typer.Option(None, "--json", help="Write the figures to this file too."),
        only: list[str] = typer.Option(None, help="The same, one each time."),
        picture: Path = typer.Option(None, help="Draw what an event costs over the number of rules, as SVG."),
        quick: bool = typer.Option(False, help="A tenth of the load or less: to see that it runs, not how fast."),
    ) -> None:
        """Measure, each figure beside its baseline in the same run, with a Kafka and a Redis of its own.

        The part `rules` takes some minutes, and its baselines come with the extra `bench`. It ends with the part
        `many`: a whole worker with 10,000 rules, and a change of all of them.

        The part `growth` fills a store with 1,000,000 customers: it takes some minutes and 3 GB of memory.

        Example: hub bench rules --picture docs/rules-curve.svg
        """
        from bench.run import run

        report = asyncio.run(run([*(parts or []), *(only or [])], quick=quick, picture=picture))
        if json_file:
            json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n")
        raise typer.Exit(0 if all(figure.kept is not False for figure in report.figures) else 1)
