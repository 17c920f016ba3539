"""How large a test is: one combination of runner and server in CI, all of them in the full tier."""

from __future__ import annotations

from typing import Any, Final, get_args

import pytest

from hub.settings import Settings
from tests.servers import Flavour

RUNNERS: Final = get_args(Settings.model_fields["runner"].annotation)
SERVERS: Final = [one for one in get_args(Flavour) if one]


def sizes(ci: Any, full: Any, *, runner: str) -> list[Any]:
    """Parameters `size`, `runner`, `flavour`: in CI this runner on the server at hand, in full all four pairs.

    A server that is not installed fails its tests of the full tier: they are what says that it works.
    """
    pairs = [(one, server) for one in RUNNERS for server in SERVERS]
    return [
        pytest.param(ci, runner, "", id="ci"),
        *(pytest.param(full, *pair, id=f"full-{'-'.join(pair)}", marks=pytest.mark.full) for pair in pairs),
    ]
