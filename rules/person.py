"""How a message may speak of its customer: traits as plain values, and a name that is really one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hub.profile import VALUE, Register

MAX_NAME: Final = 40
# Whoever fills in a form with somebody else's address can make us send that person any "name": no links, no
# addresses, no numbers, no line breaks are repeated.
_NAME: Final = re.compile(r"[^\W\d_](?:[^\W\d_]|['’\-\u200c .]){0,79}")
_DOMAIN: Final = re.compile(r"\.[^\W\d_]")


def plain(registers: Mapping[str, Register]) -> dict[str, Any]:
    """What the registers say now."""
    return {name: register[VALUE] for name, register in registers.items()}


def customer(registers: Mapping[str, Register]) -> dict[str, Any]:
    """The customer's traits for a template; `name` and `first_name` only when they look like names."""
    traits = plain(registers)
    said = (traits.get("first_name"), traits.get("firstName"), traits.get("name"), traits.get("firstname"))
    first = next((word for one in said if (word := proper(one))), None)
    traits["name"] = proper(traits.get("name")) or first
    traits["first_name"] = first.split()[0][:MAX_NAME] if first else None
    return traits


def proper(name: Any) -> str | None:
    """The name, or None when it is missing or is something else, such as an advertisement."""
    if not isinstance(name, str):
        return None
    name = " ".join(name.split(" ")).strip()
    return name if _NAME.fullmatch(name) and not _DOMAIN.search(name) else None
