"""The topics: names, keys, partitions and how long they are kept. The only place that names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY: Final = 24 * 3600 * 1000
FOR_EVER: Final = "-1"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its logical name, what its key is, and the broker's settings for it."""

    name: str
    key: str
    config: dict[str, str]
    partitions: int | None = None
    """None: as many as the installation's setting says."""


INTERACTIONS: Final = "interactions"
TRIGGERS: Final = "triggers"
OUTCOMES: Final = "outcomes"
PROFILES: Final = "profiles"
RULES: Final = "rules"
DEAD_LETTERS: Final = "dead-letters"

LARGE: Final = {"max.message.bytes": "2097152"}
"""Dead letters hold what was too much for others, and in base64."""

TOPICS: Final = (
    Topic(INTERACTIONS, "identity", {"cleanup.policy": "delete", "retention.ms": FOR_EVER}),
    Topic(TRIGGERS, "customer id", {"cleanup.policy": "delete", "retention.ms": str(30 * DAY)}),
    Topic(OUTCOMES, "customer id", {"cleanup.policy": "delete", "retention.ms": FOR_EVER}),
    Topic(PROFILES, "customer id", {"cleanup.policy": "compact"}),
    Topic(RULES, "rule id", {"cleanup.policy": "compact"}, partitions=1),
    Topic(DEAD_LETTERS, "as the original", {"cleanup.policy": "delete", "retention.ms": str(30 * DAY), **LARGE}),
)
COMMON: Final = {"message.timestamp.type": "CreateTime", "max.message.bytes": "1048588"}
"""Set on every topic. `interactions` has no compaction and no transactions: its offsets have no holes."""


def full_name(prefix: str, name: str) -> str:
    """The topic's name on the broker."""
    return prefix + name
