"""Rule files: read, checked, and refused with file, line and reason. Nothing in them is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rules import conditions
from rules.lifecycle import Lifecycle, Stage, Tier, Tiers
from rules.model import Cap, On, Rule, Send
from rules.nodes_clock import Day, Hours
from rules.nodes_place import Point
from rules.paths import hint
from rules.source import MAX_BYTES, Unreadable, documents, line_of, position_of
from rules.traits import Trait
from rules.waits import After, Birthday, Until

SUFFIXES: Final = (".yaml", ".yml", ".json")
_MODELS: Final[tuple[type[BaseModel], ...]] = (
    *(Rule, On, Send, Cap, conditions.All, conditions.AnyOf, conditions.Not, conditions.Compare, conditions.Text),
    *(conditions.Within, conditions.Has, conditions.Every, conditions.NoneOf, conditions.Seen, conditions.Versus),
    *(conditions.Changed, conditions.Near, Point, conditions.TimeOfDay, Hours, conditions.Weekday, conditions.OnDate),
    *(Day, Trait),
    *(Lifecycle, Stage, Tiers, Tier),
    *(After, Until, Birthday),
)
WORDS: Final = sorted({field.alias or name for one in _MODELS for name, field in one.model_fields.items()})
_REASONS: Final = {
    "missing": "is missing",
    "union_tag_not_found": "is no condition: write all, any, not, seen, list, near, changed, time, weekday, "
    "date, or field with op and value",
    "bool_type": "must be true or false",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
    "model_attributes_type": "must be a mapping of names to values",
    "tuple_type": "must be a list",
    "string_pattern_mismatch": "is not written as it must be (pattern {pattern})",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a rule file that must be changed; `field` says where in the rule."""

    file: str
    line: int
    """From 1; 0 in data, which have no lines."""
    field: str
    reason: str
    column: int = 0
    """From 1; 0 where it is not known."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return place + (f"{self.field}: {self.reason}" if self.field else self.reason)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds: the rules that are sound, and what is wrong with the others."""

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One file: its rules, each with its first line, and its problems."""

    file: str
    rules: tuple[tuple[Rule, int], ...] = ()
    problems: tuple[Problem, ...] = ()


def check_text(text: str, filename: str = "rule.yaml") -> list[Problem]:
    """What is wrong with a rule file; an empty list when nothing is."""
    return list(unique([read_text(text, filename)]).problems)


def load_folder(folder: Path) -> Loaded:
    """The rules of a folder's .yaml, .yml and .json files, in the order of their names."""
    return unique([read_file(path) for path in files(folder)])


def files(folder: Path) -> list[Path]:
    """The rule files of a folder; hidden files and those that start with _ are left alone."""
    try:
        found = [path for path in folder.iterdir() if is_rule_file(path.name)]
    except FileNotFoundError:
        return []
    return sorted(path for path in found if path.is_file())


def is_rule_file(name: str) -> bool:
    """Whether a file of this name holds rules."""
    return name.endswith(SUFFIXES) and name[0] not in "._"


def read_file(path: Path) -> Page:
    """One file's rules and problems."""
    text = text_of(path)
    return Page(path.name, problems=(text,)) if isinstance(text, Problem) else read_text(text, path.name)


def text_of(path: Path) -> str | Problem:
    """What stands in a file, or why it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4 * MAX_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error.strerror}"
        return Problem(path.name, 1, "", reason)


def read_text(text: str, filename: str) -> Page:
    """The rules and problems of a file's text; several rules are divided by a line `---`."""
    rules: list[tuple[Rule, int]] = []
    problems: list[Problem] = []
    try:
        for data, node in documents(text):
            line = line_of(node, ("id",))
            if not isinstance(data, dict):
                problems.append(Problem(filename, line, "", "a rule is a mapping that starts with id: and name:"))
                continue
            try:
                rules.append((Rule.model_validate(data), line))
            except ValidationError as error:
                problems += located(error, filename, node)
        if not rules and not problems:
            problems.append(Problem(filename, 1, "", "there is no rule in this file"))
    except Unreadable as error:
        problems.append(Problem(filename, error.line, "", error.reason))
    return Page(filename, tuple(rules), tuple(problems))


def unique(pages: Sequence[Page]) -> Loaded:
    """The rules of all pages; of two with one id the first stays."""
    rules: dict[str, tuple[Rule, str]] = {}
    problems: list[Problem] = []
    for page in pages:
        problems += page.problems
        for rule, line in page.rules:
            if rule.id in rules:
                reason = f"another rule is called {rule.id} already, in {rules[rule.id][1]}"
                problems.append(Problem(page.file, line, "id", reason))
            else:
                rules[rule.id] = (rule, page.file)
    return Loaded(tuple(rule for rule, _ in rules.values()), tuple(problems))


def problems_of(error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str, int]]:
    """What a refused rule is told: field, reason in people's words, line within a text."""
    details = error.errors(include_url=False)
    places = [one["loc"] for one in details]
    # Of a predicate whose operator is unknown nothing else can be judged.
    puzzles = {one["loc"][:-1] for one in details if one["loc"][-1:] == ("op",)}
    for one in details:
        place = one["loc"]
        if place[-1:] != ("op",) and place[:-1] in puzzles:
            continue
        # A list that is short because its parts were refused is no second fault.
        if one["type"] == "too_short" and any(other[: len(place)] == place != other for other in places):
            continue
        shown = tuple(step for step in place if not str(step).startswith("<"))
        yield shown, _reason(one), int((one.get("ctx") or {}).get("line", 0))


def _reason(one: ErrorDetails) -> str:
    word = str(one["loc"][-1]) if one["loc"] else ""
    given = str(one["input"])[:60]
    if one["type"] == "extra_forbidden":
        return "is unknown here" + hint(word, [one for one in WORDS if one != word])
    if word == "op" and one["type"] == "literal_error" and given not in conditions.OPERATORS:
        known = list(conditions.OPERATORS)
        return f"{given} is no operator" + (hint(given, known) or f": use {', '.join(known)}")
    if one["type"] == "literal_error":
        return f"{given} is not possible here: use {one['ctx']['expected']}"
    known_reason = _REASONS.get(one["type"])
    if known_reason:
        return known_reason.format(**{"pattern": "", **(one.get("ctx") or {})})
    return one["msg"]


def located(error: ValidationError, filename: str, node: yaml.Node) -> Iterator[Problem]:
    """What a refused document is told, each with its line."""
    told: set[tuple[int, str]] = set()
    for place, reason, within in problems_of(error):
        line, column = position_of(node, place, within)
        if (line, reason) not in told:
            told.add((line, reason))
            yield Problem(filename, line, _shown(place), reason, column)


def _shown(place: tuple[str | int, ...]) -> str:
    """A place as people read it: a key that nobody asked for may be a page long."""
    return ".".join(str(step)[:80] for step in place)


def rule_from(data: Any, filename: str = "rule") -> tuple[Rule | None, list[Problem]]:
    """A rule from data, as an editor sends it; the lines of its problems are 0."""
    try:
        return Rule.model_validate(data), []
    except ValidationError as error:
        found = [Problem(filename, 0, _shown(place), reason) for place, reason, _ in problems_of(error)]
        return None, found
