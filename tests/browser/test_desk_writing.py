"""Writing on the page: notes, messages, what is refused, and what somebody else may have written into it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, expect

from hub.errors import Transient
from tests.browser.conftest import Open, looking, picture, running
from tests.browser.fakes import HOUR, now_ms, person, row
from tests.browser.test_desk_page import findings, fits

pytestmark = pytest.mark.asyncio(loop_scope="session")


CUT = """() => {
  const real = window.fetch;
  window.fetch = (path, init) =>
    path.includes("/messages") && !window.again ? Promise.reject(new Error("cut")) : real(path, init);
}"""


async def test_note(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/csara")
        await page.keyboard.press("n")
        await page.keyboard.type("Call back tomorrow")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#timeline > li").first).to_contain_text("Saved")
        await expect(page.locator("#text")).to_have_value("")
        topic, key, raw = desk.bus.sent[0]
        event = orjson.loads(raw)
        assert (topic, key, event["type"]) == ("hub.interactions", "user_id:u-4711", "agent.note")
        assert event["data"]["text"] == "Call back tomorrow"
        # The same note over the stream takes the place of the first one.
        desk.store.change("csara", row(event["id"], 0, "agent.note", "Call back tomorrow", agent="Mina"))
        await expect(page.locator("#timeline > li").first).to_contain_text("Note · Mina")
        assert await page.locator("#timeline > li", has_text="Call back tomorrow").count() == 1


async def test_note_and_wrap_up_about_a_matter(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/csara")
        await expect(page.locator("#about")).to_be_hidden()
        await page.keyboard.press("n")
        await page.keyboard.type("Asked the carrier")
        await expect(page.locator("#becomes")).to_be_hidden()
        await page.get_by_label("Matter", exact=True).select_option("Parcel 4711 is late for the second time")
        await page.locator("#text").press("Control+Enter")
        await expect(page.locator("#timeline > li").first).to_contain_text("Saved")
        await expect(page.locator("#about")).to_have_value("")
        await page.keyboard.press("Escape")
        await page.keyboard.press("w")
        await page.keyboard.type("Carrier found it")
        await page.get_by_label("Matter", exact=True).select_option("Parcel 4711 is late for the second time")
        await page.get_by_label("What becomes of the matter").select_option("solved")
        await page.get_by_role("button", name="Save wrap-up").click()
        await expect(page.locator("#text")).to_have_value("")
        await page.get_by_label("Matter", exact=True).select_option("A new matter")
        await page.fill("#text", "Wants the invoice again")
        await page.locator("#text").press("Control+Enter")
        await expect(page.locator("#composer-said")).to_have_text("A new matter needs a subject")
        await page.fill("#matter-subject", "Invoice")
        await page.locator("#text").press("Control+Enter")
        await expect(page.locator("#text")).to_have_value("")
        events = [orjson.loads(raw) for _, _, raw in desk.bus.sent]
        assert [(one["type"], one["data"]["case"]) for one in events] == [
            ("agent.note", {"id": "4711"}),
            ("agent.wrap-up", {"id": "4711", "state": "solved"}),
            ("agent.wrap-up", {"state": "open", "subject": "Invoice"}),
        ]
        data = events[1]["data"]
        desk.store.change("csara", row("w1", 0, "agent.wrap-up", data["text"], agent="Mina", **_shown(data)))
        await expect(page.locator("#e-w1")).to_contain_text("Mina · Parcel 4711 is late for the second time: solved")


def _shown(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in ("case", "matter")}


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_wrapping_up_is_accessible_and_fits(browser: Browser, axe: str, language: str, width: int) -> None:
    async with (
        running(language) as desk,
        looking(browser, desk, language=language, width=width, reduced_motion="reduce") as page,
    ):
        await page.goto(f"{desk.url}/customers/csara")
        await page.keyboard.press("w")
        await page.select_option("#about", "id:4711")
        await expect(page.locator("#becomes")).to_be_visible()
        assert await fits(page)
        assert await findings(page, axe) == []
        await picture(page, f"wrap-up-{language}-{width}")


async def test_message_after_a_fault_is_sent_once(browser: Browser, desk: Open) -> None:
    desk.bus.broken = Transient("Kafka does not answer", retry_after=2)
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/csara")
        await page.keyboard.press("r")
        await page.keyboard.type("Hello Sara")
        await page.evaluate(CUT)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#composer-said")).to_contain_text("Not sent")
        assert await page.locator("#text").input_value() == "Hello Sara"
        desk.bus.broken = None
        await page.evaluate("window.again = true")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator("#timeline > li").first).to_contain_text("on its way")
        trigger = orjson.loads(desk.bus.sent[0][2])
        assert (trigger["to"], trigger["channel"], trigger["agent"]) == ("phone:+4917012345678", "sms", "Mina")


async def test_newer_message_is_read_first(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/clena")
        desk.store.change("clena", row("first", HOUR, "email.received", "Hello"))
        await expect(page.locator("#e-first")).to_be_visible()
        await page.keyboard.press("r")
        await page.keyboard.type("Good morning")
        desk.store.rows["clena"].insert(0, row("newer", 0, "email.received", "Never mind"))  # not told yet
        async with page.expect_response("**/messages") as answer:
            await page.keyboard.press("Control+Enter")
        assert (await answer.value).status == 409
        await expect(page.locator("#composer-said")).to_contain_text("Something new arrived")
        await page.get_by_role("button", name="Send anyway").click()
        await expect(page.locator("#timeline > li").first).to_contain_text("on its way")


async def test_closed_ways_say_why(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/csara")
        await expect(page.locator(".way.closed")).to_contain_text("WhatsApp · closed: last message 26 h ago")
        await page.goto(f"{desk.url}/customers/creza")
        await expect(page.locator(".way.closed")).to_contain_text("no address known")


PAYLOADS = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    '"><svg onload=window.hacked=1>',
    "'-window.hacked-'",
    "javascript:window.hacked=1",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "</textarea><script>window.hacked=1</script>",
    "{{ 7*7 }}${window.hacked=1}",
    "<a href=javascript:window.hacked=1>x</a>",
    "<math><mtext></mtext><script>window.hacked=1</script></math>",
    "\u202e<script>window.hacked=1</script>",
    "<style>@import 'http://127.0.0.1:9/canary'</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/canary><base href=http://127.0.0.1:9/>",
    "%(name)s %s %n <meta http-equiv=refresh content='0;url=http://127.0.0.1:9/canary'>",
)


@pytest.mark.parametrize("policy", ["with our policy", "without it"])
async def test_nothing_that_customers_write_runs(browser: Browser, desk: Open, policy: str) -> None:
    """Escaping alone must hold; the content security policy is the second wall.

    Every payload in every place: name, identity, fact, trait, text, subject, page, rule, reason, agent, call.
    """
    asked: list[str] = []
    for number, payload in enumerate(PAYLOADS):
        profile = person(f"cx{number}", payload, f"user_id:{payload}", tier=payload, language=payload, city=payload)
        profile["facts"] = {payload: [payload, now_ms(), payload, payload], "list": [[payload], 1, "r", "web.track"]}
        profile["consent"] = {f"{payload}/{payload}": [True, now_ms(), "r", payload]}
        call = {"id": payload, "state": "input", "direction": "inbound", "number": payload, "digits": payload}
        profile["call"] = [call, now_ms(), "r", "phone.input"]
        data = {"subject": payload, "name": payload, "rule": payload, "reason": payload, "agent": payload,
                "channel": payload, "properties": {"product": payload, payload: payload}, "call": call}  # fmt: skip
        kinds = ("email.received", "rule.fired", "rule.held", "agent.note", "agent.reply", "web.page", "web.track",
                 "phone.input", "sms.failed", "survey.answered", "x.unknown")  # fmt: skip
        rows = [row(f"{place}{payload}", place, kind, payload, **data) for place, kind in enumerate(kinds)]
        desk.store.add(profile, rows)
    async with looking(browser, desk, bypass_csp=policy == "without it") as page:
        page.on("request", lambda request: asked.append(request.url))
        for number, payload in enumerate(PAYLOADS):
            await page.goto(f"{desk.url}/customers/cx{number}")
            await expect(page.locator("h1")).to_contain_text(payload.replace("\u202e", "")[:8])
            desk.store.change(f"cx{number}", row(f"live{number}", 0, "sms.received", payload))
            await expect(page.locator(f"#e-live{number}")).to_be_visible()
            desk.store.notify({"type": "sms.received", "customer": f"cx{number}", "text": payload, "time": now_ms()})
            await expect(page.locator("#work li")).to_have_count(number + 1)
            await page.fill("#search", payload[:6])
            await expect(page.locator("#results")).to_be_visible()
            assert await page.evaluate("window.hacked") is None
            assert await page.locator("h1 script, .bubble script, iframe, .entry img, main style").count() == 0
    foreign = [url for url in asked if not url.startswith(desk.url)]
    assert foreign == []
