"""The API and pages around rules: text and data, why, backtests, and the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desk.rulediff import compared
from desk.rulepreview import messages, previews
from hub.errors import Rejected
from rules.load import read_text
from tests.browser.kit import Kit, kit

BASE = "/api/v1/rules"
RULE = {"id": "hello", "name": "Hello", "on": "sms.received", "send": {"channel": "sms", "text": "Hi"}}
TEXT = """# a greeting
id: hello
name: {en: Hello, fa: سلام}
on: sms.received
if: {field: profile.traits.tier, op: eq, value: gold}
send: {channel: sms, purpose: service, text: "Hello {{ customer.first_name }}"}
"""


async def convert(desk: Kit, **body: Any) -> Any:
    return (await desk.ask("POST", f"{BASE}/convert", "ops", json=body)).json()


async def test_text_and_data_are_two_views_of_one_rule(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        first = await convert(desk, text=TEXT)
        assert first["comments"] is True
        assert first["rule"]["on"] == ["sms.received"]
        assert first["rule"]["send"]["text"] == {"und": "Hello {{ customer.first_name }}"}
        again = await convert(desk, rule=first["rule"])
        assert again["problems"] == []
        assert read_text(again["text"], "x").rules[0][0] == read_text(TEXT, "x").rules[0][0]


async def test_a_draft_with_faults_can_change_its_view_too(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        found = await convert(desk, text=TEXT.replace("service", "spam"))
        assert found["rule"]["send"]["purpose"] == "spam"
        back = await convert(desk, rule=found["rule"])
        (problem,) = back["problems"]
        assert "purpose: spam" in back["text"].splitlines()[problem["line"] - 1]


@pytest.mark.parametrize(
    "text", ["id: [", "- a\n- b", TEXT + "---\n" + TEXT, TEXT.replace("gold", "12345678901234567")]
)
async def test_what_a_form_cannot_show_says_why(tmp_path: Path, text: str) -> None:
    async with kit(rules=tmp_path) as desk:
        found = await convert(desk, text=text)
        assert found["rule"] is None
        assert found["no_form"]
        assert found["problems"][0]["reason"]


async def test_retiring_has_a_reason_and_notices_others(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(TEXT)
    async with kit(rules=tmp_path) as desk:
        stale = await desk.ask("DELETE", f"{BASE}/hello?expected=abc", "marketer")
        assert stale.status_code == 409
        assert (await desk.ask("DELETE", f"{BASE}/hello?note=No+greetings", "marketer")).status_code == 202
        assert (await desk.ask("GET", f"{BASE}/hello", "ops")).json()["change"] == "No greetings"


async def test_why_and_backtest_reach_the_judge(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(TEXT)
    async with kit(rules=tmp_path) as desk:
        said = await desk.ask("GET", f"{BASE}/hello/why?customer=csara&at=2026-01-05T10:00:00Z", "marketer")
        assert said.json()["steps"][0]["answer"] == "no"
        assert desk.judge.asked == [("hello", "csara", 1_767_607_200_000)]
        period = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-15T00:00:00Z"}
        draft = (await convert(desk, text=TEXT))["rule"]
        for rule in ("hello", draft):
            done = await desk.ask("POST", f"{BASE}/backtest", "marketer", json={"rule": rule, **period})
            assert done.json()["sent"] == sum(day["sent"] for day in done.json()["days"])
        assert [one[0] for one in desk.judge.asked[1:]] == ["hello", "hello"]
        await desk.ask("POST", f"{BASE}/backtest", "marketer", json={"rule": "hello", "as_it_was": True, **period})
        assert [one[-1] for one in desk.judge.asked[1:]] == [False, False, True]
        desk.judge.refusal = Rejected("nobody is known as x", field="customer")
        refused = await desk.ask("GET", f"{BASE}/hello/why?customer=x", "marketer")
        assert (refused.status_code, refused.json()["field"]) == (422, "customer")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"rule": "hello", "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 422, "since"),
        ({"rule": "hello", "since": "2020-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 422, "since"),
        ({"rule": "hello", "since": "2026-01-01"}, 422, "since"),
        ({"rule": {"id": "x"}, "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, 422, "name"),
        (
            {"rule": RULE, "as_it_was": True, "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
            *(422, "as_it_was"),
        ),
        ({"rule": "none", "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, 404, "rule"),
    ],
)
async def test_a_period_that_is_none_is_refused(tmp_path: Path, body: Any, status: int, field: str) -> None:
    (tmp_path / "hello.yaml").write_text(TEXT)
    async with kit(rules=tmp_path) as desk:
        answer = await desk.ask("POST", f"{BASE}/backtest", "marketer", json=body)
        assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_without_a_judge_both_say_so(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(TEXT)
    async with kit(rules=tmp_path, judged=False) as desk:
        why = await desk.ask("GET", f"{BASE}/hello/why?customer=csara", "marketer")
        body = {"rule": "hello", "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
        backtest = await desk.ask("POST", f"{BASE}/backtest", "marketer", json=body)
        for answer in (why, backtest):
            assert (answer.status_code, answer.json()["detail"].split(":")[0]) == (404, "not available here")


async def test_the_list_finds_by_words_and_state(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"r{number}.yaml").write_text(TEXT.replace("hello", f"r{number:02d}"))
    (tmp_path / "bye.yaml").write_text(
        TEXT.replace("id: hello", "id: bye\nstate: shadow").replace("en: Hello", "en: Bye")
    )
    async with kit(rules=tmp_path) as desk:

        async def rows(query: str) -> list[str]:
            html = (await desk.ask("GET", f"/rules?{query}", "ops")).text
            return [part.split('"')[0] for part in html.split('<td role="cell" class="rule-name"><a href="/rules/')[1:]]

        assert len(await rows("")) == 50
        assert await rows("page=2") == [*(f"r{number:02d}" for number in range(50, 60)), "bye"]
        assert await rows("state=shadow") == ["bye"]
        assert await rows("q=bye") == ["bye"]
        assert await rows("q=R07+sms") == ["r07"]
        assert await rows("q=%3Cscript%3E") == []


async def test_pages_of_rules_that_are_not_there(tmp_path: Path) -> None:
    async with kit(rules=tmp_path) as desk:
        for path in ("/rules/none", "/rules/none/edit"):
            answer = await desk.ask("GET", path, "marketer")
            assert answer.status_code == 404
            assert "There is no such rule" in answer.text


async def test_what_an_author_writes_is_text_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(
        TEXT.replace("Hello", "<b>x</b>").replace("gold", "<i>y</i>").replace("# a greeting", "note: <u>z</u>")
    )
    async with kit(rules=tmp_path) as desk:
        for path in ("/rules", "/rules/hello", "/rules/hello/edit", "/rules/new"):
            html = (await desk.ask("GET", path, "marketer")).text
            assert html.count("<script") == 1
            assert "style=" not in html
            for raw in ("<b>x", "<i>y", "<u>z"):
                assert raw not in html


def test_a_preview_marks_what_is_filled_in() -> None:
    send = {
        "channel": ["email", "sms"],
        "subject": {"en": "For {{ customer.first_name }}"},
        "text": {
            "en": "<p> {{ event.properties.name | truncate(4) }} costs {{ event.properties.price | money('EUR') }}"
        },
        "short": {"en": "{{ event.properties.price.x }}"},
    }
    mail, sms = previews(send, "en")
    assert mail.subject == "For <mark>Sara</mark>"
    assert mail.text.startswith("&lt;p&gt; ")
    assert "€49.90" in mail.text
    assert "\ue000" not in mail.text + sms.text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("س" * 70, 1),
        ("س" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_text_messages_are_counted_as_networks_do(text: str, parts: int) -> None:
    assert messages(text) == parts


def test_a_comparison_holds_both_sides_whole() -> None:
    for before, after in (("", "a b"), ("a b c", "a x c"), ("same", "same"), ("a " * 2000, "b")):
        pieces = list(compared(before, after, by_line=False))
        assert "".join(one.text for one in pieces if one.kind != "new") == before
        assert "".join(one.text for one in pieces if one.kind != "gone") == after
