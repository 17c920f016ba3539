"""What rules live on and do, in their API and on their pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from desk.views import now_ms
from hub.arrivals import Arrivals
from profile_store.effects import DAYS, Effects
from tests.browser.kit import Kit, kit, token

BASE = "/api/v1/rules"
CART = """id: cart
name: {en: Cart, fa: سبد}
on: web.track/Product Added
if: {field: event.properties.price, op: ge, value: 50}
send: {channel: sms, purpose: service, text: Hello}
"""
HELLO = """id: hello
name: {en: Hello}
on: sms.received
send: {channel: sms, purpose: service, text: Hello}
"""
KIND, NAME = "web.track/Product Added", "event.properties.price:number"
HOUR = 3_600_000


def shop(folder: Path) -> Path:
    (folder / "cart.yaml").write_text(CART)
    (folder / "hello.yaml").write_text(HELLO)
    return folder


def gone(hours: int = 5, **more: Any) -> dict[str, dict[str, Arrivals]]:
    """A field that came always, and for some hours has not."""
    now = now_ms()
    return {KIND: {NAME: Arrivals(900, 900, 0, 400, now - hours * HOUR, now - hours * HOUR, now, **more)}}


def busy() -> Effects:
    said, held = [0] * DAYS, [0] * DAYS
    said[-1], said[-3], held[-3] = 4, 8, 2
    became = {"sent": 11, "failed": 1, "answered": 3}
    return Effects(said, held, {"consent": 2}, {"unless": 5}, became)


async def listed(desk: Kit) -> dict[str, Any]:
    answer = await desk.ask("GET", BASE, "marketer")
    assert answer.status_code == 200
    return {one["id"]: one for one in answer.json()["items"]}


async def page(desk: Kit, path: str, language: str = "en") -> str:
    cookies = {"hub_session": token("marketer"), "hub_language": language}
    answer = await desk.client.get(path, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", "", answer.text).split())


async def test_a_field_that_stopped_is_in_the_list_and_with_the_rule(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        assert [one["missing"] for one in (await listed(desk)).values()] == [[], []]
        desk.store.came = gone()
        (found,) = (await listed(desk))["cart"]["missing"]
        assert (found["event"], found["field"], found["as"]) == (KIND, "event.properties.price", "number")
        assert (found["state"], found["otherwise"]) == ("stopped", False)
        assert abs(found["since"] - now_ms() + 5 * HOUR) < HOUR
        assert (await listed(desk))["hello"]["missing"] == []
        one = (await desk.ask("GET", f"{BASE}/cart", "ops")).json()
        assert one["missing"] == [found]


async def test_a_paused_rule_misses_nothing(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        desk.store.came = gone()
        await desk.ask("POST", f"{BASE}/cart/state", "marketer", json={"state": "paused"})
        assert (await listed(desk))["cart"]["missing"] == []


async def test_what_a_rule_did_by_day_and_why(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        desk.store.did = {"cart": busy()}
        found = (await listed(desk))["cart"]["effects"]
        assert (found["said"], found["held"]) == (12, 2)
        assert sorted(found["days"].items())[0][1] == {"said": 8, "held": 2}
        assert len(found["days"]) == 2
        assert "reasons" not in found
        one = (await desk.ask("GET", f"{BASE}/cart", "marketer")).json()["effects"]
        assert (one["reasons"], one["ended"]) == ({"consent": 2}, {"unless": 5})
        assert one["became"] == {"sent": 11, "failed": 1, "answered": 3}
        assert (await listed(desk))["hello"]["effects"] == {"said": 0, "held": 0, "days": {}}


async def test_rules_are_shown_also_while_the_store_is_away(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        desk.store.away = True
        found = (await listed(desk))["cart"]
        assert (found["missing"], found["effects"], found["state"]) == (None, None, "live")
        assert "Not known at the moment" in await page(desk, "/rules/cart")
        assert "Cart" in await page(desk, "/rules")


async def test_a_retired_rule_keeps_what_it_did(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        desk.store.did, desk.store.came = {"cart": busy()}, gone()
        await desk.ask("DELETE", f"{BASE}/cart", "marketer")
        one = (await desk.ask("GET", f"{BASE}/cart", "marketer")).json()
        assert (one["missing"], one["effects"]["said"]) == ([], 12)
        assert "Spoke: 12" in await page(desk, "/rules/cart")


async def test_the_pages_say_it_in_words(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        desk.store.did, desk.store.came = {"cart": busy()}, gone()
        for path in ("/rules", "/rules/cart"):
            text = await page(desk, path)
            assert (
                "“Product Added” on the site: Price of the event does not come any more, the last time was 5 h ago"
                in (text)
            )
        one = await page(desk, "/rules/cart")
        for said in ("event.properties.price", "Answered 3", "the customer did not agree to this 2", "Held back: 2"):
            assert said in one
        assert "it was no longer needed 5" in one
        persian = await page(desk, "/rules/cart", "fa")
        assert "دیگر نمی‌آید؛ آخرین بار ۵ ساعت پیش آمد" in persian
        assert "نگه داشته شد: ۲" in persian


async def test_the_picture_has_words_for_who_does_not_see_it(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        desk.store.did = {"cart": busy()}
        cookies = {"Cookie": f"hub_session={token('marketer')}; hub_language=en"}
        text = (await desk.client.get("/rules", headers=cookies)).text
        said = re.findall(r'role="img" viewBox[^>]* aria-label="([^"]+)"', text)
        assert len(said) == 1
        assert said[0].startswith("It spoke 12 times in 30 days, held back 2 times, most on ")
        assert text.count('class="bar-sent"') == 2


async def test_other_ways_to_miss_a_field_have_their_own_words(tmp_path: Path) -> None:
    async with kit(rules=shop(tmp_path)) as desk:
        desk.store.came = gone(odd=400)
        assert "comes so that the rule cannot use it" in await page(desk, "/rules")
        now = now_ms()
        desk.store.came = {KIND: {NAME: Arrivals(dry=500, since=now - 9 * HOUR, latest=now)}}
        assert "Price of the event never came yet" in await page(desk, "/rules")
        (found,) = (await listed(desk))["cart"]["missing"]
        assert (found["state"], found["looked"]) == ("never", 500)
