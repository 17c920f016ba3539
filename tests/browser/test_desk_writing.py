"""Writing on the page: notes, messages, what is refused, and what somebody else may have written into it."""

from __future__ import annotations

import orjson
import pytest
from playwright.async_api import Browser, expect

from hub.errors import Transient
from tests.browser.conftest import Open, looking
from tests.browser.fakes import HOUR, now_ms, person, row

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
