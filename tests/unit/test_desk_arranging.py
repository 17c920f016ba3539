"""The API of belonging together: why, previews, requests, export, and timelines that go back into the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.event import Event, make
from hub.identity import Identity
from hub.profile import part
from tests.browser.fakes import HOUR, now_ms
from tests.browser.kit import Kit, kit

SARA = "/api/v1/customers/csara"
NOW = datetime.now(UTC)


def who(name: str) -> Identity:
    kind, _, value = name.partition(":")
    return {"type": kind, "value": value, "verified": True}


async def test_why_names_event_rule_and_limit() -> None:
    async with kit() as desk:
        cause = make("web.identify", id="e1", source="/web", identities=[who("email:sara@example.com")], received=NOW)
        desk.log.events.append(cause)
        desk.store.profiles["csara"]["links"]["email:sara@example.com\nuser_id:u-4711"][2] = cause.ref
        body = (await desk.ask("GET", f"{SARA}/why")).json()
        ties = {tie["one"]: tie for tie in body["links"]}
        tie = ties["email:sara@example.com"]
        assert (tie["state"], tie["rule"], tie["other"]) == ("joined", "together", "user_id:u-4711")
        assert tie["event"] == {**tie["event"], "ref": cause.ref, "id": "e1", "type": "web.identify", "source": "/web"}
        assert tie["event"]["time"].endswith("Z")
        refused = {no["identity"]: no for no in body["refusals"]}
        assert (refused["user_id:u-9"]["code"], refused["user_id:u-9"]["limit"]) == ("limit", 1)
        assert refused["email:info@example.com"]["code"] == "shared"
        (suggestion,) = body["suggestions"]
        assert (suggestion["identity"], suggestion["customer"]["name"]) == ("email:lena@example.com", "Lena Vogt")
        quick = (await desk.ask("GET", f"{SARA}/why?events=false")).json()
        assert "id" not in {tie["one"]: tie for tie in quick["links"]}["email:sara@example.com"]["event"]


async def test_whose_identity_was_named_for_somebody_else_hears_of_it() -> None:
    async with kit() as desk:
        cause = make("web.identify", id="e2", source="/web", identities=[who("user_id:u-4711")], received=NOW)
        desk.log.events.append(cause)
        desk.store.profiles["csara"]["refused"]["email:lena@example.com"][2] = cause.ref
        body = (await desk.ask("GET", "/api/v1/customers/clena/why")).json()
        (claim,) = body["claims"]
        assert (claim["identity"], claim["code"], claim["customer"]["id"]) == (
            "email:lena@example.com",
            "claimed",
            "csara",
        )
        assert (claim["event"]["id"], claim["event"]["source"]) == ("e2", "/web")
        (suggestion,) = body["suggestions"]
        assert suggestion["customer"]["id"] == "csara"
        desk.store.profiles["csara"]["refused"]["phone:+989121234567"] = ["limit:phone", now_ms(), "r9"]
        (limit,) = (await desk.ask("GET", "/api/v1/customers/creza/why")).json()["claims"]
        assert (limit["code"], limit["limit"], limit["customer"]["name"]) == ("limit", 5, "Sara Mohammadi")
        exported = (await desk.ask("GET", "/api/v1/customers/creza/export")).json()
        assert "claims" not in exported, "whoever asks for their own data is not given another's"


async def test_preview_of_a_merge_changes_nothing() -> None:
    async with kit() as desk:
        desk.store.profiles["clena"]["identities"]["user_id:u-5"] = {"verified": True, "first": 1, "last": now_ms()}
        for other in ("clena", "email:lena@example.com", "customer:clena"):
            body = (await desk.ask("GET", f"{SARA}/merge?with={other}")).json()
            assert body["keeps"] == "csara"
            assert body["together"]["events"] == body["ours"]["events"] + body["theirs"]["events"]
            assert set(body["together"]["identities"]) == {*body["ours"]["identities"], *body["theirs"]["identities"]}
            assert [one["name"] for one in body["conflicts"]] == ["name"]
            (limit,) = body["limits"]
            assert limit == {"code": "limit", "type": "user_id", "limit": 1, "forced": True, "values": limit["values"]}
            assert limit["values"] == ["user_id:u-4711", "user_id:u-5"]
            assert body["possible"] is True
        assert desk.bus.sent == []


async def test_too_many_identities_stop_everybody() -> None:
    async with kit() as desk:
        for number in range(60):
            name = f"anonymous_id:{number}"
            desk.store.profiles["clena"]["identities"][name] = {"verified": False, "first": 1, "last": 1}
        body = (await desk.ask("GET", f"{SARA}/merge?with=clena", "admin")).json()
        assert body["possible"] is False
        assert {one["code"] for one in body["limits"]} == {"size", "limit"}


async def test_merge_is_asked_for_once() -> None:
    async with kit() as desk:
        for _ in range(2):
            answer = await desk.ask(
                "POST", f"{SARA}/merge", json={"with": "phone:+98 912 123 4567"}, headers={"Idempotency-Key": "k"}
            )
            assert answer.status_code == 202
        (topic, key, raw), (_, _, again) = desk.bus.sent
        event = Event.from_json(raw)
        assert (topic, key, event.type) == ("hub.interactions", "customer:csara", "agent.merge")
        assert event.source == "/desk/agents/Mina"
        assert [(one["type"], one["value"]) for one in event.identities] == [
            ("customer", "csara"),
            ("customer", "creza"),
        ]
        assert event.data["merge"] == {"force": False}
        assert answer.json() == {**answer.json(), "id": event.id, "ref": event.ref, "with": "creza"}
        assert Event.from_json(again).id == event.id


async def test_force_is_for_supervisors() -> None:
    async with kit() as desk:
        body = {"with": "clena", "force": True}
        assert (await desk.ask("POST", f"{SARA}/merge", json=body)).status_code == 403
        assert desk.bus.sent == []
        assert (await desk.ask("POST", f"{SARA}/merge", "supervisor", json=body)).status_code == 202
        assert (await desk.ask("POST", f"{SARA}/merge", "admin", json=body)).status_code == 202
        assert [Event.from_json(raw).data["merge"]["force"] for _, _, raw in desk.bus.sent] == [True, True]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "merge", {}, 422, "with"),
        ("POST", "merge", {"with": ""}, 422, "with"),
        ("POST", "merge", {"with": "nobody"}, 422, "with"),
        ("POST", "merge", {"with": "phone:none"}, 422, "with"),
        ("POST", "merge", {"with": "csara"}, 409, "with"),
        ("POST", "merge", {"with": "email:sara@example.com"}, 409, "with"),
        ("GET", "merge", None, 422, "with"),
        ("GET", "merge?with=nobody", None, 422, "with"),
        ("GET", "merge?with=%00", None, 422, "with"),
        ("POST", "unmerge", {}, 422, "identities"),
        ("POST", "unmerge", {"identities": []}, 422, "identities"),
        ("POST", "unmerge", {"identities": ["phone:+49111"]}, 422, "identities"),
        ("GET", "unmerge?identities=phone:%2B49111", None, 422, "identities"),
        ("GET", "timeline?after=yesterday", None, 422, "after"),
        ("GET", "timeline?before=%00", None, 422, "before"),
        ("GET", "timeline?before=log.x", None, 422, "before"),
    ],
)
async def test_problems_name_the_field(method: str, path: str, body: Any, status: int, field: str) -> None:
    async with kit() as desk:
        answer = await desk.ask(method, f"{SARA}/{path}", json=body)
        assert (answer.status_code, answer.json()["field"]) == (status, field)
        assert desk.bus.sent == []


async def test_all_identities_cannot_be_taken_out() -> None:
    async with kit() as desk:
        names = list(desk.store.profiles["csara"]["identities"])
        answer = await desk.ask("POST", f"{SARA}/unmerge", json={"identities": names})
        assert (answer.status_code, answer.json()["field"]) == (409, "identities")
        alone = await desk.ask("GET", "/api/v1/customers/clena/unmerge?identities=email:lena@example.com")
        assert alone.status_code == 409


async def test_unmerge_with_a_preview_of_both_sides() -> None:
    async with kit() as desk:
        document = (await desk.store.document("csara") or (0, None))[1]
        assert document is not None
        document["parts"]["user_id:u-4711"] = {**part(), "events": 30, "first": 5, "last": 9}
        document["parts"]["anonymous_id:b7f3"] = {**part(), "events": 10, "first": 7, "last": 8}
        desk.store.documents["csara"] = document
        items = (await desk.ask("GET", f"{SARA}/unmerge?identities=anonymous_id:b7f3")).json()["items"]
        assert [(one["events"], len(one["identities"])) for one in items] == [(30, 4), (10, 1)]
        middle = (await desk.ask("GET", f"{SARA}/unmerge?identities=user_id:u-4711")).json()["items"]
        assert len(middle) == 5, "what held the others together takes their links with it"
        body = {"identities": ["anonymous_id:b7f3", "anonymous_id:b7f3"]}
        answer = await desk.ask("POST", f"{SARA}/unmerge", json=body, headers={"Idempotency-Key": "k"})
        event = Event.from_json(desk.bus.sent[0][2])
        assert (answer.status_code, answer.json()["ref"]) == (202, event.ref)
        assert (event.type, event.subject) == ("agent.unmerge", "customer:csara")
        assert event.data["unmerge"] == {"identities": ["anonymous_id:b7f3"]}


async def test_outcome_in_words() -> None:
    async with kit() as desk:
        path = "/customers/csara/outcome?ref=abc"
        assert (await desk.ask("GET", path)).status_code == 204
        desk.store.profiles["csara"]["refused"]["user_id:u-10"] = ["limit:user_id", now_ms(), "abc"]
        assert "a customer has at most 1 of this kind" in (await desk.ask("GET", path)).text


def _old(desk: Kit, count: int) -> None:
    """Rows of Sara's that the store has no more."""
    desk.store.trimmed["csara"] = now_ms()
    for number in range(count):
        name = "phone:+4917012345678" if number % 3 else "phone:+49111"
        then = NOW - timedelta(days=500) + timedelta(hours=number)
        kind = "sms.received" if number % 2 else "web.page"
        desk.log.events.append(
            make(kind, id=f"o{number}", source="/test", identities=[who(name)], received=then, text=f"سلام ۴۷{number}")
        )


