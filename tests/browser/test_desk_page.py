"""The agent's page, as agents see it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import story
from tests.browser.conftest import Open, looking, picture, running
from tests.browser.fakes import MINUTE, now_ms, person, row

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERIOUS = {"serious", "critical"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def findings(page: Page, axe: str) -> list[str]:
    """What axe-core finds serious."""
    await page.evaluate(axe)
    result: dict[str, Any] = await page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", RULES
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in result["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


async def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider <= 0


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("width", [1440, 1024, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_and_is_accessible(browser: Browser, axe: str, language: str, width: int, scheme: str) -> None:
    async with (
        running(language) as desk,
        looking(browser, desk, language=language, width=width, color_scheme=scheme, reduced_motion="reduce") as page,
    ):
        for notice in story.notices(language):
            desk.store.notify(notice)
        await page.goto(f"{desk.url}/customers/csara")
        await expect(page.locator("#work li")).to_have_count(4)
        assert await fits(page)
        assert await page.evaluate("getComputedStyle(document.body).direction") == (
            "rtl" if language == "fa" else "ltr"
        )
        assert await findings(page, axe) == []
        await picture(page, f"{language}-{width}-{scheme}")
        if width < 1280:
            await page.click("#tab-context")
            await expect(page.locator("#context")).to_be_visible()
            assert await fits(page)
            assert await findings(page, axe) == []


@pytest.mark.parametrize("path", ["/", "/activity", "/sign-in"])
@pytest.mark.parametrize("language", ["en", "fa"])
async def test_other_pages(browser: Browser, desk: Open, axe: str, path: str, language: str) -> None:
    async with looking(browser, desk, role="supervisor", language=language, reduced_motion="reduce") as page:
        await page.goto(desk.url + path)
        await page.wait_for_load_state("load")
        assert await fits(page)
        assert await findings(page, axe) == []
        await picture(page, f"{language}-{path.strip('/').replace('/', '-') or 'welcome'}")


async def test_persian_digits_and_calendar(browser: Browser) -> None:
    async with running("fa") as desk, looking(browser, desk, language="fa") as page:
        await page.goto(f"{desk.url}/customers/csara")
        for notice in story.notices("fa"):
            desk.store.notify(notice)
        await expect(page.locator('[data-count="now"]')).to_have_text("۴")
        await expect(page.locator("#health [data-text]")).to_have_text(re.compile("زنده · [۰-۹]+ م‌ث"))
        await expect(page.locator(".since").first).to_have_text(re.compile("مشتری از ۱۴[۰-۹]{2}"))
        # The server's calendar and the browser's must be the same one.
        shown = await page.locator("#e-r22 time").text_content()
        moment = await page.locator("#e-r22 time").get_attribute("datetime")
        browsers = await page.evaluate(
            "at => new Intl.DateTimeFormat('fa-IR-u-ca-persian', {day:'numeric', month:'short', year:'numeric'})"
            ".format(new Date(at))",
            moment,
        )
        assert shown == browsers
        html = await (await page.request.get(f"{desk.url}/customers/csara")).text()
        assert f'<time datetime="{moment}">{shown}</time>' in html


async def test_live_update_without_reload(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/csara")
        await expect(page.locator("#health")).to_have_attribute("data-state", "live")
        await page.evaluate("window.same = true")
        await page.locator("#text").fill("a draft")
        profile = desk.store.profiles["csara"]
        profile["facts"]["order_number"] = ["4711", now_ms(), "r", "sms.received"]
        desk.store.change("csara", row("new", 0, "sms.received", "My order is 4711"))
        await expect(page.locator("#e-new .bubble")).to_have_text("My order is 4711")
        await expect(page.locator('[data-panel="told"] dd').first).to_have_text("4711")
        assert await page.locator("#timeline > li").first.get_attribute("data-id") == "new"
        # A delivery joins its message instead of becoming a line.
        desk.store.change("csara", row("read", 0, "sms.failed", "unknown number", trigger="t1"))
        await expect(page.locator("#e-r07 .under")).to_contain_text("failed")
        assert await page.locator("#e-read").count() == 0
        assert await page.evaluate("window.same") is True
        assert await page.locator("#text").input_value() == "a draft"
        assert await page.evaluate("document.activeElement.id") == "text"


async def test_comes_back_after_the_line_was_cut(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/csara")
        await expect(page.locator("#health")).to_have_attribute("data-state", "live")
        await page.evaluate("window.same = true")
        desk.store.change("csara", row("m1", 0, "sms.received", "seen before"))
        await expect(page.locator("#e-m1")).to_be_visible()
        await page.context.set_offline(True)
        await page.evaluate("dispatchEvent(new Event('offline'))")
        await expect(page.locator("#link-lost")).to_be_visible()
        desk.store.change("csara", row("m2", 0, "sms.received", "while away"))
        await page.context.set_offline(False)
        await expect(page.locator("#e-m2")).to_be_visible(timeout=15_000)
        await expect(page.locator("#link-lost")).to_be_hidden(timeout=15_000)
        assert await page.locator("#e-m1").count() == 1
        assert await page.evaluate("window.same") is True


async def test_screen_pop(browser: Browser, desk: Open) -> None:
    """With nobody open the caller's page opens; with somebody open a card comes, and the focus stays."""
    call = {"id": "call-9", "state": "ringing", "direction": "inbound", "number": "+989121234567", "digits": ""}
    notice = {"type": "phone.ringing", "customer": "creza", "call": call, "time": now_ms()}
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/clena")
        await page.keyboard.press("n")
        await page.keyboard.type("half a no")
        await expect(page.locator("#health")).to_have_attribute("data-state", "live")
        desk.store.notify(notice)
        await expect(page.locator(".pop")).to_contain_text("Reza Karimi")
        await expect(page.locator("#announce")).to_have_text("Reza Karimi is calling")
        await page.keyboard.type("te")
        assert await page.locator("#text").input_value() == "half a note"
        desk.store.notify({**notice, "type": "phone.answered", "call": {**call, "state": "answered"}})
        await expect(page.locator(".pop")).to_have_count(0)
        await page.goto(desk.url)
        await expect(page.locator("#health")).to_have_attribute("data-state", "live")
        desk.store.notify({**notice, "call": {**call, "id": "call-10"}})
        await page.wait_for_url("**/customers/creza")


