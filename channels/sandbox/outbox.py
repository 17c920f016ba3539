"""Every message the sandbox was given, newest last."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson

from hub.event import rfc3339

MOST: Final = 10_000
FILE: Final = "outbox.jsonl"

Item = dict[str, Any]


class Outbox:
    """A file that only grows, and its end in memory."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._items: deque[Item] = deque(maxlen=MOST)
        self._file: IO[bytes] | None = None
        self._ids = itertools.count(1)

    def open(self) -> None:
        """Read what an earlier run left. A last line that was cut off is dropped."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            self._items.extend(_lines(self._path))
        last = self._items[-1]["id"] if self._items else 0
        self._ids = itertools.count(last + 1)
        self._file = self._path.open("ab")
        if self._path.stat().st_size and not _ends_line(self._path):
            self._file.write(b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def add(self, channel: str, provider: str, to: str, text: str, **more: str) -> Item:
        """Keep a message; more: from, subject, key."""
        item: Item = {
            "id": next(self._ids),
            "time": rfc3339(datetime.now(UTC)),
            "channel": channel,
            "provider": provider,
            "to": to,
            "from": more.pop("sender", ""),
            "subject": "",
            "text": text,
            "key": "",
            **more,
        }
        self._items.append(item)
        if self._file is not None:
            self._file.write(orjson.dumps(item) + b"\n")
            self._file.flush()
        return item

    def after(self, last: int, limit: int) -> list[Item]:
        """Messages with a higher id, the oldest first."""
        return list(itertools.islice((item for item in self._items if item["id"] > last), limit))


def _lines(path: Path) -> Iterator[Item]:
    with path.open("rb") as file:
        for line in file:
            try:
                item = orjson.loads(line)
            except ValueError:
                continue
            if isinstance(item, dict) and isinstance(item.get("id"), int):
                yield item


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
