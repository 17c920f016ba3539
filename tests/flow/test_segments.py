"""Members of segments in a real Redis: written with the document, counted, and read page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from hub.errors import Rejected
from hub.profile import blank
from profile_store import keys
from profile_store.connect import functions
from profile_store.document import ABSENT, packed
from profile_store.draft import Draft
from profile_store.ledger import Ledger
from profile_store.segments import Members, written
from tests.servers import RedisServer


@dataclass
class Change:
    """What a customer's change writes, as far as segments go."""

    customer: str
    before: set[str]
    now: set[str]
    version: str = ABSENT

    def members(self, at: keys.Keys = keys.FIRST) -> list[tuple[str, str, dict[str, Any]]]:
        document = packed(self.version, blank(self.customer, "user_id:u"))
        lists = written(self.customer, self.before, self.now)
        return [(keys.profile(self.customer), self.version, {"document": document, **lists})]


async def test_members_are_written_counted_and_paged(redis_server: RedisServer) -> None:
    client: Redis = Redis.from_url(redis_server.url, protocol=3)
    try:
        await client.function_load(functions(), replace=True)
        ledger, members = Ledger(client, uuid4().hex), Members(client)
        run = uuid4().hex[:8]
        vip, vips = f"vip-{run}", f"vip-{run}-2"
        customers = [f"c{run}{number}" for number in range(150)]
        changes = [Change(one, set(), {vip, vips} if number % 3 else {vips}) for number, one in enumerate(customers)]
        assert await ledger.commit(cast(list[Draft], changes), []) == []
        assert (await members.count(vip), await members.count(vips), await members.count("nobody")) == (100, 150, 0)

        found: list[str] = []
        cursor, pages = "", 0
        while pages == 0 or cursor:
            page, cursor = await members.members(vip, cursor, 7)
            found, pages = found + page, pages + 1
            assert len(page) == 7 or not cursor
        assert sorted(found) == sorted(one for number, one in enumerate(customers) if number % 3)
        assert len(found) == len(set(found))

        # A change that is refused, since somebody else was faster, moves nobody.
        assert await ledger.commit(cast(list[Draft], [Change(customers[1], {vip, vips}, set())]), []) == [0]
        assert await members.count(vip) == 100
        stored = cast(bytes, await client.get(keys.profile(customers[1])))[:12].decode()
        left = Change(customers[1], {vip, vips}, {vips}, stored)
        assert await ledger.commit(cast(list[Draft], [left]), []) == []
        assert (await members.count(vip), await members.count(vips)) == (99, 150)

        assert await members.drop(vips) == 150
        assert (await members.members(vips), await members.count(vip)) == (([], ""), 99)
        for cursor in ("x", "1", "-1:c", ":c", "²:c"):
            with pytest.raises(Rejected):
                await members.members(vip, cursor)
        assert await members.members(vip, "99:c") == ([], "")
    finally:
        await client.aclose()
