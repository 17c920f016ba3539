"""Ports on this machine: which are free, and which to take instead."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

LOCALHOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections. A client that keeps trying to reach a
# server which is down, on a port of that range, sooner or later connects to itself and keeps the port from it.
SPARE_PORTS = range(20_000, 32_000)


def free_port(preferred: int | None = None, *, avoid: Collection[int] = ()) -> int:
    """The preferred port if nobody has it, otherwise a free one; never one of `avoid`."""
    if preferred and preferred not in avoid and is_free(preferred):
        return preferred
    for port in random.sample(SPARE_PORTS, len(SPARE_PORTS)):
        if port not in avoid and is_free(port):
            return port
    raise OSError(f"no free port between {SPARE_PORTS.start} and {SPARE_PORTS.stop}")


def is_free(port: int, host: str = LOCALHOST) -> bool:
    """True when a server could listen on this port now."""
    with socket.socket() as attempt:
        # As servers do it: connections that are still winding down do not count.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return False
    # Some systems let us bind beside a server that listens on all interfaces.
    with socket.socket() as visitor:
        visitor.settimeout(0.2)
        return visitor.connect_ex((host, port)) != 0
