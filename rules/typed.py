"""Typed traits: of what senders say of a customer, which type it has, and what it may be."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from hub.traits import ITEM, ITEMS, LONGEST, Kind, Type, folded
from rules.conditions import Real, Whole
from rules.model import Words
from rules.traits import Declaration

MEASURED: Final = {"text": (0, LONGEST), "list": (0, ITEMS)}
"""Types whose length is bounded, and by how much at most."""
WORDED: Final = frozenset({"choice", "list"})


def _worded(raw: Any) -> Any:
    """A list of words stands for words without titles."""
    return {str(one): None for one in raw} if isinstance(raw, list) else raw


Word = Annotated[str, Field(strict=True, min_length=1, max_length=ITEM, pattern=r"^\S(.*\S)?$")]
Allowed = Annotated[dict[Word, Words | None], BeforeValidator(_worded), Field(max_length=100)]
"""The words that may be said, each with what people call it, which may be said as well."""
Limit = Whole | Real | Annotated[str, Field(strict=True, max_length=40)]


class Typed(Declaration):
    """A trait that senders say. Rules and segments ask for it as `profile.traits.<id>`."""

    id: str = Field(strict=True, min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")
    """Its name in `traits`, exactly as it is sent."""
    type: Kind
    least: Limit | None = Field(default=None, alias="min")
    most: Limit | None = Field(default=None, alias="max")
    words: Allowed = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.type == "choice" and not self.words:
            raise PydanticCustomError("words", "a choice needs `words`, those that may be said")
        if self.words and self.type not in WORDED:
            raise PydanticCustomError("words", "`words` are for a choice or a list")
        if self.type in {"choice", "boolean"} and (self.least is not None or self.most is not None):
            raise PydanticCustomError("bound", f"`min` and `max` say nothing about a {self.type}")
        least, most = self._bound("min", self.least), self._bound("max", self.most)
        if least is not None and most is not None and least > most:
            raise PydanticCustomError("bound", "`min` is beyond `max`")
        _ = self.reads
        return self

    def _bound(self, name: str, said: Any) -> Any:
        """A bound in the type of what it bounds."""
        if said is None:
            return None
        kind: Kind = "integer" if self.type in MEASURED else self.type
        found, _no = Type(kind).read(said)
        lowest, highest = MEASURED.get(self.type, (found, found))
        if found is None or isinstance(said, str) is not isinstance(found, str) or not lowest <= found <= highest:
            wanted = f"whole number from {lowest} to {highest}" if self.type in MEASURED else self.type
            raise PydanticCustomError("bound", "{reason}", {"reason": f"`{name}` must be a {wanted}"})
        return found

    @property
    def reads(self) -> Type:
        """How what is said is read. Raises PydanticCustomError when a word stands for two."""
        words: dict[str, str] = {}
        for word, titles in self.words.items():
            for one in (word, *(titles or {}).values()):
                if words.setdefault(folded(one), word) != word:
                    raise PydanticCustomError("words", "{reason}", {"reason": f"{one} stands for two of the words"})
        return Type(self.type, self._bound("min", self.least), self._bound("max", self.most), words)
