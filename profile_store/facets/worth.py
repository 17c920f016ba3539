"""Worth: what the customer bought and gave back, exact and in each currency, an order that is told twice once.

| key | what |
|---|---|
| orders | `{hash of order_id: [time, ref, currency, amount]}`, and at times `, again, back, whole, open]` |
| sums | `{currency: tally}` of purchases without an order id, and of orders beyond the table |
| back | `{currency: tally}` of refunds likewise |
| beyond | 1 when orders found no place in the table: one of these that is told twice counts twice |
| open | cancellations of those orders that name no amount |
| left | what could not be read as an amount, or was in a currency beyond the bound |

A tally is `[number, sum, first, last, largest]`; amounts are whole numbers of the smallest unit. Of an order, the
newest report is its amount; *again* are tallies of the older ones, *back* of its refunds, *whole* is how many events
took all of it back, and *open* how many of these named no amount.

The table holds the orders with the smallest hashes. Which ones these are follows from the set of events, and an
order that has left never comes back, since the smaller ones stay. So it may be emptied into the sums, as it would
have been counted there report by report; *again* is kept for that. Up to KEPT orders everything is exact. Beyond
them those in the table stay exact; of the others repeats cannot be told apart, and cancellations that name no
amount are only counted. Refunds are not told apart: what is given back of an order in the table ends at its amount.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from hub import amounts
from hub.event import Event
from hub.ids import digest
from profile_store.facets.carry import part, text

NAME: Final = "worth"

KEPT: Final = 64
"""Orders in the table."""
CURRENCIES: Final = 4
"""Currencies with tallies, the lexically smallest. Orders in the table may have any."""

TIME, REF, CURRENCY, AMOUNT, AGAIN, BACK, WHOLE, OPEN = range(8)
NUMBER, SUM, FIRST, LAST, LARGEST = range(5)

BOUGHT: Final = "Order Completed"
GIVEN_BACK: Final = {"Order Refunded": "refund", "Order Cancelled": "cancel"}
ORDER: Final = ("order_id", "orderId")
NOT_YET: Final = frozenset(
    {"Checkout Started", "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered", "Order Updated"}
    | {"Product Viewed", "Product Added", "Product Removed", "Product Added to Wishlist", "Cart Viewed"}
)
"""Tracked events whose `revenue` is only a hope."""

Tally: TypeAlias = list[int]
Tallies: TypeAlias = dict[str, Tally]
Json: TypeAlias = dict[str, Any]


def _told(event: Event) -> tuple[str, Mapping[str, Any], tuple[str, ...]] | None:
    """What an event is about, order, refund or cancel, with its fields and where the amount may stand."""
    own = part(event.data, "amount")
    if own:
        kind = own.get("kind", "order")
        return (kind, own, ("value",)) if kind in ("order", "refund", "cancel") else None
    if event.type != "web.track":
        return None
    name, fields = event.data.get("name"), part(event.data, "properties")
    if name == BOUGHT:
        return "order", fields, ("revenue", "total", "value")
    if not isinstance(name, str):
        return None
    if name in GIVEN_BACK:
        return GIVEN_BACK[name], fields, ("total", "revenue", "value")
    if name not in NOT_YET and fields.get("revenue") is not None:
        return "order", fields, ("revenue",)
    return None


def _amount(fields: Mapping[str, Any], names: tuple[str, ...], code: str) -> tuple[int | None, bool]:
    """The first amount that can be read, and whether there was one to read."""
    said = [fields[name] for name in names if fields.get(name) is not None]
    found = (amounts.smallest(one, code) for one in said)
    return next((one for one in found if one is not None and one >= 0), None), bool(said)


def fold(profile: Json, event: Event, ms: int, ref: str) -> None:
    """Count what was bought or given back in the event."""
    if event.type != "web.track" and "amount" not in event.data:
        return
    told = _told(event)
    if told is None:
        return
    kind, fields, names = told
    code = amounts.currency(fields.get("currency"))
    amount, said = _amount(fields, names, code)
    order = next((id for name in ORDER if (id := text(fields.get(name), 200))), "")
    worth = profile.setdefault(NAME, {})
    if amount is None and (kind == "order" or not order or (said and kind == "refund")):
        worth["left"] = worth.get("left", 0) + 1
        return
    if order:
        entry = _entry(kind, ms, ref, code, amount)
        _put(worth, digest(order, 5), entry)
    elif amount is not None:
        _tally(worth.setdefault("sums" if kind == "order" else "back", {}), code, [1, amount, ms, ms, amount])
    _bound(worth)


def _entry(kind: str, ms: int, ref: str, code: str, amount: int | None) -> list[Any]:
    """What one event says of its order."""
    if kind == "order":
        return [ms, ref, code, amount]
    back = {} if amount is None else {code: [1, amount, ms, ms, amount]}
    whole = kind == "cancel" or amount is None
    return [0, "", "", None, {}, back, int(whole), int(amount is None)]


def _tally(tallies: Tallies, code: str, other: Tally) -> None:
    ours = tallies.get(code)
    if ours is None:
        tallies[code] = list(other)
        return
    number, total, first, last, largest = other
    ours[NUMBER] += number
    ours[SUM] = amounts.add(ours[SUM], total)
    ours[FIRST], ours[LAST] = min(ours[FIRST], first), max(ours[LAST], last)
    ours[LARGEST] = max(ours[LARGEST], largest)


def _once(entry: list[Any]) -> Tally:
    """An order as a tally."""
    return [1, entry[AMOUNT], entry[TIME], entry[TIME], entry[AMOUNT]]


def _put(worth: Json, name: str, theirs: list[Any]) -> None:
    """Add what is known of an order to the table."""
    orders = worth.setdefault("orders", {})
    ours = orders.get(name)
    if ours is None:
        orders[name] = [*theirs[:AGAIN], *_copied(theirs)]
        return
    again, back, whole, open = _copied(ours)
    more_again, more_back, more_whole, more_open = _copied(theirs)
    for code, tally in more_again.items():
        _tally(again, code, tally)
    for code, tally in more_back.items():
        _tally(back, code, tally)
    reports = sorted((one[:AGAIN] for one in (ours, theirs) if one[AMOUNT] is not None), reverse=True)
    for older in reports[1:]:
        _tally(again, older[CURRENCY], _once(older))
    rest = [again, back, whole + more_whole, open + more_open]
    orders[name] = [*(reports[0] if reports else ours[:AGAIN]), *(rest if any(rest) else [])]


def _copied(entry: list[Any]) -> list[Any]:
    """The second half of an entry, as its own: nothing is shared."""
    if len(entry) == AGAIN:
        return [{}, {}, 0, 0]
    again, back, whole, open = entry[AGAIN:]
    return [_apart(again), _apart(back), whole, open]


def _apart(tallies: Tallies) -> Tallies:
    return {code: list(tally) for code, tally in tallies.items()}


def _bound(worth: Json) -> None:
    """Empty what the table cannot hold into the sums, and drop the tallies of too many currencies."""
    orders = worth.get("orders", {})
    while len(orders) > KEPT:
        _spill(worth, orders.pop(max(orders)))
    codes = {code for tallies in _tallies(worth) for code in tallies}
    for code in sorted(codes)[CURRENCIES:]:
        for tallies in _tallies(worth):
            if code in tallies:
                worth["left"] = worth.get("left", 0) + tallies.pop(code)[NUMBER]
    for name, entry in orders.items():
        if len(entry) > AGAIN and not any(entry[AGAIN:]):
            orders[name] = entry[:AGAIN]
    for name in ("sums", "back"):
        if worth.get(name) == {}:
            del worth[name]


def _tallies(worth: Json) -> Iterator[Tallies]:
    yield from (worth[name] for name in ("sums", "back") if name in worth)
    for entry in worth.get("orders", {}).values():
        yield from entry[AGAIN:WHOLE]


def _spill(worth: Json, entry: list[Any]) -> None:
    worth["beyond"] = 1
    again, back, _, open = _copied(entry)
    if entry[AMOUNT] is not None:
        _tally(again, entry[CURRENCY], _once(entry))
    for code, tally in again.items():
        _tally(worth.setdefault("sums", {}), code, tally)
    for code, tally in back.items():
        _tally(worth.setdefault("back", {}), code, tally)
    if open:
        worth["open"] = worth.get("open", 0) + open


def merge(into: Json, other: Json) -> None:
    """Add what the customer of the other profile bought and gave back."""
    theirs = other.get(NAME)
    if theirs is None:
        return
    ours = into.setdefault(NAME, {})
    for name, entry in theirs.get("orders", {}).items():
        _put(ours, name, entry)
    for table in ("sums", "back"):
        for code, tally in theirs.get(table, {}).items():
            _tally(ours.setdefault(table, {}), code, tally)
    for number in ("open", "left"):
        if number in theirs:
            ours[number] = ours.get(number, 0) + theirs[number]
    if "beyond" in theirs:
        ours["beyond"] = 1
    _bound(ours)
