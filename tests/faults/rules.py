"""A rule whose messages can be foretold: one for each order, however often and in whatever order it is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hub.event import Event

THANKS: Final = """
id: thanks
name: Thanks for an order
on: web.track/Order Completed
send:
  channel: email
  purpose: transactional
  subject: Thank you
  text: Your order has reached us.
"""


def thanked(events: Iterable[Event]) -> set[str]:
    """The orders that must each lead to one message."""
    return {event.id for event in events if event.data.get("name") == "Order Completed"}
