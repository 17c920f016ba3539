"""A stored document: packed or plain, it is read as it was written, behind a version that anybody can read."""

from __future__ import annotations

from typing import Any, cast

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.profile import Document, Part, blank, part
from profile_store.document import ABSENT, COUNT, PACKED, VERSION, packed, profile_of, unpacked, version

SOME = settings(deadline=None, max_examples=100, print_blob=True)
registers = st.dictionaries(
    st.text(max_size=20), st.tuples(st.text(max_size=80), st.integers(1, 2**42)).map(list), min_size=1, max_size=30
)


def document(identity: str, traits: dict[str, Any], events: int) -> Document:
    """A customer with one part."""
    found = blank("c1", identity)
    found["parts"][identity] = cast(Part, {**part(), "traits": traits, "events": events})
    return found


@SOME
@given(st.text(min_size=1, max_size=200), registers, st.integers(1, 2**40))
def test_a_document_is_read_as_it_was_written(identity: str, traits: dict[str, Any], events: int) -> None:
    one = document(identity, traits, events)
    stored = packed(ABSENT, one)
    assert unpacked(stored) == one
    again = packed(version(stored), unpacked(stored))
    assert int(again[:COUNT]) == int(stored[:COUNT]) + 1 == 2
    assert again[VERSION:] == stored[VERSION:], "the same document is the same bytes"


def test_a_usual_document_takes_less_than_half() -> None:
    counts = {f"web.track/Product {what}": number for number, what in enumerate(("Viewed", "Added", "Removed"), 1)}
    one = document("user_id:anna", {"name": ["Anna", 1_790_000_000_000, "0123456789", "web.identify"]}, 6)
    told = one["parts"]["user_id:anna"]
    told["counts"] = counts
    told["latest"] = {
        name: ["", 1_790_000_000_000 + number, "0123456789", "web.track"] for name, number in counts.items()
    }
    stored = packed(ABSENT, one)
    assert stored[VERSION : VERSION + 1] == PACKED
    assert len(stored) * 2 < len(orjson.dumps(one))


def test_what_packing_does_not_shorten_is_stored_plain() -> None:
    slim = {"id": "q", "nodes": ["é~"]}
    stored = b"000000010000" + orjson.dumps(slim)
    assert unpacked(stored) == blank("q", "é~")
    assert profile_of(stored)["identities"] == {"é~": {"verified": False, "first": 0, "last": 0}}
    shortest = packed(ABSENT, blank("q", "é~"))
    assert len(shortest) <= len(stored)
    assert unpacked(shortest) == blank("q", "é~")
