"""Regular expressions that take time linear in the text, whatever their author and its writer had in mind (RE2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import re2

LONGEST: Final = 200
"""Characters of a pattern."""
BUDGET: Final = 256 * 1024
"""Bytes that one pattern may take, its states while it searches included."""
SEARCHED: Final = 10_000
"""Characters of a text that are looked at."""


@lru_cache(maxsize=4096)
def search(pattern: str, ignore_case: bool = False) -> Callable[[str], bool]:
    """What says whether a text has a part that the pattern describes. Raises ValueError with RE2's reason."""
    options = re2.Options()
    options.max_mem = BUDGET
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = not ignore_case
    try:
        # As bytes, since a text of the outside may hold what UTF-8 cannot say.
        found = re2.compile(pattern.encode(), options).search
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(_reason(error)) from None
    return lambda text: found(text[:SEARCHED].encode("utf-8", "replace")) is not None


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "half of a character is no pattern"
    told = error.args[0] if error.args else ""
    reason = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    if reason.startswith("pattern too large"):
        return f"this pattern would take more than {BUDGET // 1024} kB: repeat less, or smaller classes"
    hint = (
        "; there is no looking around and no reference back"
        if reason.startswith(("invalid perl", "invalid esc"))
        else ""
    )
    return f"this is no pattern of RE2: {reason}{hint}"
