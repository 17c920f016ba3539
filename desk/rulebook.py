"""The API of rules: what is in force, what was, checking a draft, publishing, pausing and retiring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from desk.access import API, staff
from desk.context import Desk, desk
from desk.problems import Problem
from desk.rulecheck import Looked, look
from desk.rulelife import life
from hub import bus
from hub.topics import RULES
from rules.history import Change, History, Version, publication
from rules.load import Loaded, load_folder, read_text, rule_from
from rules.load import Problem as Fault
from rules.model import ACTIVE, Rule, State
from streams.rulelog import new_key

router = APIRouter(prefix=f"{API}/rules")

Id = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
LONGEST: Final = 100_000


class Draft(BaseModel):
    """A rule as it is to be: as data, or as the text of a rule file."""

    model_config = ConfigDict(extra="forbid")

    rule: dict[str, Any] | None = None
    text: str | None = Field(default=None, max_length=LONGEST)
    expected: str = Field(default="", max_length=40, description="The version you saw; when it changed meanwhile: 409")
    note: str = Field(default="", max_length=500, description="Why, for whoever reads the history")

    @model_validator(mode="after")
    def _one(self) -> Draft:
        if (self.rule is None) is (self.text is None):
            raise ValueError("send the rule either as `rule` or as `text`")
        return self


class Move(BaseModel):
    """Another state for a rule."""

    model_config = ConfigDict(extra="forbid")

    state: State
    expected: str = Field(default="", max_length=40)
    note: str = Field(default="", max_length=500)


@router.get("", summary="The rules in force")
async def rules(request: Request) -> dict[str, Any]:
    """Each rule with its state, version, and who published it when; retired ones are not among them.

    `missing`: fields of events that the rule asks about and that do not come: `stopped` since a moment (ms), or
    `never`; `otherwise`: there is something, but nothing that can be used `as` the rule does. `effects`: how often it
    spoke and was held in the last 30 days, by days in UTC; days without are left out. Both are null while the store
    does not answer.
    """
    here = desk(request)
    history, loaded = await _read(here)
    answer = _listed(history, loaded)
    current = history.rules()
    found = await life(here.store, [one.id for one in current], current)
    return {**answer, "items": [{**one, **found.of(one["id"]).to_json()} for one in answer["items"]]}


async def rules_of(here: Desk) -> dict[str, Any]:
    """The rules as the API shows them, and what is wrong with the files of this installation's folder."""
    return _listed(*await _read(here))


async def _read(here: Desk) -> tuple[History, Loaded]:
    return await asyncio.gather(here.rules.history(), asyncio.to_thread(load_folder, here.settings.rules_dir))


def _listed(history: History, loaded: Loaded) -> dict[str, Any]:
    current = [versions[-1] for versions in history.versions.values()]
    items = [as_json(one) for one in current if one.rule is not None]
    problems = [{"file": one.file, **fault(one)} for one in loaded.problems]
    state = {"edition": history.newest, "pending": history.pending}
    return {"items": items, "problems": problems, **state, "next": None}


@router.post("/check", summary="What is wrong with a draft")
async def check(request: Request, body: Draft) -> dict[str, Any]:
    """Every fault with line, column and field, and what else is to be looked at (`warnings`). Changes nothing."""
    rule, faults = read(body)
    found = Looked(tuple(faults)) if rule is None else await look(desk(request), rule, body.text)
    said = {"problems": list(map(fault, found.errors)), "warnings": list(map(fault, found.warnings))}
    return {**said, "version": rule.version if rule else None}


@router.get("/{rule}", summary="A rule and its history")
async def one(request: Request, rule: Id) -> dict[str, Any]:
    """The rule as it is, and every version of it, newest first.

    `missing` and `effects` as in the list; here also with the `reasons` for which it was held, the reasons for which
    waits `ended` without a word, and what `became` of what it said.
    """
    here = desk(request)
    history = await here.rules.history()
    versions = known(history, rule)
    current = versions[-1].rule
    found = await life(here.store, [rule], [] if current is None else [current])
    lived = found.of(rule).to_json(whole=True)
    return {**as_json(versions[-1]), **lived, "versions": [as_json(one) for one in reversed(versions)]}


