"""The API of rules: seen, checked, published, paused and retired, and who did it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import SecretStr

from desk.app import create_app
from hub.security import Role
from hub.settings import Settings
from rules.book import Book
from tests.browser.fakes import FakeBus, FakeStore
from tests.browser.kit import HERE, SECRET, Kit, kit, token

RULE: dict[str, Any] = {
    "id": "hello",
    "name": {"en": "Hello"},
    "on": "sms.received",
    "send": {"channel": "sms", "purpose": "service", "text": "Hello"},
}
TEXT = """id: hello
name: Hello
on: sms.received
send: {channel: sms, purpose: service, text: Hello}
"""
BASE = "/api/v1/rules"


async def put(desk: Kit, role: Role = "marketer", **body: Any) -> Any:
    return await desk.ask("PUT", f"{BASE}/hello", role, json={"rule": RULE, **body})


async def test_a_rule_is_published_and_its_history_tells_who_did_it(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(TEXT)
    async with kit(rules=tmp_path) as desk:
        before = (await desk.ask("GET", BASE, "marketer")).json()["items"][0]
        changed = await put(desk, rule={**RULE, "priority": 3}, expected=before["version"], note="It must come first")
        assert changed.status_code == 202
        found = (await desk.ask("GET", f"{BASE}/hello", "ops")).json()
        assert (found["priority"], found["by"], found["change"]) == (3, "Mina", "It must come first")
        assert [one["by"] for one in found["versions"]] == ["Mina", "folder"]


async def test_a_text_is_as_good_as_data(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        answer = await desk.ask("PUT", f"{BASE}/hello", "marketer", json={"text": TEXT})
        assert answer.json()["send"]["text"] == {"und": "Hello"}
        wrong = await desk.ask("POST", f"{BASE}/check", "marketer", json={"text": TEXT.replace("service", "spam")})
        (problem,) = wrong.json()["problems"]
        assert (problem["line"], problem["field"]) == (4, "send.purpose")
        assert (await desk.ask("POST", f"{BASE}/check", "marketer", json={"text": TEXT})).json()["problems"] == []


async def test_states_and_the_end(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        await put(desk)
        paused = await desk.ask("POST", f"{BASE}/hello/state", "marketer", json={"state": "paused"})
        assert paused.json()["state"] == "paused"
        assert (await desk.ask("DELETE", f"{BASE}/hello", "marketer")).status_code == 202
        assert (await desk.ask("GET", BASE, "marketer")).json()["items"] == []
        assert (await desk.ask("GET", f"{BASE}/hello", "marketer")).json()["state"] == "retired"
        again = await desk.ask("POST", f"{BASE}/hello/state", "marketer", json={"state": "live"})
        assert again.json()["state"] == "live", "what was retired can come back as it was"


async def test_who_saw_something_else_is_told(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        first = (await put(desk)).json()["version"]
        await put(desk, rule={**RULE, "priority": 1})
        assert (await put(desk, rule={**RULE, "priority": 2}, expected=first)).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rule": {**RULE, "id": "other"}}, "id"),
        ({"rule": {**RULE, "on": "nothing"}}, "on.0.type"),
        ({"rule": RULE, "text": TEXT}, "body"),
        ({"text": "id: ["}, "text"),
        ({"text": f"{TEXT}---\n{TEXT.replace('hello', 'two')}"}, "text"),
    ],
)
async def test_what_is_no_rule_is_refused(tmp_path: Path, body: dict[str, Any], field: str) -> None:
    async with kit(rules=tmp_path) as desk:
        answer = await desk.ask("PUT", f"{BASE}/hello", "marketer", json=body)
        assert answer.status_code == 422
        assert answer.json()["field"] == field
        assert desk.bus.sent == []


async def test_agents_change_no_rules(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        assert (await put(desk, role="agent")).status_code == 403
        assert (await desk.ask("GET", f"{BASE}/nothing", "marketer")).status_code == 404


COSTLY = {"any": [{"field": "event.text", "op": "contains", "value": f"word {number}"} for number in range(26)]}


@pytest.mark.parametrize(
    ("text", "field", "line", "column", "reason"),
    [
        ("if: {all: [{field: event.text, op: eq, value: a}, {field: event.text, op: eq, value: b}]}", "if.all.1", 5, 51,
         "cannot be"),
        ("if:\n  field: profile.computed.spent\n  op: gt\n  value: 5", "if.field", 6, 3, "no computed trait spent"),
        ("if: {field: profile.segments.vip, op: eq, value: true}", "if.field", 5, 6, "no segment vip"),
        ("if: {field: profile.events, op: gt, than: profile.computed.spent}", "if.than", 5, 37, "trait spent"),
        (f"if: {COSTLY}", "if", 5, 1, "26 searches in texts, and 25 is the limit"),
        ("cap: {count: 0, per: 1d}", "cap.count", 5, 7, "greater than"),
    ],
)  # fmt: skip
async def test_what_cannot_do_its_work_is_refused_with_its_place(
    tmp_path: Path, text: str, field: str, line: int, column: int, reason: str
) -> None:
    async with kit(rules=tmp_path, state=tmp_path) as desk:
        draft = {"text": f"{TEXT}{text}\n"}
        answer = await desk.ask("PUT", f"{BASE}/hello", "marketer", json=draft)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        first = answer.json()["problems"][0]
        assert (first["field"], first["line"], first["column"]) == (field, line, column)
        assert reason in first["reason"]
        assert reason in answer.json()["detail"], "the page shows it as it is"
        assert desk.bus.sent == []
        said = (await desk.ask("POST", f"{BASE}/check", "marketer", json=draft)).json()
        assert said["problems"] == answer.json()["problems"], "and says so while it is written"


async def test_a_purpose_is_never_missing(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        answer = await put(desk, rule={**RULE, "send": {"channel": "sms", "text": "Hello"}})
        assert (answer.status_code, answer.json()["field"]) == (422, "send.purpose")
        assert answer.json()["detail"] == "rule: send.purpose: is missing"


async def test_what_is_to_be_looked_at_is_published_and_told(tmp_path: Path) -> None:
    (tmp_path / "hi.yaml").write_text(TEXT.replace("id: hello", "id: hi"))
    (tmp_path / "far.yaml").write_text(TEXT.replace("id: hello", "id: far").replace("sms.received", "email.received"))
    async with kit(rules=tmp_path, state=tmp_path) as desk:
        text = f"{TEXT}if: {{field: event.txet, op: exists}}\n"
        answer = await desk.ask("PUT", f"{BASE}/hello", "marketer", json={"text": text})
        assert answer.status_code == 202
        (warning,) = answer.json()["warnings"]
        assert (warning["line"], warning["column"], warning["field"]) == (5, 6, "if.field")
        assert "did you mean text?" in warning["reason"]
        alike = (await put(desk)).json()["warnings"]
        assert ["hello speaks under the same condition" in one["reason"] for one in alike] == [True], "which of two"
        none = await put(desk, rule={**RULE, "on": "phone.missed"})
        assert none.json()["warnings"] == []


async def test_what_is_refused_follows_what_the_customers_are_built_with(tmp_path: Path) -> None:
    traits = tmp_path / "traits"
    traits.mkdir()
    (traits / "spent.yaml").write_text("{id: spent, name: Spent, on: web.page, compute: count}")
    rule = {**RULE, "if": {"field": "profile.computed.spent", "op": "gt", "value": 5}}
    async with kit(rules=tmp_path, state=tmp_path) as desk:
        assert (await put(desk, rule=rule)).status_code == 202, "before any customer the folders count"
        desk.store.declarations = Book().to_json()
        refused = await put(desk, rule={**rule, "priority": 1})
        assert "known as soon as the customers are built with it" in refused.json()["detail"]
        wrong = {**rule, "if": {"field": "profile.computed.spend", "op": "gt", "value": 5}}
        assert (await put(desk, rule=wrong)).json()["detail"] == "rule: if.field: there is no computed trait spend"
        stopped = await desk.ask("POST", f"{BASE}/hello/state", "marketer", json={"state": "paused"})
        assert stopped.status_code == 202, "it can always be stopped"
        again = await desk.ask("POST", f"{BASE}/hello/state", "marketer", json={"state": "live"})
        assert (again.status_code, again.json()["field"]) == (422, "if.field")


class Broker:
    """A consumer of the topic of rules, in which nothing was published yet."""

    opened: ClassVar[list[Broker]]

    def __init__(self, **_: Any) -> None:
        self.state = "new"
        self.opened.append(self)

    async def start(self) -> None:
        self.state = "running"

    async def stop(self) -> None:
        self.state = "stopped"

    def assign(self, places: list[Any]) -> None:
        """One partition."""

    def seek(self, place: Any, offset: int) -> None:
        """At its beginning."""

    async def end_offsets(self, places: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(places, 0)


async def test_a_desk_that_ends_hangs_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.rulelog.AIOKafkaConsumer", Broker)
    monkeypatch.setattr(Broker, "opened", [], raising=False)
    app = create_app(Settings(state=tmp_path, jwt_secret=SecretStr(SECRET)), FakeStore(), FakeBus())
    headers = {"Authorization": f"Bearer {token('ops')}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE, headers=headers) as client,
    ):
        for _ in range(2):
            assert (await client.get(BASE)).json()["items"] == []
        assert [one.state for one in Broker.opened] == ["running"]
    assert [one.state for one in Broker.opened] == ["stopped"]
