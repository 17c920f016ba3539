"""What is found about a rule before it is published: what refuses it, and what its author is told all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from desk.context import Desk
from hub.settings import Settings
from rules.book import Book, Folders
from rules.catalogue import Catalogue
from rules.check import check_among, check_one
from rules.finding import Finding
from rules.load import Problem as Fault
from rules.model import Rule
from rules.positions import Places

FILE: Final = "rule"
"""What the text of a draft is called."""
TO_COME: Final = "it is declared, and known as soon as the customers are built with it"


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found, in the order it is told. Of a rule that is sent as data the lines are 0."""

    errors: tuple[Fault, ...] = ()
    """With one of them a rule cannot do what it is there for."""
    warnings: tuple[Fault, ...] = ()


async def look(here: Desk, rule: Rule, text: str | None = None, others: Sequence[Rule] | None = None) -> Looked:
    """Hold a rule against the traits and segments in force, as `hub rules check` does; against others where given."""
    said = await here.store.declared()
    return await asyncio.to_thread(_looked, here.settings, said, rule, text, others)


def _looked(
    settings: Settings, said: bytes | None, rule: Rule, text: str | None, others: Sequence[Rule] | None
) -> Looked:
    known = _declared(settings) if said is None else _kept(said)
    found = check_one(rule, known) if others is None else check_among(rule, others, known)
    if said is not None and any(one.severity == "error" for one in found):
        found = _to_come(found, check_one(rule, _declared(settings)))
    places = Places({FILE: text} if text is not None else {})
    sides = ([_told(one, rule, places) for one in found if one.severity == side] for side in ("error", "warning"))
    errors, warnings = map(tuple, sides)
    return Looked(errors, warnings)


def _declared(settings: Settings) -> Catalogue:
    return _of(Folders(settings.traits_dir, settings.segments_dir).book)


@lru_cache(maxsize=2)
def _kept(said: bytes) -> Catalogue:
    return _of(Book.from_json(said))


def _of(book: Book) -> Catalogue:
    return Catalogue.of(book.traits, book.segments, book.typed)


def _to_come(found: Sequence[Finding], then: Sequence[Finding]) -> list[Finding]:
    """The same, where names that only the store does not know yet are told so."""
    left = {(one.field, one.reason) for one in then}
    return [
        replace(one, hint=TO_COME) if one.code == "field" and (one.field, one.reason) not in left else one
        for one in found
    ]


def _told(finding: Finding, rule: Rule, places: Places) -> Fault:
    if finding.rule != rule.id:
        return Fault(FILE, 0, "", str(finding))
    reason = finding.reason + (f"; {finding.hint}" if finding.hint else "")
    place = places.of(finding)
    return Fault(FILE, 0 if place is None else place.line, finding.field, reason, 0 if place is None else place.column)
