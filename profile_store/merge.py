"""What several identities' events tell, put together: the same as if one had told it all."""

from __future__ import annotations

from typing import Any, cast

from hub.profile import Known, Register, Told, Traffic
from profile_store import traits
from profile_store.facets import windows
from profile_store.facets.table import FACETS
from profile_store.registers import bound, keep_newest, later
from profile_store.structure import stands


def _registers(into: dict[str, Register], other: dict[str, Register]) -> None:
    for name, register in other.items():
        into[name] = later(into.get(name), register)
    bound(into)


def _known(into: dict[str, Known], other: dict[str, Known]) -> None:
    for name, theirs in other.items():
        ours = into.get(name, theirs)
        into[name] = {
            "verified": ours["verified"] or theirs["verified"],
            "first": min(ours["first"], theirs["first"]),
            "last": max(ours["last"], theirs["last"]),
        }
    bound(into)


def _traffic(into: dict[str, Traffic], other: dict[str, Traffic]) -> None:
    for name, theirs in other.items():
        ours = into.get(name)
        if ours is None:
            into[name] = theirs.copy()
            continue
        ours["received"] += theirs["received"]
        ours["sent"] += theirs["sent"]
        ours["failed"] += theirs["failed"]
        ours["last_received"] = max(ours["last_received"], theirs["last_received"])
        ours["last_sent"] = max(ours["last_sent"], theirs["last_sent"])


def merge(into: Told, other: Told) -> None:
    """Put what the other tells into this one, sharing nothing that can change. No order makes a difference."""
    into["first"] = min((one["first"] for one in (into, other) if one["events"]), default=0)
    into["events"] += other["events"]
    into["last"] = max(into["last"], other["last"])
    _known(into["mentions"], other["mentions"])
    _traffic(into["channels"], other["channels"])
    for name, count in other["counts"].items():
        into["counts"][name] = into["counts"].get(name, 0) + count
    bound(into["counts"])
    traits.merge(into, other)
    _registers(into["facts"], other["facts"])
    _registers(into["latest"], other["latest"])
    _registers(into["consent"], other["consent"])
    for name, refusal in other["refused"].items():
        if stands(into["refused"].get(name), refusal):
            into["refused"][name] = refusal
    into["fired"].update(other["fired"])
    keep_newest(into["fired"])
    if "call" in other:
        into["call"] = later(into.get("call"), other["call"])
    for facet in FACETS:
        facet.merge(cast(dict[str, Any], into), cast(dict[str, Any], other))
    windows.merge(into, other)
