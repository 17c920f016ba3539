"""The API around rules: a draft as text or as data, why a rule spoke or kept silent, and what it would have sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from desk.access import API
from desk.context import desk
from desk.ports import Judge
from desk.problems import Problem
from desk.rulebook import Draft, Id, fault, known, read, refused
from hub.errors import Rejected
from rules import print as printer
from rules.load import Problem as Fault
from rules.load import read_text, rule_from
from rules.model import Rule
from rules.shape import spread
from rules.source import Unreadable, documents

router = APIRouter(prefix=f"{API}/rules")

LONGEST_PERIOD: Final = 400
"""Days of a backtest."""
EXACT: Final = 2**53 - 1
"""The largest whole number that every script of a browser keeps as it is."""


class Period(BaseModel):
    """What a backtest is asked for."""

    model_config = ConfigDict(extra="forbid")

    rule: str | dict[str, Any] = Field(description="The id of a published rule, or a draft as data")
    since: AwareDatetime
    until: AwareDatetime | None = Field(default=None, description="Without it, until now")
    as_it_was: bool = Field(
        default=False, description="Not today's rules: at each moment those that were in force then, edition by edition"
    )


@router.post("/convert", summary="A draft as text and as data")
async def convert(request: Request, body: Draft) -> dict[str, Any]:
    """Give one and get both, with what is wrong; changes nothing.

    The data are spread out: each text by language, each list as a list. `comments` says whether the text has some:
    they are no part of the rule, and data written as text again are without them. Data that cannot be had are null.
    """
    _, faults = read(body)
    if body.rule is not None:
        try:
            text = await asyncio.to_thread(printer.text, body.rule)
        except ValueError as error:
            raise Problem(422, str(error), field="rule") from None
        # The same faults, with the lines that they have now.
        page = read_text(text, "rule")
        lined = list(page.problems) if page.problems or not faults else faults
        return _both(spread(body.rule), text, lined, comments=False)
    text = body.text or ""
    data, hindrance = await asyncio.to_thread(_data, text)
    return _both(data, text, faults or hindrance, comments=printer.has_remarks(text), why=hindrance)


def _both(
    data: dict[str, Any] | None, text: str, faults: list[Fault], *, comments: bool, why: list[Fault] | None = None
) -> dict[str, Any]:
    hindrance = str(why[0].reason) if why else None
    return {
        "rule": data,
        "text": text,
        "problems": list(map(fault, faults)),
        "comments": comments,
        "no_form": hindrance,
    }


def _data(text: str) -> tuple[dict[str, Any] | None, list[Fault]]:
    try:
        found = documents(text)
    except Unreadable as error:
        return None, [Fault("rule", error.line, "", error.reason)]
    if len(found) != 1 or not isinstance(found[0][0], dict):
        return None, [Fault("rule", 1, "", "one rule, please: a mapping that starts with id: and name:")]
    data: dict[str, Any] = found[0][0]
    if _inexact(data):
        return None, [Fault("rule", 1, "", f"whole numbers beyond {EXACT} can be changed in the text only")]
    return spread(data), []


def _inexact(data: Any) -> bool:
    todo = [data]
    while todo:
        one = todo.pop()
        if isinstance(one, dict | list):
            todo += one.values() if isinstance(one, dict) else one
        elif isinstance(one, int) and abs(one) > EXACT:
            return True
    return False


@router.get("/{rule}/why", summary="Why a rule spoke to a customer, or did not")
async def why(
    request: Request,
    rule: Id,
    customer: Annotated[str, Query(min_length=1, max_length=400, description="An id, or an identifier type:value")],
    at: Annotated[AwareDatetime | None, Query(description="The nearest event counts; without it, the newest")] = None,
) -> dict[str, Any]:
    """What was asked, what was found, and what stood against it."""
    judge = _judge(request)
    known(await desk(request).rules.history(), rule)
    try:
        return await judge.why(rule, customer.strip(), None if at is None else _ms(at))
    except Rejected as error:
        raise Problem(422, str(error), field=error.field or "customer") from None


@router.post("/backtest", summary="What a rule would have sent")
async def backtest(request: Request, body: Period) -> dict[str, Any]:
    """The rule is asked about all that is in the log of a period; nothing is sent.

    It is asked as it is today, as if it were in force, among today's others; with `as_it_was` each edition of the rules
    is asked about the events that it decided.
    """
    judge = _judge(request)
    until = body.until or datetime.now(UTC)
    if not 0 < (until - body.since).total_seconds() <= LONGEST_PERIOD * 86_400:
        raise Problem(
            422, f"`until` comes after `since`, by at most {LONGEST_PERIOD} days", field="since", limit=LONGEST_PERIOD
        )
    if body.as_it_was and not isinstance(body.rule, str):
        raise Problem(422, "only a published rule, named by its id, was ever anything", field="as_it_was")
    rule: str | Rule = body.rule if isinstance(body.rule, str) else _draft(body.rule)
    if isinstance(rule, str):
        known(await desk(request).rules.history(), rule)
    try:
        return await judge.backtest(rule, _ms(body.since), _ms(until), as_it_was=body.as_it_was)
    except Rejected as error:
        raise Problem(422, str(error), field=error.field or "rule") from None


def _draft(data: dict[str, Any]) -> Rule:
    rule, faults = rule_from(data)
    if rule is None:
        raise refused(faults, "rule")
    return rule


def _judge(request: Request) -> Judge:
    judge = desk(request).judge
    if judge is None:
        raise Problem(404, "not available here: this installation cannot ask rules about what was")
    return judge


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
