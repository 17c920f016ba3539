"""Joining and taking apart on the page: the reasons, the previews, and what was decided."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from hub.errors import Transient
from hub.event import Event, make
from hub.identity import Identity
from hub.profile import Link
from tests.browser.conftest import Open, looking, picture, running
from tests.browser.fakes import now_ms
from tests.browser.test_desk_page import findings, fits

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOW = datetime.now(UTC)
SARA = "/customers/csara"


def asked(desk: Open) -> Event:
    """The newest request."""
    return Event.from_json(desk.bus.sent[-1][2])


def decide(desk: Open, name: str, link: Link) -> None:
    """What a worker would do with it."""
    link[2] = asked(desk).ref
    desk.store.profiles["csara"]["links"][name] = link
    desk.store.change("csara")


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_dialogs_are_accessible_and_fit(browser: Browser, axe: str, language: str, width: int) -> None:
    async with (
        running(language) as desk,
        looking(browser, desk, language=language, width=width, role="supervisor", reduced_motion="reduce") as page,
    ):
        desk.store.profiles["clena"]["identities"]["user_id:u-5"] = {"verified": True, "first": 1, "last": now_ms()}
        await page.goto(desk.url + SARA)
        if width < 1280:
            await page.click("#tab-context")
        for opener in ('[data-merge="clena"]', '[data-merge=""]'):
            await page.click(opener)
            await expect(page.locator("#arrange h2")).to_be_visible()
            assert await findings(page, axe) == []
            assert await fits(page)
            await picture(page, f"merge-{language}-{width}-{'pair' if 'clena' in opener else 'ask'}")
            await page.keyboard.press("Escape")
            await expect(page.locator("#arrange")).to_be_hidden()
        await page.click(".because >> nth=1")
        await page.click(".because[open] [data-unmerge]")
        await expect(page.locator("#arrange .side")).to_have_count(2)
        assert await findings(page, axe) == []
        assert await fits(page)
        await picture(page, f"unmerge-{language}-{width}")


async def test_merge_by_keyboard_from_a_suggestion(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        await expect(page.locator(".suggested")).to_contain_text("Lena Vogt")
        await page.focus('[data-merge="clena"]')
        await page.keyboard.press("Enter")
        await expect(page.locator("#arrange")).to_contain_text(re.compile("The page of .Sara Mohammadi. stays"))
        await expect(page.locator(".conflicts tbody tr")).to_have_count(1)
        await page.focus("#arrange [data-do]")
        await page.keyboard.press("Enter")
        await expect(page.locator("#arrange .said")).to_have_text("Asked; waiting for the decision")
        topic, key, raw = desk.bus.sent[0]
        event = Event.from_json(raw)
        assert (topic, key, event.type) == ("hub.interactions", "customer:csara", "agent.merge")
        assert [one["value"] for one in event.identities] == ["csara", "clena"]
        assert event.data["merge"] == {"force": False}
        link = ["joined", now_ms(), "", "by hand", "user_id:u-4711", "email:lena@example.com"]
        decide(desk, "email:lena@example.com\nuser_id:u-4711", link)
        await expect(page.locator("#arrange")).to_contain_text("They are one customer now.")
        await page.keyboard.press("Enter")
        await expect(page.locator("#arrange")).to_be_hidden()
        await expect(page.locator('[data-merge="clena"]')).to_be_focused()


async def test_a_refusal_says_which_limit(browser: Browser, desk: Open) -> None:
    desk.store.profiles["clena"]["identities"]["user_id:u-5"] = {"verified": True, "first": 1, "last": now_ms()}
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        await page.click('[data-merge="clena"]')
        await expect(page.locator("#arrange .warning")).to_have_text(
            "User: a customer has at most 1; together they would have 2."
        )
        await expect(page.locator("#arrange [data-do]")).to_be_disabled()
        await expect(page.locator("#arrange")).to_contain_text("Only a supervisor may go beyond a limit.")
    async with looking(browser, desk, role="supervisor") as page:
        await page.goto(desk.url + SARA)
        await page.click('[data-merge="clena"]')
        await page.locator("#arrange [name=force]").check()
        await page.click("#arrange [data-do]")
        await expect(page.locator("#arrange .said")).to_have_text("Asked; waiting for the decision")
        assert asked(desk).data["merge"] == {"force": True}
        ref = asked(desk).ref
        desk.store.profiles["csara"]["refused"]["email:lena@example.com"] = ["size", now_ms(), ref]
        desk.store.change("csara")
        await expect(page.locator("#arrange .said")).to_have_text("Refused: a customer has at most 64 identifiers")


async def test_merge_with_anybody(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        await page.click('[data-merge=""]')
        for text, said in (
            ("phone:+49305550999", "Nobody is known by this."),
            ("email:sara@example.com", "Both are this customer already."),
        ):
            await page.fill("#merge-with", text)
            await page.keyboard.press("Enter")
            await expect(page.locator("#arrange [role=alert]")).to_have_text(said)
        await page.fill("#merge-with", "phone:+989121234567")
        await page.keyboard.press("Enter")
        await expect(page.locator("#arrange .side").nth(1)).to_contain_text("Reza Karimi")


async def test_not_this_customer(browser: Browser, desk: Open) -> None:
    desk.bus.broken = Transient("Kafka does not answer", retry_after=2)
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        await page.click('.because[data-identity="anonymous_id:b7f3"] summary')
        await page.click('[data-unmerge="anonymous_id:b7f3"]')
        await expect(page.locator("#arrange .side").nth(0)).to_contain_text("u-4711")
        await expect(page.locator("#arrange .side").nth(1)).to_contain_text("b7f3")
        also = page.get_by_role("checkbox", name="E-mail sara@example.com")
        await also.check()
        await expect(page.locator("#arrange .side")).to_have_count(3)
        await expect(also).to_be_focused()
        await page.keyboard.press("Space")
        await expect(page.locator("#arrange .side")).to_have_count(2)
        await page.click("#arrange [data-do]")
        await expect(page.locator("#arrange .said")).to_contain_text("Kafka does not answer")
        desk.bus.broken = None
        await page.click("#arrange [data-do]")
        await expect(page.locator("#arrange .said")).to_have_text("Asked; waiting for the decision")
        assert asked(desk).data["unmerge"] == {"identities": ["anonymous_id:b7f3"]}
        del desk.store.profiles["csara"]["identities"]["anonymous_id:b7f3"]
        link = ["apart", now_ms(), "", "by hand", "phone:+4917012345678", "anonymous_id:b7f3"]
        decide(desk, "anonymous_id:b7f3\nuser_id:u-4711", link)
        await expect(page.locator("#arrange")).to_contain_text("They are apart now.")
        await page.click("#arrange [data-close]")
        await expect(page.locator('[data-identity="anonymous_id:b7f3"]')).to_have_count(0)
        await expect(page.locator("#identifiers-title")).to_be_focused()


async def test_why_shows_the_event_from_the_log(browser: Browser, desk: Open) -> None:
    person: Identity = {"type": "email", "value": "sara@example.com", "verified": True}
    event = make("web.identify", id="e1", source="/web", identities=[person], received=NOW, text="<b>hello</b>")
    desk.log.events.append(event)
    desk.store.profiles["csara"]["links"]["email:sara@example.com\nuser_id:u-4711"][2] = event.ref
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        details = page.locator('.because[data-identity="email:sara@example.com"]')
        await details.locator("summary").click()
        await expect(details).to_contain_text("Signed in")
        await expect(details).to_contain_text("<b>hello</b>")
        await expect(details).to_contain_text("Named together with User u-4711")


async def test_a_refused_claim_is_shown_to_whose_it_is(browser: Browser, desk: Open) -> None:
    refused = desk.store.profiles["csara"]["refused"]
    refused["phone:+989121234567"] = ["limit:phone", now_ms(), "r9"]
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/clena")
        await expect(page.locator(".suggested")).to_contain_text("Sara Mohammadi")
        await expect(page.locator(".refused")).to_have_count(0)
        await page.goto(f"{desk.url}/customers/creza")
        claim = page.locator(".refused li")
        await expect(claim).to_contain_text("a customer has at most 5 of this kind")
        await claim.get_by_role("link", name="Sara Mohammadi").click()
        await expect(page).to_have_url(re.compile("/customers/csara"))


async def test_older_rows_come_from_the_log(browser: Browser, desk: Open) -> None:
    desk.store.trimmed["clena"] = now_ms()
    who: Identity = {"type": "email", "value": "lena@example.com", "verified": True}
    stranger: Identity = {"type": "email", "value": "other@example.com", "verified": True}
    old = NOW.replace(year=NOW.year - 1, day=1)
    desk.log.events = [
        make(
            "sms.received",
            id=f"o{n}",
            source="/t",
            identities=[who if n < 2 else stranger],
            received=old,
            text=f"old {n}",
        )
        for n in range(150)
    ]
    async with looking(browser, desk) as page:
        await page.goto(f"{desk.url}/customers/clena")
        await page.click("#earlier")
        await expect(page.locator("#reached")).to_contain_text("Looked back to")
        await page.click("#earlier")
        await expect(page.locator("#timeline > li")).to_have_count(2)
        await expect(page.locator("#timeline > li").first).to_contain_text("old")
        await expect(page.locator("#earlier")).to_be_hidden()
        await expect(page.locator("#reached")).to_be_hidden()


async def test_open_matters_stand_first(browser: Browser, desk: Open) -> None:
    async with looking(browser, desk) as page:
        await page.goto(desk.url + SARA)
        first = page.locator("#context > section").first
        await expect(first).to_contain_text("Overdue: the carrier calls back")
        await expect(page.locator(".other")).to_contain_text("another source says 40")
        await expect(page.locator('[data-panel="signs"]')).to_contain_text("within 30 m")
        await page.goto(f"{desk.url}/customers/clena")
        await expect(page.locator('[data-panel="matters"]')).to_be_hidden()
