"""What a benchmark found: a figure, its baseline in the same run, and the bound it must keep."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    sense: Literal["at least", "at most"] = "at least"
    baseline: float | None = None
    """The same thing done by the baseline in this run."""
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the bound is kept; None without one."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.sense == "at least" else self.value <= self.bound


@dataclass(slots=True)
class Report:
    """Everything one run found, with the machine it ran on."""

    figures: list[Figure] = field(default_factory=list)

    @property
    def machine(self) -> dict[str, Any]:
        """What the figures were measured on."""
        return {
            "cores": os.cpu_count(),
            "system": platform.platform(terse=True),
            "processor": _processor(),
            "python": platform.python_version(),
        }

    def as_json(self) -> dict[str, Any]:
        """The report for scripts."""
        return {"machine": self.machine, "figures": [{**asdict(one), "kept": one.kept} for one in self.figures]}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def percentile(values: list[float], share: float) -> float:
    """The value that `share` (0…1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
