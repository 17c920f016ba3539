"""The desk's API: what it answers, and how it says no."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from hub.errors import Transient
from hub.event import Event
from hub.trigger import Trigger
from profile_store.facets import matters
from profile_store.insight import mood
from tests.browser.fakes import HOUR, now_ms, row
from tests.browser.kit import kit


async def test_customer_by_identifier() -> None:
    async with kit() as desk:
        for text in (
            "phone:+4917012345678",
            "phone:%2B49 170 12345678",
            "phone: 4917012345678",
            "email:Sara@Example.com",
        ):
            answer = await desk.ask("GET", f"/api/v1/customers?identifier={text}")
            assert [one["id"] for one in answer.json()["items"]] == ["csara"], text
        answer = await desk.ask("GET", "/api/v1/customers?identifier=phone:%2B4930111111")
        assert answer.json() == {"items": [], "next": None}


async def test_customer_as_json() -> None:
    async with kit() as desk:
        body = (await desk.ask("GET", "/api/v1/customers/csara")).json()
        assert body["name"] == "Sara Mohammadi"
        assert body["verification"] == "verified"
        assert body["stage"] == "after"
        assert body["facts"]["account_number"]["value"] == "88412207"
        assert body["facts"]["account_number"]["source"] == "phone.input"
        assert body["facts"]["account_number"]["time"].endswith("Z")
        assert body["traits"]["tier"]["value"] == "gold"
        assert body["consent"]["email/marketing"]["given"] is False
        assert body["call"]["digits"] == "88412207"
        assert body["identities"][0] == {**body["identities"][0], "type": "user_id", "verified": True}
        assert "fences" not in body


async def test_search_and_timeline_pages() -> None:
    async with kit() as desk:
        found = (await desk.ask("GET", "/api/v1/customers?q=sara")).json()["items"]
        assert [one["name"] for one in found] == ["Sara Mohammadi"]
        first = (await desk.ask("GET", "/api/v1/customers/csara/timeline?limit=10")).json()
        second = (await desk.ask("GET", f"/api/v1/customers/csara/timeline?limit=100&before={first['next']}")).json()
        assert len(first["items"]) == 10
        assert second["next"] is None
        assert first["items"][0] == {**first["items"][0], "id": "r01", "channel": "phone"}
        ids = [one["id"] for one in first["items"] + second["items"]]
        assert len(set(ids)) == len(ids) == 22


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/v1/customers", 422, "identifier"),
        ("/api/v1/customers?identifier=phone:none", 422, "identifier"),
        ("/api/v1/customers?identifier=noidentity", 422, "identifier"),
        ("/api/v1/customers?q=" + "x" * 101, 422, "q"),
        ("/api/v1/customers?q=x&limit=0", 422, "limit"),
        ("/api/v1/customers?q=x&limit=many", 422, "limit"),
        ("/api/v1/customers/nobody", 404, "customer"),
        ("/api/v1/customers/nobody/timeline", 404, "customer"),
        ("/api/v1/customers/nobody/live", 404, "customer"),
        ("/api/v1/customers/csara/timeline?limit=201", 422, "limit"),
        ("/api/v1/customers/%00", 404, "customer"),
        ("/api/v1/customers/" + "c" * 5000, 404, "customer"),
    ],
)
async def test_problems_name_the_field(path: str, status: int, field: str) -> None:
    async with kit() as desk:
        answer = await desk.ask("GET", path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["field"] == field
        assert answer.json()["status"] == status


async def test_merged_customer() -> None:
    async with kit() as desk:
        desk.store.aliases["cold"] = "csara"
        assert (await desk.ask("GET", "/api/v1/customers/cold")).json()["id"] == "csara"
        answer = await desk.ask("GET", "/customers/cold")
        assert (answer.status_code, answer.headers["location"]) == (303, "/customers/csara")


async def test_note_once() -> None:
    async with kit() as desk:
        for _ in range(2):
            answer = await desk.ask(
                "POST", "/api/v1/customers/csara/notes", json={"text": " Call back "}, headers={"Idempotency-Key": "k"}
            )
            assert answer.status_code == 201
        (topic, key, raw), (_, _, again) = desk.bus.sent
        event = Event.from_json(raw)
        assert (topic, key, event.type) == ("hub.interactions", "user_id:u-4711", "agent.note")
        assert event.data["text"] == "Call back"
        assert event.data["agent"] == "Mina"
        assert event.id == answer.json()["id"] == Event.from_json(again).id


@pytest.mark.parametrize(
    ("path", "kind", "more"), [("notes", "agent.note", {}), ("wrap-up", "agent.wrap-up", {"outcome": "parcel"})]
)
async def test_a_note_and_a_wrap_up_belong_to_a_matter(path: str, kind: str, more: dict[str, Any]) -> None:
    async with kit() as desk:
        promise = {"text": "we call", "until": "2030-01-01T09:00:00+01:00"}
        for case in ({"id": "4711"}, {"id": "4711", "state": "solved"}, {"subject": " Invoice ", "promise": promise}):
            body = {"text": "Asked the carrier", "case": case, **more}
            assert (await desk.ask("POST", f"/api/v1/customers/csara/{path}", json=body)).status_code == 201
        events = [Event.from_json(raw) for _, _, raw in desk.bus.sent]
        assert {one.type for one in events} == {kind}
        assert [one.data["case"] for one in events[:2]] == [{"id": "4711"}, {"id": "4711", "state": "solved"}]
        assert events[0].data["matter"] == "Parcel 4711 is late for the second time"
        assert events[0].data.get("outcome") == more.get("outcome")
        assert (events[2].data["case"]["state"], events[2].data["case"]["subject"]) == ("open", "Invoice")
        # What the workers make of it.
        before: dict[str, Any] = {"matters": {"4711": {"state": ["waiting", 1, "r", "agent.wrap-up"]}}}
        for event in events:
            matters.fold(before, event, event.ms, event.ref)
        found = {one["subject"] or one["id"]: one for one in mood.matters(before)}
        assert found["4711"]["state"] == "solved"
        assert (found["Invoice"]["state"], found["Invoice"]["promised"]["text"]) == ("open", "we call")


@pytest.mark.parametrize(
    ("case", "field"),
    [({"id": "none"}, "case.id"), ({}, "case.subject"), ({"subject": " "}, "case.subject")],
)
async def test_a_matter_that_is_not_there_is_refused(case: dict[str, Any], field: str) -> None:
    async with kit() as desk:
        for path in ("notes", "wrap-up"):
            body = {"text": "hi", "case": case}
            answer = await desk.ask("POST", f"/api/v1/customers/csara/{path}", json=body)
            assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert desk.bus.sent == []


async def test_message_goes_out_and_into_the_timeline() -> None:
    async with kit() as desk:
        body = {"text": "On its way.", "channel": "email", "subject": "Parcel"}
        answer = await desk.ask("POST", "/api/v1/customers/csara/messages", json=body, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 202
        (to_triggers, key, raw), (to_log, subject, event_raw) = desk.bus.sent
        trigger, event = Trigger.from_json(raw), Event.from_json(event_raw)
        assert (to_triggers, key, to_log) == ("hub.triggers", "csara", "hub.interactions")
        assert (trigger.rule, trigger.agent, trigger.to) == ("agent", "Mina", "email:sara@example.com")
        assert (trigger.subject, trigger.text, trigger.purpose) == ("Parcel", "On its way.", "service")
        assert (event.type, subject, event.data["trigger"]) == ("agent.reply", trigger.to, trigger.id)
        again = await desk.ask("POST", "/api/v1/customers/csara/messages", json=body, headers={"Idempotency-Key": "k"})
        other = await desk.ask("POST", "/api/v1/customers/csara/messages", json=body)
        assert again.json()["trigger"] == answer.json()["trigger"] != other.json()["trigger"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"text": "", "channel": "sms"}, 422, "text"),
        ({"text": "   ", "channel": "sms"}, 422, "text"),
        ({"text": "x" * 10_001, "channel": "sms"}, 422, "text"),
        ({"text": "hi"}, 422, "channel"),
        ({"text": "hi", "channel": "fax"}, 422, "channel"),
        ({"text": "hi", "channel": "instagram"}, 422, "channel"),
        ({"text": "hi", "channel": "sms", "to": "phone:+49999"}, 422, "to"),
        ({"text": "hi", "channel": "sms", "to": "email:sara@example.com"}, 422, "to"),
        ({"text": "hi", "channel": "whatsapp"}, 409, "channel"),
        ({"text": "\ud800", "channel": "sms"}, 422, "text"),
    ],
)
async def test_messages_that_are_refused(body: dict[str, Any], status: int, field: str) -> None:
    async with kit() as desk:
        content = __import__("json").dumps(body).encode()
        answer = await desk.ask(
            "POST", "/api/v1/customers/csara/messages", content=content, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["field"]) == (status, field)
        assert desk.bus.sent == []


async def test_withdrawn_consent_closes_a_way() -> None:
    async with kit() as desk:
        desk.store.profiles["csara"]["consent"]["any/all"] = [False, now_ms(), "r", "consent.withdrawn"]
        answer = await desk.ask("POST", "/api/v1/customers/csara/messages", json={"text": "hi", "channel": "sms"})
        assert (answer.status_code, answer.json()["reason"]) == (409, "withdrawn")


async def test_something_newer_holds_a_message() -> None:
    async with kit() as desk:
        desk.store.change("csara", row("new", 0, "sms.received", "Wait"), row("page", 0, "web.page", "x"))
        body: dict[str, Any] = {"text": "hi", "channel": "sms", "seen": "r01"}
        answer = await desk.ask("POST", "/api/v1/customers/csara/messages", json=body)
        assert answer.status_code == 409
        assert [one["text"] for one in answer.json()["items"]] == ["Wait"]
        for more in ({"anyway": True}, {"seen": "new"}, {"seen": "forgotten long ago"}):
            assert (
                await desk.ask("POST", "/api/v1/customers/csara/messages", json={**body, **more})
            ).status_code == 202


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"[" * 20_000, b'{"text": NaN}', b"\xff\xfe", b'"x"'])
async def test_bodies_that_are_none(raw: bytes) -> None:
    async with kit() as desk:
        answer = await desk.ask(
            "POST", "/api/v1/customers/csara/notes", content=raw, headers={"Content-Type": "application/json"}
        )
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"] == "application/problem+json"


async def test_bodies_that_are_too_large() -> None:
    async def pieces() -> Any:
        for _ in range(100):
            yield b" " * 1000

    async with kit() as desk:
        whole = await desk.ask("POST", "/api/v1/customers/csara/notes", content=b" " * 64_001)
        assert (whole.status_code, whole.json()["limit"]) == (413, "64000 bytes")
        streamed = await desk.ask(
            "POST", "/api/v1/customers/csara/notes", content=pieces(), headers={"Content-Type": "application/json"}
        )
        assert streamed.status_code == 413


async def test_without_a_broker_writing_says_when_to_come_back() -> None:
    async with kit() as desk:
        desk.bus.broken = Transient("Kafka does not answer", retry_after=2)
        answer = await desk.ask("POST", "/api/v1/customers/csara/notes", json={"text": "hi"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_outbox_is_the_sandboxs_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        after, limit = int(request.url.params["after"]), int(request.url.params["limit"])
        numbers = range(after + 1, min(after + limit, 2500) + 1)
        return httpx.Response(200, json={"items": [{"id": number, "text": "m"} for number in numbers]})

    real = httpx.AsyncClient
    async with kit(sandbox=True, sandbox_url="http://sandbox.test") as desk:
        monkeypatch.setattr(
            "desk.backstage.httpx.AsyncClient", lambda **given: real(transport=httpx.MockTransport(answer), **given)
        )
        body = (await desk.ask("GET", "/api/v1/outbox?limit=3")).json()
        assert [one["id"] for one in body["items"]] == [2500, 2499, 2498]


async def test_outbox_without_a_sandbox() -> None:
    async with kit() as desk:
        assert (await desk.ask("GET", "/api/v1/outbox")).status_code == 404


async def test_rules_and_dead_letters(tmp_path: Any) -> None:
    (tmp_path / "broken.yaml").write_text("id: [")
    async with kit(rules=tmp_path) as desk:
        body = (await desk.ask("GET", "/api/v1/rules", "marketer")).json()
        assert body["items"] == []
        assert body["problems"][0]["file"].endswith("broken.yaml")
        letters = (await desk.ask("GET", "/api/v1/dead-letters", "ops")).json()
        assert letters["items"][0]["reason"] == "unreadable"


async def test_openapi_names_the_bearer() -> None:
    async with kit() as desk:
        schema = orjson.loads((await desk.client.get("/openapi.json")).content)
        assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
        assert "/api/v1/customers/{customer}/messages" in schema["paths"]


async def test_taste_is_checked() -> None:
    async with kit() as desk:
        assert (await desk.ask("POST", "/taste", data={"language": "fa", "theme": "dark"})).status_code == 204
        assert (await desk.ask("POST", "/taste", data={"language": "xx"})).status_code == 422
        page = await desk.ask("GET", "/")
        assert '<html lang="fa" dir="rtl" data-theme="dark">' in page.text


async def test_ways_reopen_with_a_message() -> None:
    async with kit() as desk:
        profile = desk.store.profiles["csara"]
        profile["channels"]["social"]["last_received"] = now_ms() - 23 * HOUR
        answer = await desk.ask("POST", "/api/v1/customers/csara/messages", json={"text": "hi", "channel": "whatsapp"})
        assert answer.status_code == 202
        assert Trigger.from_json(desk.bus.sent[0][2]).to == "whatsapp:+4917012345678"
