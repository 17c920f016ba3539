"""A dead letter: what could not be processed, with everything needed to understand and to replay it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import Rejected
from hub.event import Moment


class DeadLetter(BaseModel):
    """One message that failed: its bytes, why, and where it was."""

    model_config = ConfigDict(frozen=True, extra="ignore")

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

    def to_json(self) -> bytes:
        """The letter as it stands on its topic."""
        return self.model_dump_json().encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read a letter from its topic. Raises Rejected."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            raise Rejected(f"not a dead letter: {error.error_count()} faults") from None
