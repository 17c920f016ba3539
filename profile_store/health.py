"""How the servers of the store are: what `hub doctor` wants to know of each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from profile_store.connect import Client, translated


@dataclass(frozen=True, slots=True)
class Health:
    """One server."""

    name: str
    """Its address in a cluster; empty for a single one."""
    version: str
    keeps: bool
    """Whether it writes an append-only log."""
    evicts: str
    """What it drops when its memory is full: `noeviction` is nothing."""
    clock: float
    """Seconds between its clock and ours."""
    cluster: str
    """`ok`, what it says instead, or empty when there is no cluster."""


async def health(client: Client) -> list[Health]:
    """Every server that belongs to the store. Raises Transient or Misconfigured."""
    with translated():
        if isinstance(client, Redis):
            return [await _of(client, "")]
        await client.initialize()
        return [await _of(client, str(node.name), target_nodes=node) for node in client.get_nodes()]


async def _of(client: Any, name: str, **where: Any) -> Health:
    about: dict[str, Any] = await client.execute_command("INFO", **where)
    seconds, micros = await client.execute_command("TIME", **where)
    state: dict[str, str] = await client.execute_command("CLUSTER INFO", **where) if name else {}
    return Health(
        name,
        str(about["redis_version"]),
        bool(about.get("aof_enabled")),
        str(about.get("maxmemory_policy", "noeviction")) if about.get("maxmemory") else "noeviction",
        abs(time.time() - int(seconds) - int(micros) / 1e6),
        str(state.get("cluster_state", "")),
    )
