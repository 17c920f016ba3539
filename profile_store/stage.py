"""Where a customer stands in the lifecycle: by the stages that an operator declared, else by what is built in."""

from __future__ import annotations

from typing import Final

from hub.profile import STAGE, TIME, Profile, Register, Told, standing

BOUGHT: Final = ("web.track/Order Completed",)
CHOOSING: Final = ("web.track/Product Added", "web.track/Checkout Started", "web.track/Cart Viewed")
LOOKING: Final = ("web.track/Product Viewed", "web.track/Products Searched", "web.track/Product List Viewed")
ENOUGH_PAGES: Final = 3


def _newest(latest: dict[str, Register], names: tuple[str, ...]) -> int:
    newest = 0
    for name in names:
        found = latest.get(name)
        if found is not None and found[TIME] > newest:
            newest = found[TIME]
    return newest


def of(profile: Profile) -> str:
    """The declared stage that the customer is in, else the built-in one."""
    members = profile["segments"]
    return (standing(members, STAGE) if members else "") or stage(profile)


def stage(told: Told) -> str:
    """What is built in: what they did last among buying, choosing and looking decides."""
    latest = told["latest"]
    bought, choosing = _newest(latest, BOUGHT), _newest(latest, CHOOSING)
    if choosing > bought:
        return "purchase"
    if bought:
        return "after"
    looked = _newest(latest, LOOKING) or told["counts"].get("web.page", 0) >= ENOUGH_PAGES
    return "evaluation" if looked else "need"
