"""Narrowing the timeline on the page: by what was said, kind, channel and time, in both directions of writing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from hub.event import make
from hub.identity import Identity
from tests.browser.conftest import Open, looking, picture, running
from tests.browser.fakes import now_ms, row
from tests.browser.test_desk_page import findings, fits

pytestmark = pytest.mark.asyncio(loop_scope="session")

SARA = "/customers/csara"


SHOWN = "ids => [...document.querySelectorAll('#timeline > li')].map((one) => one.dataset.id).join() === ids"


async def shown(page: Page, *ids: str) -> None:
    """Wait until exactly these entries are shown, the newest first."""
    await expect(page.locator("#timeline")).not_to_have_attribute("aria-busy", "true")
    await page.wait_for_function(SHOWN, arg=",".join(ids), timeout=10_000)


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1024, "dark"), (390, "light"), (390, "dark")])
async def test_filters_are_accessible_and_fit(
    browser: Browser, axe: str, language: str, width: int, scheme: str
) -> None:
    async with (
        running(language) as desk,
        looking(browser, desk, language=language, width=width, color_scheme=scheme, reduced_motion="reduce") as page,
    ):
        await page.goto(desk.url + SARA)
        await page.click("#narrow-by")
        await page.select_option("#find-channel", "sms")
        await shown(page, "r07", "r14", "r16")
        assert await fits(page)
        assert await findings(page, axe) == []
        await picture(page, f"filters-{language}-{width}-{scheme}")
        await page.fill("#find-text", "nothing of the kind")
        await expect(page.locator("#no-fit")).to_be_visible()
        assert await fits(page)
        assert await findings(page, axe) == []
        await picture(page, f"filters-none-{language}-{width}-{scheme}")


async def test_by_keyboard_from_opening_to_clearing(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        every = await page.locator("#timeline > li").count()
        await page.keyboard.press("f")
        await expect(page.locator("#find-text")).to_be_focused()
        await expect(page.locator("#narrow-by")).to_have_attribute("aria-expanded", "true")
        await page.keyboard.type("PARCEL")
        await page.keyboard.press("Enter")
        await shown(page, "r07", "r12")
        await expect(page.locator("#status")).to_have_text("2 entries fit")
        await page.keyboard.press("Tab")
        await page.keyboard.type("We wrote")
        await shown(page, "r07")
        await expect(page.locator("#status")).to_have_text("1 entry fits")
        await expect(page.locator("#e-r07 .under")).to_contain_text("delivered")  # although its delivery does not fit
        await expect(page.get_by_role("button", name="Filters")).to_contain_text("2")
        await page.get_by_role("button", name="Clear").press("Enter")
        await expect(page.locator("#timeline > li")).to_have_count(every)
        await expect(page.locator("#find-text")).to_be_focused()
        await expect(page.locator("#status")).to_have_text("No filters any more")
        assert page.url == desk.url + SARA


async def test_every_kind(browser: Browser, desk: Open) -> None:
    wanted = {
        "customer": ["r03", "r12", "r14"],
        "us": ["r07", "r16"],
        "calls": ["r02", "r21"],
        "notes": ["r11"],
        "pages": ["r10", "r18"],
        "actions": ["r13", "r19"],
        "surveys": ["r22"],
        "consent": ["r20"],
        "held": ["r04"],
        "problems": [],
        "identifiers": [],
    }
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}{SARA}?kind=customer")
        await expect(page.locator("#finder")).to_be_visible()
        await expect(page.locator("#narrow-by [data-active]")).to_have_text("1")
        kinds = await page.locator("#find-kind option").evaluate_all("all => all.map((one) => one.value)")
        assert kinds == ["", *wanted]
        for kind, ids in wanted.items():
            await page.select_option("#find-kind", kind)
            await shown(page, *ids)


async def test_the_last_choice_of_a_kind_counts(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        conversation = page.get_by_role("button", name="Conversation")
        await conversation.click()
        await page.keyboard.press("f")
        await page.select_option("#find-kind", "pages")
        await expect(conversation).to_have_attribute("aria-pressed", "false")
        await expect(page.locator("#e-r10")).to_be_visible()
        await conversation.click()
        await expect(page.locator("#find-kind")).to_have_value("")
        await expect(page.locator("#e-r10")).to_be_hidden()
        await expect(page.locator("#e-r12")).to_be_visible()


async def test_time_back_from_now_and_by_year(browser: Browser) -> None:
    async with running("fa") as desk, looking(browser, desk, language="fa") as page:
        await page.goto(desk.url + SARA)
        await page.click("#narrow-by")
        await page.select_option("#find-span", "1d")
        await expect(page.locator("#timeline > li").last).to_have_attribute("data-id", "r11")
        years = page.locator("#find-span optgroup option")
        names = await years.all_text_contents()
        assert names[0] == await page.evaluate(
            "new Intl.DateTimeFormat('fa-IR-u-ca-persian', {year: 'numeric'}).format()"
        )
        assert all(re.fullmatch("۱۴[۰-۹]{2}", name) for name in names)
        time = page.locator("#e-r22 time")
        await page.select_option("#find-span", "")
        await expect(time).to_be_visible()
        year = (await time.text_content() or "")[-4:]
        await page.select_option("#find-span", label=year)
        await expect(page.locator("#timeline > li").last).to_have_attribute("data-id", "r22")
        await page.select_option("#find-span", label=names[-1])
        await expect(page.locator("#no-fit")).to_be_visible()


async def test_a_link_and_a_reload_show_the_same(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        await page.keyboard.press("f")
        await page.fill("#find-text", "parcel")
        await page.select_option("#find-channel", "email")
        await shown(page, "r12")
        await page.reload()
        await shown(page, "r12")
        await expect(page.locator("#find-text")).to_have_value("parcel")
        await page.goto(f"{desk.url}{SARA}?kind=gone&span=1&q=parcel&channel=")
        await shown(page, "r07", "r12")


async def test_what_comes_in_meanwhile_is_held_against_the_filters(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}{SARA}?kind=customer&channel=sms")
        await expect(page.locator("#health")).to_have_attribute("data-state", "live")
        await shown(page, "r14")
        desk.store.change("csara", row("n1", 0, "email.received", "by mail"), row("n2", 1, "sms.received", "by SMS"))
        await expect(page.locator("#e-n2")).to_be_visible()
        await shown(page, "n2", "r14")
        await expect(page.locator("#main")).to_have_attribute("data-newest", "n1")  # an answer takes it as seen
        await page.get_by_role("button", name="Clear").click()
        await expect(page.locator("#e-n1")).to_be_visible()


async def test_what_only_the_log_has_is_found(browser: Browser, desk: Open) -> None:
    desk.store.trimmed["csara"] = now_ms()
    who: Identity = {"type": "email", "value": "sara@example.com", "verified": True}
    old = datetime.now(UTC) - timedelta(days=700)
    desk.log.events = [
        make(
            "email.received" if number else "agent.reply",
            id=f"o{number}",
            source="/t",
            identities=[who],
            received=old + timedelta(hours=number),
            text="where is order 123" if number in (0, 5) else "hello",
            channel="email",
        )
        for number in range(150)
    ]
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        await page.keyboard.press("f")
        await page.fill("#find-text", "order ۱۲۳")
        await expect(page.locator("#reached")).to_contain_text("nothing more that fits so far")
        await expect(page.locator("#no-fit")).to_be_hidden()
        await page.click("#earlier")
        await shown(page, "o5", "o0")
        await expect(page.locator("#earlier")).to_be_hidden()
        # What became of it is in the log, and was not asked for.
        await expect(page.locator("#e-o0 .under")).not_to_contain_text("on its way")
