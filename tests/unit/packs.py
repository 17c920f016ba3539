"""One customer whose events are really folded and decided, and whose waits come due by a clock that is ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.computed import Lookup, nothing
from hub.event import Event, make
from hub.identity import Identity
from hub.profile import Profile, Told, blank
from profile_store.draft import Draft
from rules.before import Before
from rules.decision import Decision
from rules.engine import Engine
from rules.model import Rule
from rules.spans import parse
from streams.decide import again, decide
from streams.fold import PLAIN, Folding
from streams.timers import due_event
from tests.unit.memory import incoming

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SARA: Identity = {"type": "user_id", "value": "sara", "verified": True}
MAIL: Identity = {"type": "email", "value": "sara@example.org", "verified": True}
PHONE: Identity = {"type": "phone", "value": "+989120000000", "verified": True}


class Heard(Engine):
    """Rules of which everything they decide is written down."""

    def __init__(self, rules: Sequence[Rule], **options: Any) -> None:
        super().__init__(rules, **options)
        self.decided: list[Decision] = []

    def decide(self, event: Event, ms: int, profile: Profile, before: Before | None = None) -> Sequence[Decision]:
        found = super().decide(event, ms, profile, before)
        self.decided += found
        return found


class Life:
    """What happens to a customer, in the order it is told, and what the hub says to it."""

    def __init__(
        self,
        *rules: Rule,
        folding: Folding = PLAIN,
        computed: Lookup = nothing,
        start: datetime = START,
        **options: Any,
    ) -> None:
        self.engine = Heard(rules, computed=computed, **options)
        self.folding = folding
        self.now = start
        self.draft = Draft(blank("c1", "user_id:sara"))
        self.offset = 0
        self.due: list[Event] = []
        """The timers that came due."""

    @property
    def profile(self) -> Profile:
        return self.draft.profile

    def knows(self, **traits: Any) -> Life:
        """The customer tells who they are, and agrees to be written to."""
        self.happens("web.identify", who=(SARA, MAIL, PHONE), traits={"first_name": "Sara", **traits})
        self.happens("consent.given", consent={"channel": "any", "purpose": "marketing", "given": True})
        return self

    def happens(self, kind: str, name: str = "", *, who: Sequence[Identity] = (SARA,), **data: Any) -> list[Decision]:
        """Something happens now."""
        if name:
            data["name"] = name
        at = data.pop("at", self.now)
        id = data.pop("id", f"e{self.offset}")
        return self.apply(make(kind, id=id, source="/test", identities=list(who), received=self.now, time=at, **data))

    def tracked(self, name: str, /, **properties: Any) -> list[Decision]:
        """Something happens on the site."""
        return self.happens("web.track", name, properties=properties)

    def apply(self, event: Event, *, repeated: bool = False) -> list[Decision]:
        """Fold an event and do what the rules say, as the pipeline does."""
        one = incoming(event, self.offset)
        self.offset += 1
        if repeated:
            again(self.engine, self.draft, one)
            return []
        names = {*self.draft.document["nodes"], *(key for key in one.keys if not key.startswith("customer:"))}
        self.draft.document["nodes"] = sorted(names)

        def change(told: Told) -> None:
            self.folding.fold(told, event, one.keys, one.ms, one.ref)

        noted = self.engine.before(event, one.ms, self.profile)
        self.draft.fold(one.keys[0], change)
        before = len(self.engine.decided)
        decide(self.engine, self.draft, one, noted)
        return self.engine.decided[before:]

    def passes(self, span: str) -> list[Decision]:
        """Let time go by; what waits comes due at its moment."""
        return self.until(self.now + timedelta(milliseconds=parse(span)))

    def until(self, moment: datetime) -> list[Decision]:
        """Let time go by up to a moment."""
        before = len(self.engine.decided)
        while waits := [(one[1], slot, one[0]) for slot, one in self.profile["timers"].items()]:
            due, slot, name = min(waits)
            if due > moment.timestamp() * 1000:
                break
            self.now = max(self.now, datetime.fromtimestamp(due / 1000, UTC))
            event = due_event("c1", slot, name, "default")
            event = event.model_copy(update={"time": self.now, "receivedat": self.now})
            self.due.append(event)
            self.apply(event)
        self.now = moment
        return self.engine.decided[before:]

    @property
    def waits(self) -> dict[str, datetime]:
        """What is waited for: rule → the moment."""
        timers = self.profile["timers"].values()
        return {one[2]: datetime.fromtimestamp(one[1] / 1000, UTC) for one in timers}

    @property
    def said(self) -> list[str]:
        """The rules that spoke."""
        return [one.rule for one in self.engine.decided if one.outcome == "fired"]

    @property
    def texts(self) -> list[str]:
        """What they said."""
        return [one.text for one in self.engine.decided if one.outcome == "fired"]


def made(id: str = "r", **parts: Any) -> Rule:
    """A rule that says hello by text message."""
    send = {"channel": "sms", "purpose": "service", "text": "Hello"}
    return Rule.model_validate({"id": id, "name": id, "on": "web.identify", "send": send, **parts})
