"""Waits until a moment that a field names, and for days of every year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.calendar import FIRST, LAST, gregorian, month_length, solar_hijri
from hub.event import Event, make
from hub.ids import customer_id
from hub.kinds import OPEN
from hub.profile import Profile
from profile_store.document import profile_of
from rules.engine import Engine
from rules.explain import explain
from rules.moments import anniversary, moment
from rules.waits import Until
from streams.declared import Declared, everywhere
from streams.decode import Dead
from streams.pipeline import Pipeline
from streams.timers import due_event
from tests.unit.memory import Memory, incoming
from tests.unit.packs import MAIL, PHONE, SARA, START, Life, made

UNTIL_END = {"until": "profile.traits.contract_ends", "before": "30d"}
BIRTHDAY = {"until": {"birthday": "profile.traits.birthday"}}
NO_PERSIAN_DAYS: tuple[Any, ...] = ("1404-12-30", "1369-13-01", "05-32", "07-31", "soon", 10**15)
NO_DAYS: tuple[Any, ...] = ("1990-02-30", "13-01", "00-10", None, True, [], "1000-01-01")
UTC_ZONE = ZoneInfo("UTC")


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def read(wait: dict[str, Any], value: Any, zone: str = "UTC") -> str | None:
    """When a wait for a value is over, at the customer's clock."""
    found = moment(Until.model_validate(wait), value, ZoneInfo(zone))
    return None if found is None else datetime.fromtimestamp(found / 1000, ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("wait", "value", "zone", "when"),
    [
        ({}, "2027-03-21", "UTC", "2027-03-21T09:00:00+00:00"),
        ({}, "2027-03-21", "Asia/Tehran", "2027-03-21T09:00:00+03:30"),
        ({"at": "18:30"}, "2027-03-21", "Europe/Berlin", "2027-03-21T18:30:00+01:00"),
        ({}, "۲۰۲۷-۰۳-۲۱", "UTC", "2027-03-21T09:00:00+00:00"),
        ({}, "2027-03-21T10:15:00Z", "Europe/Berlin", "2027-03-21T11:15:00+01:00"),
        ({}, "2027-03-21T10:15:00", "Europe/Berlin", "2027-03-21T10:15:00+01:00"),
        ({"at": "09:00"}, "2027-03-21T23:15:00Z", "Asia/Tehran", "2027-03-22T09:00:00+03:30"),
        ({"before": "90m"}, "2027-03-21T10:15:00Z", "UTC", "2027-03-21T08:45:00+00:00"),
        ({"after": "1h"}, ms(utc(2027, 3, 21)), "UTC", "2027-03-21T01:00:00+00:00"),
        ({"after": "1h"}, float(ms(utc(2027, 3, 21))), "UTC", "2027-03-21T01:00:00+00:00"),
        # Whole days keep the clock of the day over the change of clocks.
        ({"before": "30d"}, "2027-04-10", "Europe/Berlin", "2027-03-11T09:00:00+01:00"),
        ({"before": "36h"}, "2027-04-10", "UTC", "2027-04-08T21:00:00+00:00"),
        # At half past two there is no such time on that day: an hour later by the clock.
        ({"at": "02:30"}, "2027-03-28", "Europe/Berlin", "2027-03-28T03:30:00+02:00"),
        *(
            ({}, value, "UTC", None)
            for value in ("soon", "", "2027-02-30", "1027-02-20", True, -5, 10**17, float("nan"))
        ),
        *(({}, value, "UTC", None) for value in (["2027-03-21"], {"a": 1}, "9999-12-31T23:59:59-12:00", float("inf"))),
    ],
)
def test_a_moment_is_read_as_people_write_it(wait: dict[str, Any], value: Any, zone: str, when: str | None) -> None:
    assert read({"until": "event.time", **wait}, value, zone) == when


def test_a_rule_waits_until_so_long_before_a_day_where_the_customer_is() -> None:
    life = Life(made(wait=UNTIL_END))
    life.knows(contract_ends="2027-01-31", timezone="Asia/Tehran")
    assert life.waits == {"r": utc(2027, 1, 1, 5, 30)}
    assert life.until(utc(2027, 1, 1, 5, 29)) == []
    assert [one.outcome for one in life.until(utc(2027, 1, 1, 5, 30))] == ["fired"]
    assert life.waits == {}


def test_a_zone_that_is_none_leaves_that_of_the_hub() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "America", "x" * 5000, "", 7):
        life = Life(made(wait=UNTIL_END), timezone="Europe/Berlin")
        life.knows(contract_ends="2027-01-31", timezone=zone)
        assert life.waits == {"r": utc(2027, 1, 1, 8)}