async def test_older_pages_come_from_the_log() -> None:
    async with kit() as desk:
        _old(desk, 300)
        desk.log.events.append(
            make("sms.received", id="r03", source="/t", identities=[who("phone:+4917012345678")], received=NOW)
        )
        found: list[str] = []
        before = ""
        reached: list[str] = []
        for _ in range(60):
            body = (await desk.ask("GET", f"{SARA}/timeline?limit=20{before}")).json()
            found += [one["id"] for one in body["items"]]
            reached += [body["reached"]] if "reached" in body else []
            if body["next"] is None:
                break
            before = f"&before={body['next']}"
        assert sorted(found[:22]) == [f"r{number:02d}" for number in range(1, 23)]
        assert found[22:] == [f"o{number}" for number in reversed(range(300)) if number % 3]
        assert reached == sorted(reached, reverse=True)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("type=sms", {"r05", "r06", "r14", "r15"}),
        ("type=sms.received&type=email.received", {"r12", "r14"}),
        ("channel=sms", {"r05", "r06", "r07", "r14", "r15", "r16"}),
        ("channel=phone", {"r01", "r02", "r21"}),
        ("q=PARCEL", {"r05", "r06", "r07", "r12"}),
        ("q=88412207", {"r01"}),
        ("q=۸۸۴۱", {"r01"}),
    ],
)
async def test_filters(query: str, wanted: set[str]) -> None:
    async with kit() as desk:
        body = (await desk.ask("GET", f"{SARA}/timeline?{query}")).json()
        found = {one["id"] for one in body["items"]}
        assert found == wanted
        first = (await desk.ask("GET", f"{SARA}/timeline?{query}&limit=1")).json()
        if len(found) > 1:
            second = (await desk.ask("GET", f"{SARA}/timeline?{query}&limit=100&before={first['next']}")).json()
            assert {first["items"][0]["id"], *(one["id"] for one in second["items"])} == found


