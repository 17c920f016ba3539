"""The API of rules: seen, checked, published, paused and retired, and who did it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.security import Role
from tests.browser.kit import Kit, kit

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
