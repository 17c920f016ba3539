"""Every version of every rule, in the order in which they were published.

The topic `rules` is the record: each message is one publication, atomic because it is one message, and its place in
the topic is the number of the *edition* that it makes. An edition comes into force in each partition of the log where
its marker stands, so that a place in the log alone says which rules decided there. Who changed what, and when, is
in the record itself and never thrown away.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from pydantic import ValidationError

from rules.model import Rule

FOLDER: Final = "folder"
"""Who publishes what stands in the folder of rule files."""
LARGEST: Final = 50_000
"""Bytes of one publication; more is published in several. To read one is a step that holds up whoever waits."""


@dataclass(frozen=True, slots=True)
class Change:
    """A rule as it is from now on; without one, it is retired."""

    id: str
    rule: Rule | None
    expected: str = ""
    """The version that it replaces. When another is in force by then, the change does not happen; empty: any."""

    def as_data(self) -> dict[str, Any]:
        """As it is written."""
        said = None if self.rule is None else self.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {"id": self.id, "rule": said, **({"expected": self.expected} if self.expected else {})}


@dataclass(frozen=True, slots=True)
class Version:
    """One entry in the history of a rule."""

    edition: int
    id: str
    rule: Rule | None
    """None: retired."""
    by: str
    at: int
    """When it was published, in ms."""
    note: str = ""

    @property
    def version(self) -> str:
        """The hash of what it says; empty when it was retired."""
        return "" if self.rule is None else self.rule.version

    @property
    def state(self) -> str:
        """draft, shadow, live, paused or retired."""
        return "retired" if self.rule is None else self.rule.state


def publication(changes: Iterable[Change], by: str, at: int, note: str = "") -> list[bytes]:
    """The messages that publish these changes together: one, unless they are very many. The last makes the edition."""
    lots: list[list[orjson.Fragment]] = [[]]
    size = 0
    for change in changes:
        said = orjson.dumps(change.as_data())
        if lots[-1] and size + len(said) > LARGEST:
            lots.append([])
            size = 0
        lots[-1].append(orjson.Fragment(said))
        size += len(said)
    said_by = {"by": by, "at": at, **({"note": note} if note else {})}
    *first, last = ({"changes": lot, **said_by} for lot in lots)
    return [orjson.dumps({**one, "more": True}) for one in first] + [orjson.dumps(last)]


def understood(message: bytes | None) -> dict[str, Any] | None:
    """A message as data, its rules read and checked; None when it says nothing. Pure, and takes its time."""
    try:
        said = orjson.loads(message or b"null")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    return said if "switched" in said else {**said, "changes": list(_readable(said.get("changes", ())))}


def _readable(changes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in changes:
        try:
            rule = None if one["rule"] is None else Rule.model_validate(one["rule"])
        except ValidationError:
            continue  # written by a hub that knew more than this one
        if rule is not None:
            _ = rule.version  # worked out here, and not when it is compared
        yield {**one, "rule": rule}


def switched(edition: int, places: Mapping[int, int]) -> bytes:
    """The message that an edition is in force from these offsets on, by partition."""
    return orjson.dumps({"switched": edition, "at": {str(one): offset for one, offset in places.items()}})


def alike(one: Rule | None, other: Rule | None) -> bool:
    """Whether two versions are the same in all that they say."""
    if one is None or other is None:
        return one is other
    return (one.version, one.state, one.note) == (other.version, other.state, other.note)


@dataclass(slots=True)
class _Switches:
    """Where in one partition which edition begins."""

    offsets: list[int] = field(default_factory=list)
    editions: list[int] = field(default_factory=list)

    def add(self, offset: int, edition: int) -> None:
        """Take note of a marker. Each that counts is newer than those before it in the log, in whatever order they
        become known: of two of one edition the first, and none of an older edition behind a newer one."""
        at = bisect_right(self.offsets, offset)
        if at and self.editions[at - 1] >= edition:
            return
        end = bisect_right(self.editions, edition, at)
        self.offsets[at:end], self.editions[at:end] = [offset], [edition]


class History:
    """What the topic says so far."""

    def __init__(self) -> None:
        self.read = 0
        """The offset after the last message."""
        self.versions: dict[str, list[Version]] = {}
        """Of each rule, oldest first."""
        self.editions: list[int] = []
        """Those that changed something, and the first."""
        self.announced = 0
        """The newest edition whose markers are all in the log."""
        self._switches: dict[int, _Switches] = {}
        self._open = False
        """Whether something changed since the newest edition: more of it is to come."""

    @property
    def pending(self) -> bool:
        """Whether the newest edition still lacks its markers. The first needs none: there was none before it."""
        return len(self.editions) > 1 and self.newest > self.announced

    @property
    def newest(self) -> int:
        """The newest edition; 0 when nothing was ever published."""
        return self.editions[-1] if self.editions else 0

    def apply(self, offset: int, message: bytes | None) -> None:
        """Take in one message; what cannot be understood changes nothing."""
        self.take(offset, understood(message))

    def take(self, offset: int, said: Mapping[str, Any] | None) -> None:
        """Take in what `understood` made of a message, which is the long part of it and needs no history."""
        self.read = offset + 1
        if said is None:
            return
        if "switched" in said:
            self._announce(said)
            return
        changed = [self._change(offset + 1, one, said) for one in said.get("changes", ())]
        self._open = self._open or any(changed)
        if not said.get("more") and (self._open or not self.editions):
            self.editions.append(offset + 1)
            self._open = False

    def _announce(self, said: Mapping[str, Any]) -> None:
        edition = int(said["switched"])
        for partition, offset in said["at"].items():
            self.switch(int(partition), int(offset), edition)
        self.announced = max(self.announced, edition)

    def _change(self, edition: int, said: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
        id, before = str(said["id"]), self.versions.get(str(said["id"]), [])
        last = before[-1] if before else None
        if said.get("expected") and (last is None or last.version != said["expected"]):
            return False
        rule: Rule | None = said["rule"]
        same = rule is None if last is None else alike(last.rule, rule)
        if same and (last is None or last.by == message["by"]):
            return False
        one = Version(edition, id, rule, str(message["by"]), int(message["at"]), str(message.get("note", "")))
        self.versions.setdefault(id, []).append(one)
        return not same

    def switch(self, partition: int, offset: int, edition: int) -> None:
        """An edition begins after this place in the log."""
        self._switches.setdefault(partition, _Switches()).add(offset, edition)

    def at(self, partition: int, offset: int) -> int:
        """Which edition decides at a place in the log. Before the first marker it is the first that there was."""
        known = self._switches.get(partition)
        if known is None:
            return self.editions[0] if self.editions else 0
        number = bisect_right(known.offsets, offset)
        return known.editions[number - 1] if number else self.editions[0]

    def rules(self, edition: int | None = None) -> list[Rule]:
        """The rules of an edition, the newest unless one is named; retired ones are not among them."""
        wanted = self.newest if edition is None else edition
        found = []
        # A list of them: somebody may ask in a thread while more is read.
        for versions in list(self.versions.values()):
            one = next((one for one in reversed(versions) if one.edition <= wanted), None)
            if one is not None and one.rule is not None:
                found.append(one.rule)
        return found

    def of_folder(self, rules: Sequence[Rule], *, complete: bool) -> list[Change]:
        """What must be published so that the folder is followed: what it says otherwise than when it spoke last.

        What was changed elsewhere since then stays. `complete`: the folder has no faults, and what is missing in it
        was taken away.
        """
        spoken = {
            id: last
            for id, versions in list(self.versions.items())
            if (last := next((one for one in reversed(versions) if one.by == FOLDER), None)) is not None
        }
        changes = [
            Change(rule.id, rule) for rule in rules if rule.id not in spoken or not alike(spoken[rule.id].rule, rule)
        ]
        there = {rule.id for rule in rules}
        if complete:
            changes += [Change(id, None) for id, last in spoken.items() if last.rule is not None and id not in there]
        return changes
