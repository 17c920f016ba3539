"""Segments: who is in which, at every moment, is what a slow look at all of them says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event, make
from hub.profile import Profile, Told, blank, empty
from profile_store import keys
from profile_store.draft import Draft
from profile_store.facets import windows
from profile_store.registers import NAMES
from profile_store.segments import joined, written
from profile_store.timeline import decode
from rules.engine import Engine
from rules.membership import FULL, Segments, mark
from rules.model import Rule
from rules.reference import ask
from rules.scene import of_moment
from rules.segments import Segment
from rules.traits import catalogue
from streams.decide import decide, settle
from streams.decode import Incoming
from streams.fold import fold
from streams.segment import SLOT, anew, regrouped, segment
from streams.timers import due_event
from tests.unit.computing import HOUR, MINUTE, ORDER, START, trait
from tests.unit.memory import incoming

MADE = catalogue([trait("spent", "sum", over="3h", tile="1h"), trait("orders", "count"), trait("last", "last")])
LOOK, UNTIL = windows.readers(MADE.readings)
INDEX = windows.index(MADE.features)


def made(id: str, condition: Any) -> Segment:
    return Segment.model_validate({"id": id, "name": id, "if": condition})


def is_in(name: str, answer: bool = True) -> dict[str, Any]:
    return {"field": f"profile.segments.{name}", "op": "eq", "value": answer}


ALL = [
    made("a-spender", {"field": "profile.computed.spent", "op": "ge", "value": 5}),
    made("b-buyer", {"field": "profile.computed.orders", "op": "ge", "value": 2}),
    made("c-active", {"field": "profile.last", "op": "within", "value": "2h"}),
    made("d-mailed", {"seen": ["email.received", "sms.received"], "within": "90m"}),
    made("e-gold", {"field": "profile.traits.tier", "op": "eq", "value": "gold"}),
    made("f-quiet", {"not": {"field": "profile.latest.email.received.time", "op": "within", "value": "1h"}}),
    made("g-persian", {"field": "profile.language", "op": "eq", "value": "fa"}),
    made("h-writes", {"field": "profile.channels.email.received", "op": "gt", "value": 1}),
    made("i-agreed", {"field": "profile.consent.email/any", "op": "eq", "value": True}),
    made("j-both", {"all": [is_in("a-spender"), is_in("e-gold")]}),
    made("k-neither", {"not": {"any": [is_in("j-both"), is_in("c-active")]}}),
    made("l-told", {"field": "profile.facts.size", "op": "exists"}),
    made("m-viewer", {"field": "profile.counts.web.track/Product Viewed", "op": "between", "value": [1, 2]}),
    made("n-chooser", {"field": "profile.stage", "op": "in", "value": ["purchase", "after"]}),
    made("o-small", {"not": {"field": "profile.computed.last", "op": "gt", "value": 2}}),
    made("q-new", {"field": "profile.stage", "op": "eq", "value": "need"}),
    made("r-never", {"not": {"field": "profile.counts.web.track/Order Completed", "op": "gt", "value": 0}}),
    made("p-mailable", {"list": "profile.identities.email", "has": {"field": "item", "op": "contains", "value": "@"}}),
]
RULES = Engine(())
SEGMENTS = Segments(ALL, MADE.readings, LOOK, UNTIL)


class Life:
    """One customer, event by event, and the timer that comes back when it is due."""

    def __init__(self, some: Segments = SEGMENTS) -> None:
        self.segments = some
        self.draft = Draft(blank("c1"))
        self.told: list[dict[str, Any]] = []
        self.timers = 0
        self.offset = 0
        self.before = mark(self.profile)

    @property
    def profile(self) -> Profile:
        return self.draft.profile

    def happens(self, event: Event, *, replayed: bool = False) -> None:
        one = incoming(event, self.offset, replayed=replayed)
        self.offset += 1
        self.before = mark(self.profile)

        names = {*self.draft.document["nodes"], *(key for key in one.keys if not key.startswith("customer:"))}
        self.draft.document["nodes"] = sorted(names)

        def change(told: Told) -> None:
            fold(told, event, one.keys, one.ms, one.ref)
            windows.fold(told, event, one.ms, one.ref, INDEX)

        self.draft.fold(one.keys[0], change)
        segment(self.segments, self.draft, one, self.before)
        decide(RULES, self.draft, one)
        self.told += [orjson.loads(body) for body in self.draft.outbox.values()]
        self.draft.outbox.clear()

    def wait(self, now: int) -> None:
        """Let time pass: what is due comes back, at its moment."""
        while (waiting := self.profile["timers"].get(SLOT)) is not None and waiting[1] <= now:
            self.timers += 1
            assert self.timers < 300
            moment = datetime.fromtimestamp(waiting[1] / 1000, UTC)
            event = due_event("c1", SLOT, waiting[0], "default")
            self.happens(event.model_copy(update={"time": moment, "receivedat": moment}))

    def members(self) -> set[str]:
        return set(self.profile.get("segments", {}))


def naive(profile: Profile, now: int) -> set[str]:
    """All segments, one after the other, by the slow reading."""
    found: set[str] = set()
    for one in ALL:
        whole: Any = {**profile, "segments": dict.fromkeys(found, 0)}
        if ask(one.when, of_moment(now, LOOK), whole).answer is True:
            found.add(one.id)
    return found


def event(number: int, ms: int, kind: str, **data: Any) -> Event:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    who: Any = {"type": "email", "value": "anna@example.org", "verified": True}
    return make(kind, id=f"e{number}", source="/test", identities=[who], received=moment, **data)


DATA: dict[str, list[dict[str, Any]]] = {
    "email.received": [{}, {"text": "x", "language": "fa"}],
    "sms.received": [{}],
    "web.page": [{"language": "en"}],
    "web.identify": [{"traits": {"tier": tier}} for tier in ("gold", "tin")] + [{"traits": {"language": "fa"}}],
    "consent.given": [{"consent": {"channel": "email", "purpose": "any", "given": given}} for given in (True, False)],
    "survey.answered": [{"facts": {"size": "L"}}],
    "web.track": [{"name": "Order Completed", "properties": {"total": total}} for total in (1, 3, 6, -4)]
    + [{"name": name, "properties": {}} for name in ("Product Viewed", "Product Added", "Other")],
}


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """What one customer does in a day, in the order of time."""
    moments = sorted(draw(st.lists(st.integers(0, 10 * 60).map(lambda m: START + m * MINUTE), min_size=1, max_size=14)))
    found = []
    for number, moment in enumerate(moments):
        kind = draw(st.sampled_from(sorted(DATA)))
        found.append(event(number, moment, kind, **draw(st.sampled_from(DATA[kind]))))
    return found


@settings(deadline=None, max_examples=150, print_blob=True)
@given(stories(), st.lists(st.integers(0, 15 * 60), max_size=6))
def test_members_are_at_every_moment_whom_a_slow_look_finds(some: list[Event], minutes: list[int]) -> None:
    life = Life()
    looks = {START + minute * MINUTE for minute in minutes}
    for one in some:
        for moment in sorted(look for look in looks if look < one.ms):
            looks.discard(moment)
            life.wait(moment)
            if life.profile["events"]:
                assert life.members() == naive(life.profile, moment)
        life.wait(one.ms)
        life.happens(one)
        assert life.members() == naive(life.profile, one.ms)
    for moment in (*sorted(looks), some[-1].ms + 30 * HOUR):
        if moment >= some[-1].ms:
            life.wait(moment)
            assert life.members() == naive(life.profile, moment)
    assert SLOT not in life.profile["timers"]
    assert told(life) == life.members()


def told(life: Life) -> set[str]:
    """Who is in what, by the events alone: each enters and leaves in turn, and every event has an id of its own."""
    inside: dict[str, int] = {}
    for one in life.told:
        name, since = one["data"]["name"], one["data"]["since"]
        if one["type"] == "segment.entered":
            assert name not in inside
            inside[name] = since
        else:
            assert one["type"] == "segment.left"
            assert inside.pop(name) == since
    assert inside == life.profile.get("segments", {})
    assert len({one["id"] for one in life.told}) == len(life.told)
    return set(inside)


@settings(deadline=None, max_examples=60)
@given(stories(), st.integers(0, 14))
def test_what_an_event_cannot_have_changed_is_as_it_was(some: list[Event], at: int) -> None:
    life = Life()
    for one in some:
        life.wait(one.ms)
        before = life.members()
        life.happens(one)
        touched = {ready.id for ready in SEGMENTS.touched(one, life.profile, life.before).segments}
        assert before ^ life.members() <= touched


def test_few_segments_are_asked_about_an_event() -> None:
    life = Life()
    page = event(1, START, "web.page")
    life.happens(page)
    assert {one.id[0] for one in SEGMENTS.touched(page, life.profile, mark(life.profile)).segments} == set("ck")
    before = ("purchase", 0, 1)
    assert {one.id[0] for one in SEGMENTS.touched(page, life.profile, before).segments} == set("cknpq")
    bought = event(2, START, "web.track", name="Order Completed", properties={})
    assert {one.id[0] for one in SEGMENTS.touched(bought, life.profile, mark(life.profile)).segments} == set("abjkocr")
    life.profile["counts"] = {f"k{number}": 1 for number in range(FULL)}
    assert SEGMENTS.touched(page, life.profile, mark(life.profile)) is SEGMENTS.all
    assert FULL == NAMES
    assert Segments().touched(page, life.profile, life.before).segments == ()


def only(*some: Segment) -> Segments:
    return Segments(some, MADE.readings, LOOK, UNTIL)


def test_an_event_that_only_moves_the_moment_sets_no_timer_anew() -> None:
    life = Life(only(ALL[2]))
    life.happens(event(1, START, "web.page"))
    first = list(life.profile["timers"][SLOT])
    assert first[1:3] == [START + 2 * HOUR + 1, "/segments"]
    life.draft.timers.clear()
    life.happens(event(2, START + HOUR, "web.page"))
    assert life.profile["timers"][SLOT] == first
    assert not life.draft.timers
    life.wait(START + 2 * HOUR + 1)
    assert life.members() == {"c-active"}
    assert life.profile["timers"][SLOT][1] == START + 3 * HOUR + 1
    life.wait(START + 3 * HOUR + 1)
    assert life.members() == set()
    assert [one["type"] for one in life.told] == ["segment.entered", "segment.left"]


def test_an_earlier_moment_replaces_the_timer() -> None:
    life = Life(only(ALL[2], ALL[3]))
    life.happens(event(1, START, "web.page"))
    old = life.profile["timers"][SLOT][0]
    life.happens(event(2, START, "sms.received"))
    waiting = life.profile["timers"][SLOT]
    assert waiting[1] == START + 90 * MINUTE + 1
    assert life.draft.timers == {keys.timer("c1", SLOT, waiting[0]): waiting[1]}
    assert keys.timer("c1", SLOT, old) not in life.draft.timers


def test_a_timer_that_is_not_the_one_in_the_slot_asks_and_ends_nothing() -> None:
    life = Life(only(ALL[2]))
    life.happens(event(1, START, "web.page"))
    waiting = list(life.profile["timers"][SLOT])
    stray = due_event("c1", SLOT, "stray", "default")
    moment = datetime.fromtimestamp((START + HOUR) / 1000, UTC)
    life.happens(stray.model_copy(update={"time": moment, "receivedat": moment}))
    assert life.profile["timers"][SLOT] == waiting
    assert life.members() == {"c-active"}


def test_customers_are_asked_anew_when_other_segments_come_into_force() -> None:
    life = Life(only(ALL[2], ALL[3]))
    life.happens(event(1, START, "web.identify", traits={"tier": "gold"}))
    life.segments = only(ALL[2], ALL[4])
    life.profile["segments"]["d-mailed"] = START
    life.happens(event(2, START, "web.page"))
    assert life.members() == {"c-active", "d-mailed"}
    ask = anew("c1", life.segments.version, "default")
    moment = datetime.fromtimestamp((START + HOUR) / 1000, UTC)
    life.happens(ask.model_copy(update={"time": moment, "receivedat": moment}))
    assert life.members() == {"c-active", "e-gold"}
    assert life.profile["timers"][SLOT][1] == START + 2 * HOUR + 1
    assert ask.id == anew("c1", only(ALL[4], ALL[2]).version, "default").id
    assert ask.id != anew("c1", only(ALL[4]).version, "default").id != anew("c2", only(ALL[4]).version, "default").id


def test_an_event_of_last_year_makes_nobody_active_today() -> None:
    life = Life(only(ALL[2]))
    old = event(1, START, "web.page").model_copy(update={"time": datetime.fromtimestamp(START / 2000, UTC)})
    life.happens(old)
    assert life.members() == set()


def test_enter_and_leave_are_told_once_and_seen_in_the_timeline() -> None:
    life, again = Life(only(ALL[4])), Life(only(ALL[4]))
    gold, tin = (
        event(number, START + number, "web.identify", traits={"tier": t}) for number, t in [(1, "gold"), (2, "x")]
    )
    for one in (gold, tin):
        life.happens(one)
        again.happens(one)
    assert life.told == again.told
    entered, left = (Event.model_validate(one) for one in life.told)
    assert (entered.type, entered.subject, entered.data["name"]) == ("segment.entered", "customer:c1", "e-gold")
    assert (left.type, left.data["since"], left.data["cause"], left.ms) == ("segment.left", START + 1, "e2", START + 2)
    rows = [decode(row) for row in life.draft.rows]
    assert [(row["type"], row["text"], row["id"]) for row in rows] == [
        ("segment.entered", "e-gold", entered.id),
        ("segment.left", "e-gold", left.id),
    ]
    # They come back through the log, and are no deed of the customer's.
    events = life.profile["events"]
    back: Incoming = incoming(entered, 7)
    assert back.keys == ("customer:c1",)
    life.happens(entered)
    assert life.profile["events"] == events


@pytest.mark.parametrize("on", ["segment.entered/e-gold", {"type": "segment.entered", "name": "e-gold"}])
def test_a_rule_can_listen_to_who_enters(on: Any) -> None:
    send = {"channel": "email", "purpose": "service", "subject": "Gold", "text": "Hello"}
    condition = is_in("e-gold")
    engine = Engine([Rule.model_validate({"id": "r", "name": "r", "on": on, "if": condition, "send": send})])
    life = Life(only(ALL[4], ALL[6]))
    for number, traits in enumerate([{"language": "fa"}, {"tier": "gold"}]):
        life.happens(event(number, START, "web.identify", traits=traits))
    events = [Event.model_validate(one) for one in life.told]
    decided = [[one.outcome for one in engine.decide(each, each.ms, life.profile)] for each in events]
    assert [each.data["name"] for each in events] == ["g-persian", "e-gold"]
    assert decided == [[], ["fired"]]


def test_what_is_found_again_in_a_replay_is_not_told_again() -> None:
    life = Life(only(ALL[4]))
    life.happens(event(1, START, "web.identify", traits={"tier": "gold"}), replayed=True)
    assert (life.members(), life.told, life.draft.rows) == ({"e-gold"}, [], [])


def test_customers_that_become_one_are_asked_anew() -> None:
    one, other, whole = Life(), Life(), Life(Segments())
    views = [event(number, START, "web.track", name="Product Viewed", properties={}) for number in range(4)]
    gold = event(8, START, "web.identify", traits={"tier": "gold"})
    order = event(9, START + 5, "web.track", name="Order Completed", properties={"total": 6})
    for life, some in ((one, [gold, *views[:2]]), (other, [order, *views[2:]]), (whole, [gold, order, *views])):
        for each in some:
            life.happens(each)
    profile = whole.profile
    profile["segments"] = joined(one.profile["segments"], other.profile["segments"])
    assert profile["segments"]["c-active"] == START
    regrouped(SEGMENTS, whole.draft, incoming(order, 20))
    told = [orjson.loads(body)["data"]["name"] for body in whole.draft.outbox.values()]
    assert {"j-both", "m-viewer"} <= set(told)
    assert whole.members() == naive(profile, START + 5)
    assert profile["timers"][SLOT][1] == START + 5 + 2 * HOUR + 1


def test_memberships_of_what_is_declared_no_more_end_without_a_word() -> None:
    profile = empty("c1")
    profile["segments"] = {"old": 1, "c-active": 2}
    change = SEGMENTS.ask_all(profile, START)
    assert (change.gone, change.left) == (("old",), ("c-active",))
    assert profile["segments"] == {"old": 1, "c-active": 2}


def test_settling_leaves_the_next_timer_alone() -> None:
    life = Life(only(ALL[2]))
    life.happens(event(1, START, "web.page"))
    name = life.profile["timers"][SLOT][0]
    settle(life.draft, incoming(due_event("c1", SLOT, "other", "default"), 9))
    assert life.profile["timers"][SLOT][0] == name


def test_what_is_written_beside_a_document() -> None:
    assert written("c1", ["a", "b"], ["b", "d", "c"]) == {
        "entered": [0, "c\x00c1", 0, "d\x00c1"],
        "left": ["a\x00c1"],
    }
    assert written("c1", ["a"], ["a"]) == {}
    assert ORDER in INDEX
