"""The pages of rules, as marketers see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, Page, expect

from hub.topics import RULES
from rules.history import Change, publication
from rules.load import read_text
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
        yield desk


def published(desk: Open) -> dict[str, Any]:
    """The rule that was published last."""
    found: dict[str, Any] = orjson.loads(desk.bus.sent[-1][2])
    return found


async def settled(page: Page) -> None:
    """The check of what was typed last was answered."""
    await expect(page.locator("#faults-count")).not_to_be_empty()


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_and_is_accessible(
    browser: Browser, axe: str, tmp_path: Path, language: str, width: int, scheme: str
) -> None:
    more = {"role": "marketer", "language": language, "width": width, "color_scheme": scheme}
    async with shop(tmp_path, language) as desk, looking(browser, desk, reduced_motion="reduce", **more) as page:
        for path, shown in (("", "#rules-list tbody tr"), ("/cart", "#difference"), ("/cart/edit", ".tree-row")):
            await page.goto(f"{desk.url}/rules{path}")
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


async def whole(page: Page, name: str) -> None:
    """A picture of all of the page, however long it is."""
    size = page.viewport_size or {"width": 1280, "height": 900}
    height: int = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size({"width": size["width"], "height": max(900, height)})
    await picture(page, name)
    await page.set_viewport_size(size)