@pytest.mark.parametrize(
    ("traits", "told"),
    [
        ({}, "profile.traits.contract_ends is missing"),
        ({"contract_ends": "soon"}, "profile.traits.contract_ends is no moment: found 'soon'"),
        ({"contract_ends": "2026-03-20"}, "the moment is past: 2026-02-18T09:00:00+00:00"),
        ({"contract_ends": "2036-03-20"}, "2036-02-19T09:00:00+00:00 is more than 5 years ahead"),
        (
            {"contract_ends": "2031-03-20"},
            "a wait for this event or a newer one runs already, until 2031-02-18T09:00:00.000Z",
        ),
    ],
)
def test_what_is_waited_for_is_explained(traits: dict[str, Any], told: str) -> None:
    rule = made(wait=UNTIL_END)
    life = Life(rule).knows(**traits)
    assert (life.waits == {}) is not told.startswith("a wait")
    event = make("web.identify", id="x", source="/test", identities=[SARA], received=life.now)
    assert f"wait: {told}" in list(explain(rule, event, event.ms, life.profile).lines())


def test_the_newest_statement_of_the_moment_counts_whatever_the_order() -> None:
    life = Life(made(wait=UNTIL_END)).knows(contract_ends="2027-01-31")
    life.passes("1h")
    life.happens("web.identify", traits={"contract_ends": "2026-12-31"})
    assert life.waits == {"r": utc(2026, 12, 1, 9)}
    late = START + timedelta(minutes=5)
    assert life.happens("web.identify", at=late, traits={"contract_ends": "2028-01-31"}) == []
    assert life.waits == {"r": utc(2026, 12, 1, 9)}


def test_the_same_moment_told_again_writes_nothing() -> None:
    life = Life(made(wait=UNTIL_END)).knows(contract_ends="2027-01-31")
    before = {slot: list(one) for slot, one in life.profile["timers"].items()}
    life.passes("1h")
    assert life.happens("web.identify", traits={"contract_ends": "2027-01-31"}) == []
    assert life.happens("web.identify", who=[MAIL], traits={"contract_ends": "2027-01-31"}) == []
    assert life.profile["timers"] == before


def test_a_moment_that_was_put_off_meanwhile_is_waited_for_anew() -> None:
    rule = made(wait=UNTIL_END, on="web.track/Contract Signed")
    life = Life(rule).knows(contract_ends="2027-01-31")
    life.tracked("Contract Signed")
    life.happens("web.identify", traits={"contract_ends": "2028-01-31"})
    (moved,) = life.until(utc(2027, 1, 1, 9))
    assert (moved.outcome, life.waits) == ("waiting", {"r": utc(2028, 1, 1, 9)})
    life.happens("web.identify", traits={"contract_ends": "never"})
    (cancelled,) = life.until(utc(2028, 1, 2))
    assert (cancelled.outcome, cancelled.code, life.waits) == ("cancelled", "until", {})


def test_what_comes_due_long_after_its_moment_is_not_said() -> None:
    life = Life(made(wait=UNTIL_END)).knows(contract_ends="2027-01-31")
    ((slot, waiting),) = life.profile["timers"].items()
    life.now = utc(2027, 1, 2, 9, 1)
    (one,) = life.happens("timer.due", slot=slot, timer=waiting[0])
    assert (one.outcome, one.code) == ("cancelled", "late")


def test_waits_for_moments_of_different_things_are_kept_apart() -> None:
    wait = {"until": "event.properties.warranty_ends", "before": "10d"}
    text = {"channel": "sms", "purpose": "service", "text": "{{ event.properties.name }}"}
    rule = made(on="web.track/Product Registered", wait=wait, correlate="event.properties.serial", send=text)
    life = Life(rule).knows()
    life.tracked("Product Registered", serial=1, name="Kettle", warranty_ends="2026-06-11", more="x")
    life.tracked("Product Registered", serial=2, name="Lamp", warranty_ends="2026-07-11")
    life.until(utc(2026, 8, 1))
    assert life.texts == ["Kettle", "Lamp"]


# Days of every year.