async def test_search_by_keyboard(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(desk.url)
        await page.keyboard.press("Control+k")
        await page.keyboard.type("karimi")
        await expect(page.locator("#results [role=option]")).to_have_count(1)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/customers/creza")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("nobody of that name")
        await expect(page.locator("#results")).to_contain_text("Nobody found")
        await page.keyboard.press("Escape")
        await expect(page.locator("#results")).to_be_hidden()


async def test_keys(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/csara")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        assert await page.evaluate("document.activeElement.id") == "e-r03"
        await page.keyboard.press("k")
        assert await page.evaluate("document.activeElement.dataset.id") == "r02"
        await page.keyboard.press("r")
        assert await page.evaluate("document.activeElement.id") == "text"
        await page.keyboard.type("jk?")
        assert await page.locator("#text").input_value() == "jk?"
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(page.locator("#keys")).to_be_visible()
        await page.locator("#single-keys").uncheck()
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(page.locator("#keys")).to_be_hidden()


async def test_language_is_kept(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.context.clear_cookies(name="hub_language")
        await page.goto(desk.url)
        await page.click("#me summary")
        await page.get_by_label("فارسی").check()
        await expect(page.locator("html")).to_have_attribute("lang", "fa")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")


async def test_earlier_rows_and_filters(browser: Browser, desk: Open) -> None:
    desk.store.add(
        desk.store.profiles["clena"],
        [row(f"p{number:03d}", number * 40 * MINUTE, "web.track", "", name=f"Step {number}") for number in range(120)],
    )
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/clena")
        await expect(page.locator("#timeline > li")).to_have_count(50)
        await page.click("#earlier")
        await expect(page.locator("#timeline > li")).to_have_count(100)
        await page.click("#earlier")
        await expect(page.locator("#timeline > li")).to_have_count(120)
        await expect(page.locator("#earlier")).to_be_hidden()
        await page.click('[data-show="talk"]')
        await expect(page.locator("#e-p000")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 1024, 390])
async def test_long_words_stay_inside(browser: Browser, desk: Open, width: int) -> None:
    long = "W" * 300
    profile = person("clong", long, f"user_id:{long}", f"email:{'x' * 250}@example.com", tier=long, city=long)
    profile["facts"] = {long: [long, now_ms(), "r", long]}
    profile["consent"] = {f"{long}/{long}": [True, now_ms(), "r", long]}
    profile["call"] = [{"id": "c", "state": "input", "number": long, "digits": "9" * 200}, now_ms(), "r", "phone.input"]
    kinds = ("email.received", "rule.fired", "rule.held", "agent.note", "web.page", "web.track", "phone.input")
    data = {"subject": long, "name": long, "rule": long, "reason": long, "agent": long, "digits": "9" * 200}
    desk.store.add(profile, [row(f"l{place}", place, kind, long, **data) for place, kind in enumerate(kinds)])
    async with looking(browser, desk, width=width) as page:
        await page.goto(f"{desk.url}/customers/clong")
        desk.store.notify({"type": "sms.received", "customer": "clong", "text": long, "time": now_ms()})
        await expect(page.locator("#work li")).to_have_count(1)
        assert await fits(page)
        await picture(page, f"long-{width}")
