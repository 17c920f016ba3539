"""One process's share of a rebuild: some of the partitions. A file of its own: the process loads no more than this."""

from __future__ import annotations

import asyncio

from hub.settings import Settings
from hub.tuning import calm_collector
from profile_store.connect import connect_server
from profile_store.generations import Generations
from profile_store.keys import Keys
from profile_store.ledger import Ledger
from streams.rebuild import Rebuild
from streams.topic import Described


def bulk(settings: Settings, at: Keys, described: Described) -> int:
    """Bring these partitions of a generation up to where the workers are; how many events were read."""

    async def work() -> int:
        client = connect_server(settings)
        try:
            ledger, generations = Ledger(client, settings.group), Generations(client, settings.group)
            return await Rebuild(settings, ledger, generations, described).bulk(at)
        finally:
            await client.aclose()

    calm_collector()
    return asyncio.run(work())
