"""Run a program that never outlives the process that started it: `python launch.py PARENT PROGRAM [ARG …]`.

Started by path with `-I -S`, so it must import nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1
NOT_FOUND = 127
ORPHANED = 125


def main() -> None:
    """Tie ourselves to the parent, then become the program (Linux) or watch over it (elsewhere)."""
    parent, argv = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux" and os.environ.get("HUB_LAUNCH") != "watch":
        become(parent, argv)
    else:
        sys.exit(watch(parent, argv))


def become(parent: int, argv: list[str]) -> None:
    """Let the kernel kill us with our parent. It holds across exec, so no process is left in between."""
    # The kernel means the parent *thread*; the supervisor starts its children from its event loop's thread,
    # which lives as long as the supervisor does. A preexec_fn would do the same, but is unsafe with threads.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(ORPHANED)
    execute(argv)


def execute(argv: list[str]) -> None:
    """Become the program, or say why not."""
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - a program and its arguments, no shell
    except OSError as error:
        sys.stderr.write(f"cannot run {argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(NOT_FOUND)


def watch(parent: int, argv: list[str]) -> int:
    """Stay beside the program and kill its whole group when the parent is gone (macOS knows no PDEATHSIG)."""
    child = os.fork()
    if child == 0:
        execute(argv)

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return leave(os.waitstatus_to_exitcode(status))
        if os.getppid() != parent:
            # We lead the group that the supervisor opened for us, so this ends grandchildren and ourselves too.
            os.killpg(os.getpgrp(), signal.SIGKILL)
        time.sleep(0.1)


def leave(code: int) -> int:
    """End as the program ended: with its code, or by its signal."""
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    main()