@pytest.mark.parametrize(
    ("calendar", "value", "now", "when"),
    [
        ("gregorian", "1990-08-03", "2026-03-02", "2026-08-03"),
        ("gregorian", "1990-08-03", "2026-08-03", "2027-08-03"),
        ("gregorian", "1992-02-29", "2026-03-02", "2027-02-28"),
        ("gregorian", "1992-02-29", "2027-03-02", "2028-02-29"),
        ("gregorian", "08-03", "2026-03-02", "2026-08-03"),
        ("gregorian", "--08-03", "2026-03-02", "2026-08-03"),
        ("gregorian", "1990-08-03T00:00:00Z", "2026-03-02", "2026-08-03"),
        ("gregorian", ms(utc(1960, 8, 3)), "2026-03-02", "2026-08-03"),
        # 12 Mordad 1369 was 3 August 1990, and is 3 August in most years.
        ("persian", "1369-05-12", "2026-03-02", "2026-08-03"),
        ("persian", "۱۳۶۹/۰۵/۱۲", "2026-03-02", "2026-08-03"),
        ("persian", "1369/5/12", "2026-03-02", "2026-08-03"),
        ("persian", "05-12", "2026-03-02", "2026-08-03"),
        ("persian", "1990-08-03", "2026-03-02", "2026-08-03"),
        ("gregorian", "1369-05-12", "2026-03-02", "2026-08-03"),
        # 1 Farvardin is 21 March in 1405 and 20 March in 1408.
        ("persian", "1370-01-01", "2026-03-02", "2026-03-21"),
        ("persian", "1370-01-01", "2029-03-02", "2029-03-20"),
        # 30 Esfand exists in leap years only: 1403 and 1408 are such, 1404 is not.
        ("persian", "1403-12-30", "2025-03-02", "2025-03-20"),
        ("persian", "1403-12-30", "2026-03-02", "2026-03-20"),
        *(("persian", value, "2026-03-02", None) for value in NO_PERSIAN_DAYS),
        *(("gregorian", value, "2026-03-02", None) for value in NO_DAYS),
    ],
)
def test_the_next_birthday(calendar: str, value: Any, now: str, when: str | None) -> None:
    wait = Until.model_validate({"until": {"birthday": "profile.traits.b", "calendar": calendar}})
    at = ms(datetime.fromisoformat(f"{now}T12:00:00+00:00"))
    found = anniversary(wait, value, UTC_ZONE, at)
    told = None if found is None else datetime.fromtimestamp(found / 1000, UTC).isoformat()
    assert told == (None if when is None else f"{when}T09:00:00+00:00")


@settings(deadline=None, max_examples=200)
@given(st.dates(min_value=date(1800, 1, 1), max_value=date(2254, 1, 1)))
def test_every_day_of_one_calendar_is_a_day_of_the_other(day: date) -> None:
    year, month, number = solar_hijri(day)
    assert gregorian(year, month, number) == day
    assert 1 <= number <= month_length(year, month)


def test_days_that_are_none_are_refused() -> None:
    for year, month, day in (
        (FIRST - 1, 1, 1),
        (LAST + 1, 1, 1),
        (1404, 12, 30),
        (1400, 7, 31),
        (1400, 0, 1),
        (1400, 1, 0),
    ):
        with pytest.raises(ValueError, match=f"{year}-{month}-{day}"):
            gregorian(year, month, day)


@settings(deadline=None, max_examples=100)
@given(
    st.dates(min_value=date(1920, 1, 1), max_value=date(2020, 12, 31)),
    st.sampled_from(["gregorian", "persian"]),
    st.sampled_from(["UTC", "Asia/Tehran", "Europe/Berlin"]),
    st.integers(ms(utc(2000, 1, 1)), ms(utc(2100, 1, 1))),
)
def test_birthdays_come_about_a_year_apart(born: date, calendar: str, zone: str, now: int) -> None:
    wait = Until.model_validate({"until": {"birthday": "profile.traits.b", "calendar": calendar}})
    here = ZoneInfo(zone)
    first = anniversary(wait, born.isoformat(), here, now)
    assert first is not None
    second = anniversary(wait, born.isoformat(), here, first)
    assert second is not None
    assert 0 < first - now <= 367 * 86_400_000
    assert 364 <= (second - first) / 86_400_000 <= 367


def test_a_birthday_comes_back_every_year_and_is_said_once() -> None:
    life = Life(made(wait=BIRTHDAY)).knows(birthday="1990-08-03")
    life.until(utc(2029, 1, 1))
    days = [one.trigger.time.date() for one in life.engine.decided if one.trigger]
    assert days == [date(2026, 8, 3), date(2027, 8, 3), date(2028, 8, 3)]
    assert life.waits == {"r": utc(2029, 8, 3, 9)}


def test_a_birthday_that_comes_due_again_is_not_said_again() -> None:
    life = Life(made(wait=BIRTHDAY)).knows(birthday="1990-08-03")
    life.until(utc(2026, 9, 1))
    (event,) = life.due
    assert life.apply(event) == []
    assert (life.said, life.waits) == (["r"], {"r": utc(2027, 8, 3, 9)})


