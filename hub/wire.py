"""What travels on a topic: a frozen model that is JSON there, and says what is wrong with JSON that it cannot be."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import Rejected


class Wire(BaseModel):
    """A message of a topic. What it does not know it ignores; what it refuses, it does not repeat."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    def to_json(self) -> bytes:
        """The message as it stands on its topic."""
        return self.model_dump_json().encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read a message from its topic. Raises Rejected with the field that is wrong."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise Rejected(f"{place}: {first['msg']}", field=place) from None
