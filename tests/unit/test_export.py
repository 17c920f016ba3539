"""What went in comes out: an export holds every event of a customer as it came, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from hypothesis import given, settings

from desk.history import History
from desk.kinship import stored
from desk.ports import Page, Whose
from hub.event import Event
from hub.kinds import OPEN
from profile_store.document import alias, unpacked, view
from streams.pipeline import Pipeline
from tests.unit.memory import Memory, incoming, quiet
from tests.unit.strategies import events
from tests.unit.test_arrange import never


class Kept:
    """A log that looks at the same as Kafka's: a record's key first, then whose the event is; a page has two."""

    def __init__(self, told: list[Event]) -> None:
        self.told = told

    async def before(
        self, wanted: Whose, until: int | None, position: str, limit: int, *, want: Callable[[Event], bool]
    ) -> Page:
        end = int(position or len(self.told))
        some = range(end - 1, max(-1, end - 3), -1)
        found = [self.told[one] for one in some if self._theirs(self.told[one], wanted) and want(self.told[one])]
        return Page(found, str(end - 2) if end > 2 else "", 0)

    def _theirs(self, event: Event, wanted: Whose) -> bool:
        return event.subject in wanted.keys and incoming(event, 0, policy=OPEN).keys[0] in wanted.owners


@settings(deadline=None, max_examples=40, print_blob=True)
@given(events(12))
async def test_an_export_holds_all_that_went_in(told: list[Event]) -> None:
    store = Memory()
    batch = [incoming(one, number) for number, one in enumerate(told)]
    await Pipeline(store, quiet, never, OPEN).run(batch, [])  # type: ignore[arg-type]
    held = [unpacked(raw) for raw in store.held().values() if alias(raw) is None]
    found: list[Event] = []
    for document in held:
        profile = view(document)
        theirs = [one async for one in History(None, Kept(told)).events(profile)]  # type: ignore[arg-type]
        head = orjson.loads(orjson.dumps(stored(document)))
        names = {f"{one['type']}:{one['value']}" for event in theirs for one in event.identities}
        assert names <= head["profile"]["mentions"].keys()
        found += theirs
    assert sorted(one.to_json() for one in found) == sorted(one.to_json() for one in told)
