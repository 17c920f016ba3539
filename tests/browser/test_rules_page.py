"""The pages of rules, as marketers see them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, Page, expect

from hub.arrivals import Arrivals
from hub.topics import RULES
from profile_store.effects import DAYS, Effects
from rules.book import Book
from rules.history import Change, publication
from rules.load import read_text
from rules.segments import Segment
from tests.browser.conftest import Open, looking, picture, running
from tests.browser.fakes import now_ms
from tests.browser.test_desk_page import findings, fits

pytestmark = pytest.mark.asyncio(loop_scope="session")

CART = """# the first rule of the shop
id: cart
name: {en: Reminder of a cart left behind, fa: یادآوری سبد خریدِ رهاشده}
note: Half an hour after the last thing was put into the cart.
on: web.track/Product Added
if:
  all:
    - any:
        - {field: profile.traits.tier, op: in, value: [gold, silver]}
        - {field: event.properties.price, op: ge, value: 50}
    - not: {field: profile.segments.loyal, op: eq, value: true}
    - {field: profile.latest.email.received.time, op: within, value: 30d}
wait: 30m
unless: {seen: web.track/Order Completed}
max_age: 2h
send:
  channel: [email, sms]
  purpose: marketing
  subject: {en: "{{ event.properties.name }} is waiting for you", fa: "{{ event.properties.name }} منتظر شماست"}
  text:
    en: |
      Hello{% if customer.first_name %} {{ customer.first_name }}{% endif %},

      you left {{ event.properties.name }} in your cart ({{ event.properties.price | money("EUR") }}).
    fa: |
      سلام {{ customer.first_name }}،

      {{ event.properties.name }} هنوز در سبد خریدتان است.
  short:
    en: "{{ event.properties.name }} is still in your cart."
    fa: "{{ event.properties.name }} هنوز در سبد خریدتان است."
