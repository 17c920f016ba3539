"""Where a customer stands in the lifecycle."""

from __future__ import annotations

from typing import Final

from hub.profile import TIME, Told

BOUGHT: Final = ("web.track/Order Completed",)
CHOOSING: Final = ("web.track/Product Added", "web.track/Checkout Started", "web.track/Cart Viewed")
LOOKING: Final = ("web.track/Product Viewed", "web.track/Products Searched", "web.track/Product List Viewed")
ENOUGH_PAGES: Final = 3


def _newest(told: Told, names: tuple[str, ...]) -> int:
    latest = told["latest"]
    return max((latest[name][TIME] for name in names if name in latest), default=0)


def stage(told: Told) -> str:
    """What they did last among buying, choosing and looking decides."""
    bought, choosing = _newest(told, BOUGHT), _newest(told, CHOOSING)
    if choosing > bought:
        return "purchase"
    if bought:
        return "after"
    looked = _newest(told, LOOKING) or told["counts"].get("web.page", 0) >= ENOUGH_PAGES
    return "evaluation" if looked else "need"
