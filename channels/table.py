"""README's table of channels, made from what they say they can: `python -m channels.table README.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from channels.base import Can
from channels.registry import build
from hub.settings import Settings

BEGIN: Final = "<!-- channels: made by `make docs` -->"
END: Final = "<!-- /channels -->"
HEADS: Final = ("channel", "in", "out", "delivery states", "read receipts", "answers within", "where", "speaks to")
DOORS: Final = {("web", "segment"): "`/v1/…`", ("email", "smtp"): "SMTP port"}
"""Channels that do not come in over `/in/<channel>/<provider>`."""


def channel_table() -> str:
    """The table, in Markdown. Opens no connection."""
    rows = [_row(*key, channel.can) for key, channel in build(Settings.model_construct()).items()]
    return "\n".join(_line(cells) for cells in (HEADS, ("---",) * len(HEADS), *rows))


def _row(channel: str, provider: str, can: Can) -> tuple[str, ...]:
    where = DOORS.get((channel, provider), f"`/in/{channel}/{provider}`") if can.inbound else ""
    window = f"{can.reply_window_hours} h" if can.reply_window_hours else "any time" if can.outbound else ""
    marks = tuple("✓" if one else "" for one in (can.inbound, can.outbound, can.delivery_states, can.read_receipts))
    return (channel, *marks, window, where, can.real_peer)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def with_table(text: str) -> str:
    """The text with the table of today between its markers. Raises ValueError when they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN} … {END}")
    return f"{before}{begin}\n{channel_table()}\n{end}{after}"


def main() -> None:
    """Bring a file's table up to date."""
    file = Path(sys.argv[1])
    file.write_text(with_table(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
