"""What an identity of each type may do: how many one customer has, which is the stronger, what it proves.

The table below is a good start; an operator changes it, and adds types of their own, under `identity` in hub.toml
or as `HUB_IDENTITY__<TYPE>__<FIELD>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["claimed", "provider", "sign-in"]
LEVELS: Final[dict[str, int]] = {"claimed": 0, "provider": 1, "sign-in": 2}
"""How sure it is that whoever acted is the one the identity names: somebody said so; the provider that carried
the message knows it (a caller's number, a browser's cookie); they signed in."""


class Kind(BaseModel):
    """What holds for one type of identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: int = Field(default=40, ge=0, le=1000)
    """The stronger identity of an event owns it; the weaker is left out first where not all fit."""
    limit: int = Field(default=5, ge=0)
    """Values one customer has at most; 0: any number."""
    window: float = Field(default=0, ge=0)
    """Seconds: only values seen so recently count for the limit; 0: all do."""
    links: bool = True
    """Whether it connects customers at all; a type that many people share does not."""
    given: Level = "claimed"
    """What an event proves that carries one, unless it says more."""
    proof: Level = "provider"
    """What must be proven before two customers who are both known become one by it."""
    shared: tuple[str, ...] = ()
    """Values that several people use (a family's telephone, an office's mailbox): they connect nobody."""
    blocked: tuple[str, ...] = ()
    """Values that mean nothing, beside those that never do."""


ROLES: Final = tuple(
    f"{name}@"
    for name in (
        *("info", "office", "kontakt", "contact", "hello", "mail", "sales", "support", "service", "team", "admin"),
        *("billing", "accounts", "accounting", "invoice", "jobs", "help", "marketing", "orders", "reception", "family"),
    )
)
"""Mailboxes of a role: whoever is on duty reads them. As a value of `shared`, `name@` stands for every domain."""

KINDS: Final[dict[str, dict[str, Any]]] = {
    "user_id": {"priority": 100, "limit": 1, "given": "sign-in"},
    "account": {"priority": 90},
    "email": {"priority": 80, "shared": ROLES},
    "phone": {"priority": 70},
    "whatsapp": {"priority": 65},
    "telegram": {"priority": 60, "given": "provider"},
    "meta_psid": {"priority": 60, "given": "provider"},
    "instagram_id": {"priority": 60, "given": "provider"},
    "anonymous_id": {"priority": 20, "limit": 50, "given": "provider"},
    "device": {"priority": 10, "links": False, "given": "provider"},
    "mailer": {"priority": 5, "links": False},
}
OTHER: Final = Kind()
"""A type that nobody described."""

LARGEST: Final = 64
"""Identities of one customer, of all types: what grows beyond is an accident or an attack."""


@dataclass(frozen=True)
class Policy:
    """All types of this installation."""

    kinds: Mapping[str, Kind] = field(default_factory=lambda: described({}))

    def of(self, name: str) -> Kind:
        """What holds for an identity `type:value`."""
        return self.kinds.get(name.partition(":")[0], OTHER)

    def level(self, name: str, said: Mapping[str, Any]) -> int:
        """What an event proves of an identity; `said` is how the event lists it."""
        given = LEVELS[self.of(name).given]
        told = LEVELS.get(str(said.get("level")), 0)
        return max(given, told, 1 if said.get("verified") else 0)

    def connects(self, name: str) -> bool:
        """Whether an identity may belong to a customer beside others."""
        kind, value = self.of(name), name.partition(":")[2]
        if not kind.links or value in kind.blocked:
            return False
        return value not in kind.shared and f"{value.partition('@')[0]}@" not in kind.shared


def described(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Kind]:
    """The table with an operator's changes. Raises ValidationError."""
    names = {*KINDS, *changes}
    return {name: Kind.model_validate({**KINDS.get(name, {}), **changes.get(name, {})}) for name in sorted(names)}


OPEN: Final = Policy(
    {name: Kind.model_validate({**table, "limit": 0, "proof": "claimed"}) for name, table in KINDS.items()}
)
"""Everybody who was ever named together is one, as if each claim were true: for tests, and for closed worlds."""
