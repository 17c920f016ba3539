"""What rules did, and would have done, by what is in the log: behind the questions of why, and behind backtests."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.errors import Rejected
from hub.settings import Settings
from rules.backtest import Backtest
from rules.explain import Explanation
from rules.model import Rule
from streams.backtest import Period, rehearse
from streams.rulelog import whole
from streams.why import Why
from streams.why import why as ask

ACTIVE: Final = "live"


class LogJudge:
    """Reads the log for each question; one at a time, since a backtest holds all customers in memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one_at_a_time = asyncio.Lock()

    async def why(self, rule: str, customer: str, at: int | None) -> dict[str, Any]:
        """What the rule asked about the customer around a moment, and what was found. Raises Rejected or Transient."""
        async with self._one_at_a_time:
            return told(await ask(self._settings, rule, customer, at))

    async def backtest(self, rule: str | Rule, since: int, until: int, *, as_it_was: bool = False) -> dict[str, Any]:
        """What a published rule, or a draft in its place, would have sent; `as_it_was`: by all rules as they were then,
        edition by edition. Raises Rejected or Transient."""
        if as_it_was and isinstance(rule, str):
            return counted(await self._played(None, since, until), rule, ZoneInfo(self._settings.timezone))
        history = await asyncio.to_thread(whole, self._settings)
        published = {one.id: one for one in history.rules()}
        wanted = published.get(rule) if isinstance(rule, str) else rule
        if wanted is None:
            raise Rejected(f"there is no rule {rule}", field="rule")
        # A draft, or one that is paused, is asked as if it were in force, among all others that are.
        others = [one for one in published.values() if one.id != wanted.id]
        rules = [*others, wanted.model_copy(update={"state": ACTIVE})]
        return counted(await self._played(rules, since, until), wanted.id, ZoneInfo(self._settings.timezone))

    async def _played(self, rules: Sequence[Rule] | None, since: int, until: int) -> Backtest:
        async with self._one_at_a_time:
            now = int(time.time() * 1000)
            (found,) = await rehearse(self._settings, [rules], Period(since, until), now=now)
        return found


def told(found: Why) -> dict[str, Any]:
    """An explanation as the page shows it."""
    said = found.to_json()
    parts = [(None, found.said), ("when the wait was over", found.then)]
    return {
        "summary": found.blame or _came(found),
        "steps": [step for title, one in parts if one is not None for step in _steps(one, title)],
        "gates": list((found.then or found.said).gates),
        "event": said["event"],
    }


def _came(found: Why) -> str:
    last = found.came[-1] if found.came else None
    return f"{last.outcome}: {last.reason}" if last is not None else found.said.reason or found.said.wait


def _steps(one: Explanation, title: str | None) -> list[dict[str, Any]]:
    said = one.to_json()
    found = [said[part] | {"asked": f"{title or part}: {said[part]['asked']}"} for part in _PARTS if said.get(part)]
    return found or [{"asked": one.listens or one.wait, "answer": "no", "found": "", "parts": []}] * bool(one.listens)


_PARTS: Final = ("if", "after", "unless")


def counted(found: Backtest, rule: str, zone: ZoneInfo) -> dict[str, Any]:
    """A backtest as the page shows it."""
    tally = found.rules.get(rule)
    sent = found.days(zone, rule)
    held = Counter(
        datetime.fromtimestamp(one.when / 1000, zone).date().isoformat() for one in found.held if one.rule == rule
    )
    return {
        "days": [{"day": day, "sent": sent.get(day, 0), "held": held.get(day, 0)} for day in sorted({*sent, *held})],
        "sent": sum(sent.values()),
        "customers": 0 if tally is None else len(tally.customers),
        "held": {} if tally is None else dict(tally.held),
    }
