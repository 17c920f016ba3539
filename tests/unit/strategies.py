"""Events as hypothesis makes them up: few people, few moments, many ties, and values of every shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import strategies as st

from hub.event import Event, rfc3339
from hub.identity import Identity

PEOPLE = [("email", f"p{number}@example.org") for number in range(3)] + [
    ("user_id", f"u{number}") for number in range(3)
]
KINDS = (
    *("web.page", "web.track", "web.identify", "email.received", "email.sent", "email.bounced", "sms.received"),
    *("phone.ringing", "phone.ended", "consent.given", "consent.withdrawn", "survey.answered", "rule.fired"),
)
TRACKS = ("Order Completed", "Product Added", "Product Viewed", "Other")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["a" * 999, "b" * 1001, "س" * 501]),
)
values = st.one_of(
    scalars, st.lists(scalars, max_size=2), st.dictionaries(st.text(alphabet="xy", max_size=2), scalars, max_size=2)
)
tables = st.dictionaries(st.sampled_from(["name", "tier", "city", "n" * 101, "n" * 102]), values, max_size=3)


@st.composite
def identities(draw: st.DrawFn, most: int = 3) -> list[Identity]:
    """Whom an event is about."""
    chosen = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=most, unique=True))
    return [{"type": kind, "value": value, "verified": draw(st.booleans())} for kind, value in chosen]


@st.composite
def data(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """What an event of a kind says."""
    said: dict[str, Any] = {}
    if kind == "web.track":
        said["name"] = draw(st.sampled_from(TRACKS))
    if kind == "web.identify":
        said["traits"] = draw(tables)
    if kind == "survey.answered":
        said["facts"] = draw(tables)
    if kind.startswith("phone."):
        said["call"] = {"id": draw(st.sampled_from("ab")), "state": kind.partition(".")[2], "digits": draw(scalars)}
    if kind.startswith("consent."):
        said["consent"] = {"channel": draw(st.sampled_from(["email", "sms"])), "given": kind == "consent.given"}
    if draw(st.booleans()):
        said["text"] = draw(st.text(max_size=100))
    if draw(st.booleans()):
        said["language"] = draw(st.sampled_from(["en", "fa"]))
    return said


@st.composite
def events(draw: st.DrawFn, most: int = 12, people: int = 3) -> list[Event]:
    """A few events, each with its own id, as they come out of the log."""
    found = []
    for number in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(KINDS))
        who = draw(identities(people))
        moment = datetime.fromtimestamp(draw(st.integers(0, 4)) * 60, UTC)
        fields = {
            "id": f"e{number}",
            "source": draw(st.sampled_from(["/a", "/b"])),
            "type": kind,
            "time": rfc3339(moment),
            "subject": f"{who[0]['type']}:{who[0]['value']}",
            "receivedat": rfc3339(moment),
        }
        found.append(_event(fields, {"identities": who, **draw(data(kind))}))
    return found


def _event(fields: dict[str, Any], data: dict[str, Any]) -> Event:
    read = Event.from_json(orjson.dumps({**fields, "data": {}}))
    return read.model_copy(update={"data": data})