async def test_filters_hold_in_the_log_too() -> None:
    async with kit() as desk:
        _old(desk, 90)
        found: list[str] = []
        before = ""
        since = (NOW - timedelta(days=500) + timedelta(hours=50)).isoformat()
        for _ in range(20):
            body = (await desk.ask("GET", f"{SARA}/timeline?q=سلام 47&type=sms&after={since}{before}")).json()
            found += [one["id"] for one in body["items"]]
            if body["next"] is None:
                break
            before = f"&before={body['next']}"
        assert found == [f"o{number}" for number in reversed(range(51, 90)) if number % 3 and number % 2]


async def test_after_leaves_out_what_is_older() -> None:
    async with kit() as desk:
        since = datetime.fromtimestamp((now_ms() - 2 * HOUR) / 1000, UTC).isoformat()
        body = (await desk.ask("GET", f"{SARA}/timeline?after={since}&limit=200")).json()
        assert [one["id"] for one in body["items"]] == [f"r{number:02d}" for number in range(1, 11)]


async def test_until_leaves_out_what_is_newer() -> None:
    async with kit() as desk:
        moments = [
            datetime.fromtimestamp((now_ms() - ago) / 1000, UTC).isoformat() for ago in (4 * 24 * HOUR, 6 * HOUR)
        ]
        body = (await desk.ask("GET", f"{SARA}/timeline?after={moments[0]}&until={moments[1]}")).json()
        assert {one["id"] for one in body["items"]} == {"r12", "r13", "r14", "r15", "r16"}
        assert (await desk.ask("GET", f"{SARA}/timeline?until=soon")).status_code == 422


