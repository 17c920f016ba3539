"""Files of traits, segments, lifecycle and tiers: read and refused as rule files are, with file, line and field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

import yaml
from pydantic import ValidationError

from rules import tree
from rules.conditions import Condition
from rules.lifecycle import Group, Lifecycle, Tiers, group_of, segments_of
from rules.load import Problem, files, located, text_of
from rules.model import Rule
from rules.paths import hint, parse
from rules.segments import Segment, order
from rules.source import Unreadable, documents, line_of, lines_with
from rules.traits import Declaration, Trait
from rules.typed import Typed

T = TypeVar("T", bound=Declaration)

NAMES: Final[dict[type[Declaration], str]] = {Trait: "computed trait", Typed: "typed trait", Segment: "segment"}
ONLY_ONE: Final[dict[type[Declaration], str]] = {Lifecycle: "lifecycle", Tiers: "list of tiers"}
"""What a customer stands in at one place."""
MOST_TYPED: Final = 128
"""Typed traits: a customer has no more traits."""
PLACES: Final = {"computed": "computed trait", "segments": "segment"}
FOLDERS: Final = {"computed trait": "traits", "segment": "segments"}
SHOWN: Final = 10
"""Names that are listed where one is asked for that is not declared."""


@dataclass(frozen=True, slots=True)
class Sheet(Generic[T]):
    """One document of a file: what it declares, and its text as a tree with lines."""

    one: T
    file: str
    node: yaml.Node


@dataclass(frozen=True, slots=True)
class Declared(Generic[T]):
    """What a folder declares: what is sound, in the order of the files, and what is wrong with the rest."""

    items: tuple[T, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a folder of traits declares, and what is wrong with the rest."""

    computed: tuple[Trait, ...]
    typed: tuple[Typed, ...]
    problems: tuple[Problem, ...]


def load_traits(folder: Path) -> Traits:
    """The traits of a folder's files, the computed and the typed ones."""
    sheets, problems = _load(folder, _trait)
    computed = tuple(sheet.one for sheet in sheets if isinstance(sheet.one, Trait))
    typed = [sheet for sheet in sheets if isinstance(sheet.one, Typed)]
    for sheet in typed[MOST_TYPED:]:
        reason = f"there are {MOST_TYPED} typed traits already"
        problems.append(Problem(sheet.file, line_of(sheet.node, ("id",)), "id", reason))
    return Traits(computed, tuple(cast(Typed, sheet.one) for sheet in typed[:MOST_TYPED]), tuple(problems))


def load_segments(folder: Path, traits: Collection[str]) -> Declared[Group]:
    """What a folder's files declare, those that others ask about first; `traits` are the computed ones there are."""
    sheets, problems = _load(folder, group_of)
    return _sound(sheets, problems, traits)


def check_traits(text: str, filename: str = "trait.yaml") -> list[Problem]:
    """What is wrong with a file of traits."""
    return _unique(_read(text, filename, _trait))[1]


def check_segments(text: str, traits: Collection[str], filename: str = "segment.yaml") -> list[Problem]:
    """What is wrong with a file of segments, lifecycle or tiers, which may ask for these traits and for each other."""
    return list(_sound(*_unique(_read(text, filename, group_of)), traits).problems)


def unknown(rule: Rule, traits: Collection[str], segments: Collection[str]) -> list[str]:
    """What is wrong with a rule's fields `profile.computed.…` and `profile.segments.…`, given what is declared."""
    known = {"computed": traits, "segments": segments}
    roots = [root for root in (rule.when, rule.unless) if root is not None]
    return [reason for root in roots for _, reason in _missing(root, known)]


def _trait(data: Any) -> type[Trait | Typed]:
    """Which trait a document declares: what has a type is said by senders, all others are computed."""
    return Typed if isinstance(data, dict) and "type" in data and "compute" not in data else Trait


def _load(folder: Path, model: Callable[[Any], type[T]]) -> tuple[list[Sheet[T]], list[Problem]]:
    found: list[Sheet[T] | Problem] = []
    for path in files(folder):
        text = text_of(path)
        found += [text] if isinstance(text, Problem) else _read(text, path.name, model)
    return _unique(found)


def _read(text: str, filename: str, model: Callable[[Any], type[T]]) -> Iterator[Sheet[T] | Problem]:
    """The documents of a file; `model` says what each is."""
    empty = True
    try:
        for data, node in documents(text):
            empty, chosen = False, model(data)
            if not isinstance(data, dict):
                yield Problem(
                    filename, line_of(node, ()), "", f"a {NAMES[chosen]} is a mapping that starts with id: and name:"
                )
                continue
            try:
                yield Sheet(chosen.model_validate(data), filename, node)
            except ValidationError as error:
                yield from located(error, filename, node)
        if empty:
            yield Problem(filename, 1, "", f"there is no {NAMES[model(None)]} in this file")
    except Unreadable as error:
        yield Problem(filename, error.line, "", error.reason)


