"""Traits: what is said of a customer, and a note of what was not kept of it, or not whole.

A note is a register `[[reason, limit, said], time, ref, source]` under the trait's name: why (hub/traits.py), what
limit stood against it, and how the statement began. Which notes there are is a function of the set of events, as
what is kept is; so a note stays when a later statement is sound, and only the one that was made last is `standing`.
"""

from __future__ import annotations

from typing import Any, Final

from hub.jsonbytes import dumps
from hub.profile import REF, TIME, VALUE, Register, Told
from hub.traits import CUT, LONGEST, MANY, SIZE, No, Types, shortened
from profile_store import registers
from profile_store.registers import kept, later

NOTES: Final = 16
"""Notes kept of one customer: those of the smallest names."""
REASON, LIMIT, SAID = 0, 1, 2
LONGEST_NAME: Final = 100


def say(told: Told, name: str, said: Any, types: Types, by: list[Any]) -> None:
    """Keep a statement about a trait, in its type where that is declared; `by` is `[time, ref, source]`."""
    traits, name = told["traits"], name[:LONGEST_NAME]
    value, no = _fit(types, name, said)
    if value is not None:
        traits[name] = later(traits.get(name), [value, *by])
        if len(traits) > registers.NAMES:
            _bound(told)
    if no is not None:
        _note(told, name, [[*no, _shown(said)], *by])


def merge(into: Told, other: Told) -> None:
    """Add what the other tells, and its notes."""
    for name, register in other["traits"].items():
        into["traits"][name] = later(into["traits"].get(name), register)
    for name, note in other.get("unfit", {}).items():
        _note(into, name, note)
    _bound(into)


def standing(told: Told) -> dict[str, Register]:
    """The notes that nothing newer has settled, by trait."""
    traits = told["traits"]
    return {
        name: note
        for name, note in sorted(told.get("unfit", {}).items())
        if name not in traits or (note[TIME], note[REF]) >= (traits[name][TIME], traits[name][REF])
    }


def _fit(types: Types, name: str, said: Any) -> tuple[Any, No | None]:
    """What is kept of a statement, and what stood against it."""
    declared = types.get(name)
    if declared is not None and said is not None:
        return declared.read(said)
    if isinstance(said, str):
        return (said, None) if len(said) <= LONGEST else (said[:LONGEST], (CUT, LONGEST))
    value = kept(said)
    return value, (SIZE, LONGEST) if value is None and said is not None else None


def _bound(told: Told) -> None:
    """Keep so many traits, those of the smallest names, and note which others there were."""
    for name, register in registers.bound(told["traits"]).items():
        _note(told, name, [[MANY, registers.NAMES, _shown(register[VALUE])], *register[TIME:]])


def _note(told: Told, name: str, note: Register) -> None:
    table = told.setdefault("unfit", {})
    table[name] = later(table.get(name), note)
    registers.bound(table, NOTES)


def _shown(said: Any) -> str:
    """How a statement begins."""
    return shortened(said if isinstance(said, str) else dumps(said).decode())
