"""Devices: what apps and browsers say of themselves, and what must never be kept of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.ids import digest
from profile_store.facets import devices
from tests.contract.recorded import FOLDER
from tests.unit.facets import folded, told

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "wanted"),
    [
        (CHROME, ("windows/chrome", "desktop", "", "Windows", "Chrome", None)),
        (CHROME + " Edg/126.0.0.0", ("windows/edge", "desktop", "", "Windows", "Edge", None)),
        (CHROME + " OPR/111.0", ("windows/opera", "desktop", "", "Windows", "Opera", None)),
        (IPHONE, ("ios/safari", "phone", "", "iOS", "Safari", None)),
        (IPHONE.replace("Version/17.5", "CriOS/126.0"), ("ios/chrome", "phone", "", "iOS", "Chrome", None)),
        (PHONE, ("android/chrome", "phone", "", "Android", "Chrome", None)),
        (PHONE.replace("Mobile ", ""), ("android/chrome", "tablet", "", "Android", "Chrome", None)),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            ("linux/firefox", "desktop", "", "Linux", "Firefox", None),
        ),
        ("Mozilla/5.0 (Linux; Android 6.0.1) Chrome/126.0 Mobile Safari/537.36 (compatible; Googlebot/2.1)", None),
        (CHROME.replace("Chrome/", "HeadlessChrome/"), None),
        ("analytics-ruby/2.4", None),
        ("Dalvik/2.1.0 (Linux; U; Android 14; SM-G991B)", None),
        ("", None),
    ],
)
def test_what_a_browser_says(agent: str, wanted: tuple[Any, ...] | None) -> None:
    assert devices.browser(agent) == wanted


def test_what_the_web_channel_leaves_of_an_app() -> None:
    """From the recorded request of an app to the device, without its token."""
    recorded = orjson.loads((FOLDER / "web_segment" / "kotlin_device.out").read_bytes())
    events = [told(one["type"], number, **one["data"]) for number, one in enumerate(recorded)]
    found = folded(devices, events)["devices"]
    wanted = [events[0].ms, events[0].ref, "phone", "SM-G991B", "Android 14", "Shop 4.2.1", 1]
    assert found["seen"] == {"b9f3c1de-77aa-4a6b-9d3b-0f3a0f4c1a22": wanted}
    assert b"secret" not in orjson.dumps([found, recorded])


@pytest.mark.parametrize(
    ("device", "push"), [({"token": "t"}, 1), ({"token": ""}, 0), ({"push": True}, 1), ({"push": False}, 0), ({}, None)]
)
def test_a_token_becomes_yes_or_no(device: dict[str, Any], push: int | None) -> None:
    found = folded(devices, [told("web.page", context={"device": {"id": "d", "model": "Pixel", **device}})])
    assert found["devices"]["seen"]["d"][devices.PUSH] == push
    assert b'"t"' not in orjson.dumps(found)


def test_an_id_alone_does_not_make_a_known_device_forgotten() -> None:
    whole = told(
        "web.page", 1, context={"device": {"id": "d", "model": "Pixel 8", "type": "Mobile"}, "os": {"name": "Android"}}
    )
    bare = told("web.page", 2, minute=5, context={"device": {"id": "d"}})
    assert folded(devices, [whole, bare]) == folded(devices, [whole])
    assert folded(devices, [bare]) == {}


def test_an_app_without_an_id_is_known_by_what_it_says() -> None:
    event = told("web.page", context={"device": {"model": "Pixel 8"}, "os": {"name": "Android", "version": 14}})
    assert list(folded(devices, [event])["devices"]["seen"]) == ["android 14/pixel 8"]


def test_the_ten_used_last_are_kept_and_none_looks_new() -> None:
    def used(number: int, minute: int) -> Any:
        context = {"device": {"id": f"d{number:02d}", "model": "Pixel"}}
        return told("web.page", minute, minute=minute, context=context)

    events = [used(number, number) for number in range(12)] + [used(0, 12)]
    found = folded(devices, events)["devices"]
    assert sorted(found["seen"]) == ["d00", *(f"d{number:02d}" for number in range(3, 12))]
    assert found["seen"]["d00"][devices.TIME] == events[12].ms
    assert found["first"][digest("d00", 4)] == events[0].ms
