"""What the profile said before an event, of the fields that rules ask about with `changed`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from hub.computed import Lookup
from hub.profile import Profile
from rules.access import Getter, getter
from rules.model import Rule
from rules.paths import parse
from rules.scene import of_moment

Before: TypeAlias = Mapping[str, Any]
"""By field; None for one that was missing."""

OF_NOBODY: Final = frozenset({"plain"})
"""Places that have a value in the profile of somebody of whom nothing is known yet."""


class Watch:
    """Which fields are watched at which type of event."""

    __slots__ = ("_kinds", "fields")

    def __init__(self, rules: Iterable[Rule]) -> None:
        asked: dict[str, set[str]] = {}
        for rule in rules:
            for kind in {on.type for on in rule.on} if rule.watched else ():
                asked.setdefault(kind, set()).update(rule.watched)
        self.fields = frozenset[str]().union(*asked.values())
        """All that are."""
        self._kinds: dict[str, tuple[tuple[str, bool, Getter], ...]] = {
            kind: tuple((name, parse(name).place in OF_NOBODY, getter(name)) for name in sorted(names))
            for kind, names in asked.items()
        }

    def note(self, kind: str, ms: int, profile: Profile, computed: Lookup) -> Before | None:
        """What to remember of a profile before an event of this type is folded into it; None: nothing."""
        fields = self._kinds.get(kind)
        if fields is None:
            return None
        scene, new = of_moment(ms, computed), not profile["events"]
        return {name: None if new and unsaid else get(scene.data, profile, scene) for name, unsaid, get in fields}
