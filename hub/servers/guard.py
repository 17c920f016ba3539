"""One hub to a state folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from hub.errors import Misconfigured


class StateLock:
    """Holds a state folder for this process; gone with the process, however it ends."""

    def __init__(self, state: Path) -> None:
        self._path = state / "lock"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the folder, or say who has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise Misconfigured(
                f"another hub (pid {holder}) is running on the state folder {self._path.parent}",
                f"Stop it (kill {holder}), or give this one a folder of its own with HUB_STATE.",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the folder back."""
        if self._file:
            # The file stays: removing it would let two hubs lock two files of one name.
            self._file.close()
            self._file = None
