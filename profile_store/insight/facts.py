"""What the customer told us once, as a page shows it: the newest statement, and who says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profile_store.facets import told


def facts(profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every fact by name: value, time, source, confidence, sensitivity, and `others` that contradict it."""
    found = []
    for name, sources in sorted(profile.get(told.NAME, {}).items()):
        rows = sorted((_row(source, said) for source, said in sources.items()), key=_rank, reverse=True)
        others = [row for row in rows[1:] if row["value"] != rows[0]["value"]]
        found.append({"name": name, **rows[0], "others": others})
    return found


def _rank(row: Mapping[str, Any]) -> tuple[int, str, str]:
    return row["time"], row["ref"], row["source"]


def _row(source: str, statement: list[Any]) -> dict[str, Any]:
    value, time, ref, confidence, sensitivity = [*statement, None, None][:5]
    return {
        "value": value,
        "time": time,
        "ref": ref,
        "source": source,
        "confidence": confidence,
        "sensitivity": sensitivity,
    }