def test_after_a_rebuild_in_another_order_it_goes_on_next_year_without_a_word() -> None:
    life = Life(made(wait=BIRTHDAY)).knows(birthday="1990-08-03")
    life.until(utc(2026, 9, 1))
    (event,) = life.due
    anew = Life(made(wait=BIRTHDAY))
    # The timer's event is read first; then what set the timer, whose moment is past by now.
    anew.apply(event)
    anew.knows(birthday="1990-08-03")
    assert anew.waits == {"r": utc(2026, 8, 3, 9)}
    anew.now = utc(2026, 9, 1)
    anew.apply(event, repeated=True)
    assert (anew.said, anew.waits) == ([], life.waits)
    assert {slot: one[0] for slot, one in anew.profile["timers"].items()} == {
        slot: one[0] for slot, one in life.profile["timers"].items()
    }


def test_what_is_no_birthday_and_comes_due_again_is_over() -> None:
    life = Life(made(wait=UNTIL_END)).knows(contract_ends="2027-01-31")
    life.until(utc(2027, 1, 2))
    assert life.apply(life.due[0], repeated=True) == []
    assert life.waits == {}


def test_moving_house_or_mending_a_date_brings_no_second_birthday() -> None:
    life = Life(made(wait=BIRTHDAY)).knows(birthday="1990-08-03", timezone="Asia/Tehran")
    life.until(utc(2026, 8, 3, 6))
    assert life.said == ["r"]
    life.happens("web.identify", traits={"timezone": "America/New_York"})
    life.happens("web.identify", traits={"birthday": "1990-10-03"})
    life.until(utc(2027, 10, 1))
    assert life.said == ["r"]
    assert life.waits == {"r": utc(2027, 10, 3, 13)}


def test_moving_west_on_the_day_puts_the_wish_off() -> None:
    life = Life(made(wait=BIRTHDAY, on="web.track/Signed Up")).knows(birthday="1990-08-03", timezone="Asia/Tehran")
    life.tracked("Signed Up")
    life.until(utc(2026, 8, 1))
    life.happens("web.identify", traits={"timezone": "America/New_York"})
    life.until(utc(2026, 8, 4))
    assert [one.trigger.time for one in life.engine.decided if one.trigger] == [utc(2026, 8, 3, 13)]


def test_a_birthday_that_was_missed_is_not_made_up_for() -> None:
    life = Life(made(wait=BIRTHDAY)).knows(birthday="1990-08-03")
    ((slot, waiting),) = life.profile["timers"].items()
    life.now = utc(2026, 8, 10)
    late, following = life.happens("timer.due", slot=slot, timer=waiting[0])
    assert (late.code, following.outcome, life.waits) == ("late", "waiting", {"r": utc(2027, 8, 3, 9)})


async def birthdays(*read: str) -> tuple[dict[str, list[Any]], int]:
    """What a customer waits for, and how often they were congratulated, after the pipeline read these in this order."""
    store, engine = Memory(), Engine([made(wait=BIRTHDAY)])

    async def bury(dead: Dead) -> None:
        raise AssertionError(dead.error)

    pipeline = Pipeline(store, lambda: Declared(everywhere(engine)), bury, OPEN)  # type: ignore[arg-type]
    customer = customer_id("user_id:sara")
    traits = {"birthday": "1990-08-03"}
    told = make("web.identify", id="e", source="/test", identities=[SARA, PHONE], received=START, traits=traits)
    (waiting,) = [one.timer for one in engine.decide(told, told.ms, _of(told)) if one.timer]
    moment = utc(2026, 8, 3, 9)
    due = due_event(customer, waiting.slot, waiting.id, "default").model_copy(
        update={"time": moment, "receivedat": moment}
    )
    for offset, what in enumerate(read):
        await pipeline.run([incoming(told, 0) if what == "told" else incoming(due, offset, 1)], [])
    (stored,) = [value for key, value in store.values.items() if key.endswith(customer)]
    said = [body for triggers in store.outbox.values() for body in triggers.values() if b'"rule":"r"' in body]
    return profile_of(stored)["timers"], len(said)


def _of(event: Event) -> Profile:
    life = Life()
    life.apply(event)
    return life.profile


async def test_the_pipeline_says_it_once_and_goes_on_in_whatever_order_it_reads() -> None:
    live, said = await birthdays("told", "due")
    assert said == 1
    assert [one[1] for one in live.values()] == [ms(utc(2027, 8, 3, 9))]
    assert await birthdays("told", "due", "due", "told") == (live, 1)
    assert await birthdays("due", "told", "due") == (live, 0)