def _unique(found: Iterator[Sheet[T] | Problem] | list[Sheet[T] | Problem]) -> tuple[list[Sheet[T]], list[Problem]]:
    """Of two with one id the first stays."""
    sheets: dict[tuple[str, str], Sheet[T]] = {}
    problems: list[Problem] = []
    for one in found:
        if isinstance(one, Problem):
            problems.append(one)
            continue
        kind = type(one.one)
        what = NAMES.get(kind) or ONLY_ONE[kind]
        if (what, one.one.id) in sheets:
            file = sheets[what, one.one.id].file
            if kind in ONLY_ONE:
                reason = f"there is a {what} already, in {file}: put them together"
                problems.append(Problem(one.file, line_of(one.node, ()), "", reason))
                continue
            reason = f"another {what} is called {one.one.id} already, in {file}"
            problems.append(Problem(one.file, line_of(one.node, ("id",)), "id", reason))
        else:
            sheets[what, one.one.id] = one
    return list(sheets.values()), problems


def _sound(sheets: list[Sheet[Group]], problems: list[Problem], traits: Collection[str]) -> Declared[Group]:
    """Leave out what asks for something that is not there, until all that is left stands on its own."""
    left = {sheet.one.id: sheet for sheet in sheets}
    problems = list(problems)
    while True:
        segments = {one.id: one for one in segments_of(sheet.one for sheet in left.values())}
        known = {"computed": traits, "segments": segments.keys()}
        bad = {name: _missed(sheet.one, known) for name, sheet in left.items()}
        bad = {name: fields for name, fields in bad.items() if fields}
        for name, fields in bad.items():
            sheet = left[name]
            for word, place, line in lines_with(sheet.node, fields):
                problems.append(Problem(sheet.file, line, place, fields[word]))
        ordered, stuck = ([], {}) if bad else order(segments.values())
        for name, sheet in left.items() if stuck else ():
            for found in _circles(sheet, stuck):
                bad[name] = {}
                problems.append(found)
        if not bad:
            break
        left = {name: sheet for name, sheet in left.items() if name not in bad}
    turn = {one.id: number for number, one in enumerate(ordered)}
    groups = sorted((sheet.one for sheet in left.values()), key=lambda one: turn[segments_of([one])[0].id])
    return Declared(tuple(groups), tuple(problems))


def _missed(group: Group, known: dict[str, Collection[str]]) -> dict[str, str]:
    return {field: reason for one in segments_of([group]) for field, reason in _missing(one.when, known)}


def _circles(sheet: Sheet[Group], stuck: Mapping[str, Segment]) -> Iterator[Problem]:
    """What is wrong with a document of which segments have no place in the order; of stages the first is named."""
    for number, one in enumerate(segments_of([sheet.one])):
        if one.id in stuck:
            where: tuple[str | int, ...] = ("if",) if isinstance(sheet.one, Segment) else ("lifecycle", number, "if")
            field = ".".join(map(str, where))
            yield Problem(sheet.file, line_of(sheet.node, where), field, _round(one.id, stuck))
            return


def _round(name: str, stuck: Mapping[str, Segment]) -> str:
    """Why a segment has no place in the order: it asks about itself, or about one that does."""
    ways: dict[str, list[str]] = {name: []}
    todo = [name]
    while todo:
        here = todo.pop(0)
        for asked in sorted(stuck[here].asks(stuck.keys())):
            if asked == name:
                return "asks about itself" + (f", by way of {' and '.join(ways[here])}" if ways[here] else "")
            if asked not in ways:
                ways[asked] = [*ways[here], asked]
                todo.append(asked)
    return f"asks about {min(ways.keys() - {name})}, and so about one that asks about itself"


def _missing(root: Condition, known: dict[str, Collection[str]]) -> Iterator[tuple[str, str]]:
    """Fields that ask for a trait or a segment that is not declared, and what to say about it."""
    for node, _, _ in tree.walk(root):
        for name in tree.fields_of(node):
            place = parse(name).place
            if place in PLACES and parse(name).keys[0] not in known[place]:
                yield name, _nowhere(PLACES[place], parse(name).keys[0], sorted(known[place]))


def _nowhere(what: str, wanted: str, known: list[str]) -> str:
    """That something is not declared, and what is: the one that is spelled alike, else some of them."""
    some = ", ".join(known[:SHOWN]) + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")
    others = f"; there are {some}" if known else f"; declare it in a file of {FOLDERS[what]}"
    return f"there is no {what} {wanted}" + (hint(wanted, known) or others)