async def test_export_holds_everything() -> None:
    async with kit() as desk:
        _old(desk, 30)
        answer = await desk.ask("GET", f"{SARA}/export")
        assert answer.headers["content-disposition"] == 'attachment; filename="csara.json"'
        body = answer.json()
        assert body["profile"]["id"] == "csara"
        assert len(body["timeline"]) == 22 + 20
        assert {"links", "refusals", "parts", "why"} <= body.keys()
        assert body["refusals"][0]["identity"] == "email:lena@example.com"
        empty = (await desk.ask("GET", "/api/v1/customers/clena/export")).json()
        assert empty["timeline"] == empty["events"] == []


async def test_export_holds_every_event_as_it_came_in() -> None:
    """A text longer than a line of the timeline, a trait that is too large for a profile, a context: all of it."""
    async with kit() as desk:
        said: dict[str, Any] = {
            "text": "x" * 5_000,
            "traits": {"large": "y" * 3_000},
            "context": {"page": {"path": "/"}},
        }
        sara = [who("email:sara@example.com")]
        desk.log.events += [
            make("email.received", id=f"long{number}", source="/mail", identities=sara, received=NOW, **said)
            for number in range(3)
        ]
        body = (await desk.ask("GET", f"{SARA}/export")).json()
        found = {one["id"]: one["data"] for one in body["events"]}
        for number in range(3):
            assert said.items() <= found[f"long{number}"].items()
            assert found[f"long{number}"]["identities"] == sara
        assert {one["table"] for one in body["left_out"]} >= {"timeline", "traits, facts"}


async def test_facets_in_the_customer() -> None:
    async with kit() as desk:
        body = (await desk.ask("GET", SARA)).json()
        assert body["matters"][0]["promised"]["until"].endswith("Z")
        assert body["mood"]["last"] == -0.72
        assert body["satisfaction"]["nps"]["last"] == 6
        assert body["location"]["accuracy"] == 30
        assert body["devices"][0]["model"] == "Pixel 9"
        plain = (await desk.ask("GET", "/api/v1/customers/clena")).json()
        assert not {"matters", "mood", "satisfaction", "location", "devices"} & plain.keys()
