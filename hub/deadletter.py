"""A dead letter: what could not be processed, with everything needed to understand and to replay it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Self

from hub.event import Moment
from hub.wire import Wire


class DeadLetter(Wire):
    """One message that failed: its bytes, why, and where it was."""

    reason: str
    """One word: unreadable, fold, payload, …"""
    error: str
    """The first error, for people; names field and limit where there is one."""
    place: dict[str, Any]
    """{topic, partition, offset} in the log, or {channel, provider} at the edge."""
    time: Moment
    key: str
    body: str
    """The bytes as they came, in base64."""

    @classmethod
    def of(
        cls, body: bytes, *, key: str, reason: str, error: str, place: dict[str, Any], now: datetime | None = None
    ) -> Self:
        """A dead letter of these bytes."""
        return cls(
            reason=reason,
            error=error[:2_000],
            place=place,
            time=now or datetime.now(UTC),
            key=key,
            body=base64.b64encode(body).decode(),
        )

    @property
    def raw(self) -> bytes:
        """The bytes as they came."""
        return base64.b64decode(self.body)