cap: {count: 1, per: 1d}
"""
CALL = """id: call
name: {en: Apology for a missed call, fa: پوزش بابت تماس بی‌پاسخ}
state: shadow
on: phone.missed
send: {channel: sms, purpose: service, text: {en: We are sorry., fa: پوزش می‌خواهیم.}}
"""
LOYAL = Segment.model_validate(
    {"id": "loyal", "name": "Loyal", "if": {"field": "profile.events", "op": "gt", "value": 99}}
)
OLD = CALL.replace("id: call", "id: old").replace("state: shadow", "state: draft").replace("missed call", "lost call")


@asynccontextmanager
async def shop(tmp_path: Path, language: str = "en", **more: Any) -> AsyncIterator[Open]:
    """A desk with three rules, the first of which was changed once."""
    for name, text in {"cart": CART, "call": CALL, "old": OLD}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    async with running(language, rules=tmp_path, **more) as desk:
        changed = read_text(CART.replace("price, op: ge, value: 50", "price, op: ge, value: 80"), "cart").rules[0][0]
        (message,) = publication(
            [Change("cart", changed)], "Reza", now_ms() - 7_200_000, "Small carts are not worth it"
        )
        desk.bus.sent.append((f"hub.{RULES}", "k", message))
        desk.store.did["cart"] = _busy()
        stopped = Arrivals(900, 900, 0, 400, now_ms() - 18_000_000, now_ms() - 18_000_000, now_ms())
        desk.store.came["web.track/Product Added"] = {"event.properties.price:number": stopped}
        desk.store.declarations = Book(segments=(LOYAL,)).to_json()
        yield desk


def _busy() -> Effects:
    """A month in which it spoke more and more, and was held back now and then."""
    said, held = [day % 7 * (day // 6) for day in range(DAYS)], [day % 4 for day in range(DAYS)]
    reasons, became = {"consent": 30, "cap": 15}, {"sent": sum(said) - 4, "failed": 4, "answered": 21}
    return Effects(said, held, reasons, {"unless": 112}, became)


def published(desk: Open) -> dict[str, Any]:
    """The rule that was published last."""
    found: dict[str, Any] = orjson.loads(desk.bus.sent[-1][2])
    return found


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_and_is_accessible(
    browser: Browser, axe: str, tmp_path: Path, language: str, width: int, scheme: str
) -> None:
    more: dict[str, Any] = {"role": "marketer", "language": language, "width": width, "color_scheme": scheme}
    async with shop(tmp_path, language) as desk, looking(browser, desk, reduced_motion="reduce", **more) as page:
        for path, shown in (("", "#rules-list tbody tr"), ("/cart", "#difference"), ("/cart/edit", ".tree-row")):
            await visit(page, f"{desk.url}/rules{path}")
            await expect(page.locator(shown).first).to_be_visible()
            assert await fits(page)
            assert await findings(page, axe) == []
            name = path.strip("/").replace("/", "-") or "list"
            await whole(page, f"rules-{language}-{width}-{scheme}-{name}")
        await page.click("#tab-text")
        await expect(page.locator("#rule-text")).to_be_visible()
        assert await fits(page)
        assert await findings(page, axe) == []
        await whole(page, f"rules-{language}-{width}-{scheme}-text")


async def test_a_field_that_stopped_coming_is_marked(browser: Browser, tmp_path: Path) -> None:
    more: dict[str, Any] = {"role": "marketer", "language": "fa", "timezone_id": "Asia/Tehran"}
    async with shop(tmp_path, "fa") as desk, looking(browser, desk, **more) as page:
        await visit(page, f"{desk.url}/rules")
        row = page.locator("#rules-list tbody tr", has_text="یادآوری سبد")
        await expect(row.locator(".rule-missing")).to_contain_text("دیگر نمی‌آید؛ آخرین بار ۵ ساعت پیش آمد")
        bars = row.locator("svg.bars.small")
        await expect(bars).to_have_attribute("aria-label", re.compile("در ۳۰ روز"))
        first, last = [await bars.locator("rect.bar-held").nth(at).bounding_box() for at in (0, -1)]
        assert first is not None
        assert last is not None
        assert last["x"] < first["x"], "time runs with the script, to the left"
        await row.locator(".rule-name a").click()
        await expect(page.locator(".missing .code")).to_have_text("event.properties.price")
        await expect(page.locator("#did svg.bars")).to_be_visible()


async def visit(page: Page, address: str) -> None:
    """Open a page and wait until its scripts listen."""
    await page.goto(address)
    await expect(page.locator("#main[data-ready]")).to_be_attached(timeout=30_000)


async def whole(page: Page, name: str) -> None:
    """A picture of all of the page, however long it is."""
    size = page.viewport_size or {"width": 1280, "height": 900}
    height: int = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size({"width": size["width"], "height": max(900, height)})
    await picture(page, name)
    await page.set_viewport_size(size)


async def test_the_list_is_narrowed_and_leads_to_a_rule(browser: Browser, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="ops") as page:
        await page.goto(f"{desk.url}/activity")
        await page.click('[data-part="rules"] h2 a')
        await expect(page.locator("#main[data-ready]")).to_be_attached(timeout=30_000)
        rows = page.locator("#rules-list tbody tr")
        await expect(rows).to_have_count(3)
        await expect(page.get_by_role("link", name="New rule")).to_have_count(0)
        await page.get_by_role("radio", name="Shadow").check()
        await expect(rows).to_have_count(1)
        await expect(page).to_have_url(re.compile("state=shadow"))
        await visit(page, page.url)
        await expect(page.get_by_role("radio", name="Shadow")).to_be_checked()
        await page.get_by_role("radio", name="All").check()
        await page.fill("#rules-q", "lost call")
        await expect(rows).to_have_count(1)
        await expect(page.locator("#status")).to_have_text("1 rule fits")
        await rows.get_by_role("link").click()
        await expect(page.locator("h1")).to_have_text("Apology for a lost call")
        await expect(page.locator("[data-move]")).to_have_count(0)


async def test_a_rule_says_what_it_does_and_what_changed(browser: Browser, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/cart")
        says = page.locator(".says")
        for sentence in (
            "Tier of the customer is one of gold, silver",
            "30 minutes after that",
            "1 message in any 1 day",
        ):
            await expect(says).to_contain_text(sentence)
        await expect(page.locator("#preview-en .preview-subject mark")).to_have_text("Trail shoes")
        await page.get_by_role("tab", name="Persian").click()
        await expect(page.locator("#preview-fa .preview-sms")).to_contain_text("هنوز در سبد خریدتان است")
        await expect(page.locator("#difference del")).to_contain_text("is at least 50")
        await expect(page.locator("#difference ins")).to_contain_text("is at least 80")
        await page.focus("#compare-from")
        await page.select_option("#compare-from", label="Version 2 · \u2068Reza\u2069")
        await expect(page.locator("#difference")).to_contain_text("They say the same.")
        await expect(page.locator("#compare-from")).to_be_focused()


async def test_a_rule_is_paused_with_a_reason(browser: Browser, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/cart")
        await page.focus('[data-move="paused"]')
        await page.keyboard.press("Enter")
        await page.keyboard.type("Stock is out")
        await page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        await expect(page.locator(".rule-title .state")).to_have_text(re.compile("Paused"))
        await expect(page.locator(".rule-head q")).to_have_text("Stock is out")
        last = published(desk)
        assert (last["note"], last["by"], last["changes"][0]["rule"]["state"]) == ("Stock is out", "Mina", "paused")


async def test_whoever_comes_too_late_is_told(browser: Browser, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/cart")
        other = read_text(CART.replace("wait: 30m", "wait: 45m"), "cart").rules[0][0]
        (message,) = publication([Change("cart", other)], "Reza", now_ms())
        desk.bus.sent.append((f"hub.{RULES}", "k", message))
        sent = len(desk.bus.sent)
        await page.click('[data-move="retired"]')
        await page.locator("#move [data-do]").click()
        await expect(page.locator("#move .said")).to_contain_text("Somebody published another version meanwhile.")
        assert len(desk.bus.sent) == sent
        await page.get_by_role("link", name="Look at it").click()
        await expect(page.locator(".says")).to_contain_text("45 minutes after that")


async def test_a_rule_is_written_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    """From a new rule over a condition and a fault in the text to a publication, without a mouse."""
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/new")
        await expect(page.locator("#faults-count")).to_have_text(re.compile("faults"))
        for place, words in (
            ("#f-id", "thanks"),
            ("#f-name-en", "Thanks"),
            ("#f-subject-en", "Thank you"),
            ("#f-text-en", "For {{ event.properties.total }}"),
        ):
            await page.focus(place)
            await page.keyboard.type(words)
        await page.focus('[data-tree="if"] [data-add="row"]')
        await page.keyboard.press("Enter")
        await page.keyboard.type("event.properties.total")
        await page.keyboard.press("Tab")
        await page.keyboard.type("is at least")
        await page.keyboard.press("Tab")
        await page.keyboard.type("99.5")
        await expect(page.locator("#faults-count")).to_have_text(re.compile("No faults"))
        await page.focus("#tab-form")
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#rule-text")).to_be_visible()
        text = await page.locator("#rule-text").input_value()
        assert "if: {field: event.properties.total, op: ge, value: 99.5}" in text.splitlines()
        await page.locator("#rule-text").fill(text.replace("purpose: marketing", "purpose: spam"))
        fault = page.locator("#faults button")
        await expect(fault).to_have_count(1)
        await fault.focus()
        await page.keyboard.press("Enter")
        chosen = await page.evaluate(
            "(at => at.value.slice(at.selectionStart, at.selectionEnd))(document.activeElement)"
        )
        assert chosen.strip() == "purpose: spam"
        await page.keyboard.type("  purpose: service")
        await expect(page.locator("#faults-count")).to_have_text(re.compile("No faults"))
        await page.focus("#publish-note")
        await page.keyboard.type("A first try")
        await page.keyboard.press("Control+Enter")
        await expect(page).to_have_url(f"{desk.url}/rules/thanks")
        rule = published(desk)["changes"][0]["rule"]
        assert rule["send"]["purpose"] == "service"
        assert rule["state"] == "draft"


async def test_form_and_text_keep_everything(browser: Browser, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/cart/edit")
        await expect(page.locator("#rest")).to_have_text("Only in the text: max_age")
        await page.click("#tab-text")
        await page.locator("#rule-text").fill(CART)
        await page.click("#tab-form")
        await expect(page.locator("#view-note")).to_contain_text("comments")
        await page.click("#tab-text")
        assert await page.locator("#rule-text").input_value() == CART, "nothing was changed, so nothing is lost"
        await page.click("#tab-form")
        await page.fill("#f-priority", "7")
        tiers = page.locator('[data-tree="if"] [data-part="value"]').first
        await expect(tiers).to_have_value("gold, silver")
        await tiers.fill("gold, 5")
        await page.click("#tab-text")
        await expect(page.locator("#rule-text")).to_be_visible()
        before = read_text(CART, "cart").rules[0][0]
        after = read_text(await page.locator("#rule-text").input_value(), "cart").rules[0][0]
        assert after == read_text(CART.replace("[gold, silver]", "[gold, 5]") + "priority: 7\n", "cart").rules[0][0]
        assert (after.max_age, after.unless) == (before.max_age, before.unless)
        await page.locator("#rule-text").fill("id: [")
        await page.click("#tab-form")
        await expect(page.locator("#view-note")).to_contain_text("The form cannot show this text yet.")
        await expect(page.locator("#rule-text")).to_be_visible()


async def test_a_fault_leads_to_its_field_and_a_late_publication_is_shown(browser: Browser, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/cart/edit")
        await page.get_by_role("tab", name="Persian").click()
        await page.fill("#f-subject-fa", "{{ nothing }}")
        await page.get_by_role("tab", name="English").click()
        await page.get_by_role("button", name="send.subject.fa").click()
        await expect(page.locator("#f-subject-fa")).to_be_focused()
        await page.fill("#f-subject-fa", "سبد شما")
        await expect(page.locator("#faults-count")).to_have_text(re.compile("No faults"))
        other = read_text(CART.replace("wait: 30m", "wait: 45m"), "cart").rules[0][0]
        (message,) = publication([Change("cart", other)], "Reza", now_ms())
        desk.bus.sent.append((f"hub.{RULES}", "k", message))
        await page.get_by_role("button", name="Publish").click()
        await expect(page.locator("#publish-said")).to_contain_text("Yours would replace it.")
        await page.get_by_role("button", name="Publish mine anyway").click()
        await expect(page).to_have_url(f"{desk.url}/rules/cart")
        assert published(desk)["changes"][0]["rule"]["send"]["subject"]["fa"] == "سبد شما"


async def test_a_rule_that_cannot_work_is_not_saved_and_the_page_says_why(browser: Browser, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/call/edit")
        await page.click("#tab-text")
        await page.locator("#rule-text").fill(f"{CALL}if: {{field: profile.segments.royal, op: eq, value: true}}\n")
        fault = page.locator("#faults button")
        await expect(fault).to_contain_text("line 6 if.field: there is no segment royal; did you mean loyal?")
        sent = len(desk.bus.sent)
        await page.get_by_role("button", name="Publish").click()
        await expect(page.locator("#publish-said")).to_contain_text("there is no segment royal")
        await expect(page.locator("#faults-count")).to_have_text(re.compile("1 fault"))
        assert len(desk.bus.sent) == sent
        await page.locator("#rule-text").fill(f"{CALL}if: {{field: event.fron, op: exists}}\n")
        await expect(page.locator("#faults-count")).to_have_text(re.compile("No faults · 1 warning"))
        await expect(fault).to_contain_text("Warning: line 6 if.field: no phone.missed event has fron")


async def test_looking_back(browser: Browser, axe: str, tmp_path: Path) -> None:
    async with shop(tmp_path) as desk, looking(browser, desk, role="marketer", reduced_motion="reduce") as page:
        await visit(page, f"{desk.url}/rules/cart")
        await page.fill("#why-customer", "email:sara@example.com")
        await page.keyboard.press("Enter")
        await expect(page.locator("#why-answer")).to_contain_text("found: \u2068silver\u2069")
        assert desk.judge.asked[0][:2] == ("cart", "email:sara@example.com")
        await page.get_by_role("button", name="Try it out").click()
        await expect(page.locator("#backtest-answer .bars g")).to_have_count(14)
        await page.click("#backtest-answer summary")
        await expect(page.locator("#backtest-answer tbody tr")).to_have_count(14)
        assert await findings(page, axe) == []
    async with shop(tmp_path, judged=False) as desk, looking(browser, desk, role="marketer") as page:
        await visit(page, f"{desk.url}/rules/cart")
        await page.get_by_role("button", name="Try it out").click()
        await expect(page.locator("#backtest-answer")).to_contain_text("This installation cannot look back yet")