@router.put("/{rule}", status_code=202, summary="Publish a rule")
async def put(request: Request, rule: Id, body: Draft) -> dict[str, Any]:
    """In force within a second, on every worker at the same place of the log.

    A rule that cannot do what it is there for is refused; what else is found is told as `warnings`.
    """
    wanted, faults = read(body)
    if wanted is None:
        raise refused(faults, "text")
    if wanted.id != rule:
        raise Problem(422, f"the rule calls itself {wanted.id}", field="id")
    here = desk(request)
    history = await here.rules.history()
    warnings = await _sound(here, history, wanted, body.text)
    return await _publish(request, history, Change(rule, wanted, body.expected), body.note, warnings)


@router.post("/{rule}/state", status_code=202, summary="Pause a rule, let it run in the shadow, or put it in force")
async def move(request: Request, rule: Id, body: Move) -> dict[str, Any]:
    """The rule stays what it is; only its state changes. Before it decides again, it is checked as a new one is."""
    here = desk(request)
    history = await here.rules.history()
    versions = known(history, rule)
    # Nothing begins with being retired, so one of them says something.
    before = next(one.rule for one in reversed(versions) if one.rule is not None)
    wanted = before.model_copy(update={"state": body.state})
    # To stop one that has become wrong must always be possible.
    warnings = await _sound(here, history, wanted) if body.state in ACTIVE else ()
    return await _publish(request, history, Change(rule, wanted, body.expected), body.note, warnings)


@router.delete("/{rule}", status_code=202, summary="Retire a rule")
async def retire(
    request: Request,
    rule: Id,
    expected: Annotated[str, Query(max_length=40, description="The version you saw")] = "",
    note: Annotated[str, Query(max_length=500, description="Why, for whoever reads the history")] = "",
) -> dict[str, Any]:
    """It speaks no more, and its waits end without a word. Its history stays."""
    history = await desk(request).rules.history()
    known(history, rule)
    return await _publish(request, history, Change(rule, None, expected), note)


async def _sound(here: Desk, history: History, rule: Rule, text: str | None = None) -> Sequence[Fault]:
    """What is to be looked at in a rule that may be published. Raises Problem 422 for one that may not."""
    found = await look(here, rule, text, history.rules())
    if found.errors:
        raise refused(found.errors, "rule" if text is None else "text")
    return found.warnings


async def _publish(
    request: Request, history: History, change: Change, note: str, warnings: Sequence[Fault] = ()
) -> dict[str, Any]:
    here, who = desk(request), staff(request)
    versions = history.versions.get(change.id, [])
    if change.expected and (not versions or versions[-1].version != change.expected):
        raise _overtaken()
    (message,) = publication([change], who.name, int(time.time() * 1000), note)
    await here.bus.publish(bus.topic(here.settings, RULES), [(new_key(), message)])
    history = await here.rules.history()
    last = known(history, change.id)[-1]
    if change.expected and last.by != who.name:
        raise _overtaken()
    return {**as_json(last), "warnings": list(map(fault, warnings))}


def _overtaken() -> Problem:
    return Problem(409, "the rule was changed meanwhile: look at it again", field="expected")


def refused(faults: Sequence[Fault], field: str) -> Problem:
    """The answer to a draft that is no rule; the field is named where the first fault names none."""
    return Problem(422, str(faults[0]), field=faults[0].field or field, problems=list(map(fault, faults)))


def read(body: Draft) -> tuple[Rule | None, list[Fault]]:
    """The rule that a draft says, or what is wrong with it."""
    if body.rule is not None:
        return rule_from(body.rule)
    page = read_text(body.text or "", "rule")
    if page.problems:
        return None, list(page.problems)
    if len(page.rules) != 1:
        return None, [Fault("rule", 1, "", "one rule, please: this text holds several")]
    return page.rules[0][0], []


def known(history: History, rule: str) -> list[Version]:
    """The versions of a rule, oldest first. Raises Problem 404."""
    versions = history.versions.get(rule)
    if not versions:
        raise Problem(404, "there is no such rule", field="rule")
    return versions


def fault(one: Fault) -> dict[str, Any]:
    """A fault as the API shows it."""
    return {"line": one.line, "column": one.column, "field": one.field, "reason": one.reason}


def as_json(one: Version) -> dict[str, Any]:
    """A version as the API shows it."""
    said = {} if one.rule is None else one.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    about = {"id": one.id, "version": one.version, "state": one.state, "edition": one.edition}
    return {**said, **about, "by": one.by, "at": one.at, "change": one.note}
