"""What rules did, day by day, and what became of it: how often each spoke, was kept back and why, and was answered.

Each count is written in the step that writes the customer it is about, so it stands exactly as firmly as the customer
does: what is refused or lost is counted when it is decided again, what was applied before is not. A generation of
the store that is built beside another counts nothing, since all that it reads was counted. Should the counts alone be
lost, nothing brings them back. Days are days in UTC: they are the same for every worker and every setting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import RedisCluster

from hub.lots import lots
from profile_store import keys
from profile_store.connect import Client
from profile_store.shards import many

DAY_MS: Final = 86_400_000
DAYS: Final = 30
SAID: Final = "said"
HELD: Final = "held:"
"""What stands before a reason in one word: the rule would have spoken, and something forbade it."""
ENDED: Final = "ended:"
"""The same of a wait that ended without a word."""
BECAME: Final = (*("sent", "delivered", "failed", "doubtful", "opened", "clicked", "answered", "complained"),)
"""What became of what was said, as far as anybody told."""
AT_ONCE: Final = 2_000
"""Keys that are asked for in one go."""


@dataclass(slots=True)
class Effects:
    """What one rule did within the last days, the newest last."""

    said: list[int] = field(default_factory=lambda: [0] * DAYS)
    held: list[int] = field(default_factory=lambda: [0] * DAYS)
    reasons: dict[str, int] = field(default_factory=dict)
    """Of what was held, by the reason in one word, the most frequent first."""
    ended: dict[str, int] = field(default_factory=dict)
    """The same of waits that ended without a word."""
    became: dict[str, int] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether there is anything to tell."""
        return bool(any(self.said) or any(self.held) or self.ended or self.became)


def day(ms: int) -> int:
    """The day of a moment, as it is counted."""
    return ms // DAY_MS


def summed(counts: Mapping[tuple[int, str], int], today: int) -> Effects:
    """Counts by day and what, of the days up to today."""
    found = Effects()
    for (number, what), count in counts.items():
        at = number - (today - DAYS + 1)
        if not 0 <= at < DAYS:
            continue
        if what == SAID:
            found.said[at] += count
        elif what.startswith(HELD):
            found.held[at] += count
            _add(found.reasons, what.removeprefix(HELD), count)
        elif what.startswith(ENDED):
            _add(found.ended, what.removeprefix(ENDED), count)
        elif what in BECAME:
            _add(found.became, what, count)
    found.reasons, found.ended = _often(found.reasons), _often(found.ended)
    found.became = {one: found.became[one] for one in BECAME if one in found.became}
    return found


def _add(table: dict[str, int], name: str, count: int) -> None:
    table[name] = table.get(name, 0) + count


def _often(table: dict[str, int]) -> dict[str, int]:
    return dict(sorted(table.items(), key=lambda one: (-one[1], one[0])))


async def effects(client: Client, rules: Collection[str], today: int) -> dict[str, Effects]:
    """What these rules did in the days up to today; of every one, if only zeros. Raises Transient."""
    counts: dict[str, dict[tuple[int, str], int]] = {rule: {} for rule in rules}
    wanted = [(rule, place) for rule in counts for place in _places(client, rule)]
    for part in lots(wanted, AT_ONCE):
        for (rule, _), found in zip(part, await many(client, (("HGETALL", place) for _, place in part)), strict=True):
            for name, count in found.items():
                number, _, what = name.decode().partition(" ")
                at = (int(number), what)
                counts[rule][at] = counts[rule].get(at, 0) + int(count)
    return {rule: summed(some, today) for rule, some in counts.items()}


def _places(client: Client, rule: str) -> Sequence[str]:
    if isinstance(client, RedisCluster):
        return [keys.effects_in_bucket(rule, number) for number in range(keys.BUCKETS)]
    return (keys.effects(rule),)
