"""A rebuild takes much at once and writes it in short steps."""

from __future__ import annotations

from typing import Any

import pytest

from streams.rebuild import WRITTEN, steps


@pytest.mark.parametrize("count", [0, 1, WRITTEN, WRITTEN + 1, 5 * WRITTEN + 7])
def test_the_steps_are_all_of_it_in_order(count: int) -> None:
    batch: Any = list(range(count))
    found = steps(batch)
    assert [one for step in found for one in step] == batch
    assert found
    assert max(map(len, found)) <= WRITTEN
