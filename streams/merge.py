"""Two customers turn out to be one: their profiles become the profile of all their events."""

from __future__ import annotations

from typing import Any

from hub.profile import Known, Profile, Register, Traffic
from streams.fold import FIRED, NAMES, later, stage


def older(one: Profile, other: Profile) -> bool:
    """Whether the first of two customers keeps its id: the older one does."""
    return (one["first"] or one["last"], one["id"]) <= (other["first"] or other["last"], other["id"])


def _bound(table: dict[str, Any]) -> None:
    for name in sorted(table)[NAMES:]:
        del table[name]


def _registers(into: dict[str, Register], other: dict[str, Register]) -> None:
    for name, register in other.items():
        into[name] = later(into.get(name), register)
    _bound(into)


def _known(into: dict[str, Known], other: dict[str, Known]) -> None:
    for name, theirs in other.items():
        ours = into.setdefault(name, theirs)
        into[name] = {
            "verified": ours["verified"] or theirs["verified"],
            "first": min(ours["first"], theirs["first"]),
            "last": max(ours["last"], theirs["last"]),
        }


def _traffic(into: dict[str, Traffic], other: dict[str, Traffic]) -> None:
    for name, theirs in other.items():
        ours = into.get(name)
        into[name] = (
            theirs
            if ours is None
            else {
                "received": ours["received"] + theirs["received"],
                "sent": ours["sent"] + theirs["sent"],
                "failed": ours["failed"] + theirs["failed"],
                "last_received": max(ours["last_received"], theirs["last_received"]),
                "last_sent": max(ours["last_sent"], theirs["last_sent"]),
            }
        )


def merge(into: Profile, other: Profile) -> None:
    """Put everything the other customer did into this one. The order of merges makes no difference."""
    into["first"] = min((one["first"] for one in (into, other) if one["events"]), default=0)
    into["events"] += other["events"]
    into["last"] = max(into["last"], other["last"])
    _known(into["identities"], other["identities"])
    _traffic(into["channels"], other["channels"])
    for name, count in other["counts"].items():
        into["counts"][name] = into["counts"].get(name, 0) + count
    _bound(into["counts"])
    _registers(into["traits"], other["traits"])
    _registers(into["facts"], other["facts"])
    _registers(into["latest"], other["latest"])
    _registers(into["consent"], other["consent"])
    into["fired"].update(other["fired"])
    for id in sorted(into["fired"], key=lambda id: (into["fired"][id][2], id))[:-FIRED]:
        del into["fired"][id]
    for slot, timer in other["timers"].items():
        ours = into["timers"].get(slot)
        into["timers"][slot] = timer if ours is None or timer[1:2] + timer[:1] > ours[1:2] + ours[:1] else ours
    for identity, marks in other["fences"].items():
        fence = into["fences"].setdefault(identity, {})
        for log, offset in marks.items():
            fence[log] = max(fence.get(log, -1), offset)
    if "call" in other:
        into["call"] = later(into.get("call"), other["call"])
    into["stage"] = stage(into)
