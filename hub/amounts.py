"""Amounts of money, exact: whole numbers of a currency's smallest unit, so that sums do not depend on their order."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final

NO_CURRENCY: Final = "XXX"
"""What ISO 4217 calls an amount of which nobody said the currency."""
LARGEST: Final = 10**15
"""Smallest units that one amount may have; more is a mistake of the sender."""
MOST: Final = 2**62
"""Where sums end: the store and other languages read whole numbers of 63 bits."""

_NONE: Final = "BIF CLP DJF GNF IRR IRT ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_FOUR: Final = "CLF UYW"
DECIMALS: Final[dict[str, int]] = {
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
}
"""Decimals of a currency, if not two, as it is used: nobody pays hundredths of a rial.

A part of the format of stored amounts: what is here is never changed.
"""

_CODE: Final = re.compile(r"[A-Za-z]{3}", re.ASCII)
_POINT: Final = re.compile(r"[+-]?(?:\d{1,20}|\d{1,3}(?:[, \u00a0\u202f']\d{3}){1,6})(?:\.\d{1,20})?")
_COMMA: Final = re.compile(r"[+-]?(?:\d{1,20}|\d{1,3}(?:[. \u00a0\u202f']\d{3}){1,6}),\d{1,20}")
_EITHER: Final = re.compile(r"[+-]?\d{1,3},\d{3}")
_BETWEEN: Final = re.compile(r"[. \u00a0\u202f']")
_THOUSANDS: Final = re.compile(r"[, \u00a0\u202f']")
_PERSIAN: Final = str.maketrans({"٫": ".", "٬": ","})


def currency(said: object) -> str:
    """The three capital letters of a currency, or XXX when none was said."""
    return said.strip().upper() if isinstance(said, str) and _CODE.fullmatch(said.strip()) else NO_CURRENCY


def _decimal(said: Any) -> Decimal | None:
    if isinstance(said, bool):
        return None
    if isinstance(said, int):
        return Decimal(said) if abs(said) <= LARGEST else None
    if isinstance(said, float):
        return Decimal(repr(said)) if abs(said) <= LARGEST else None  # NaN compares to nothing
    if not isinstance(said, str) or len(said) > 60:
        return None
    text = said.strip().translate(_PERSIAN)
    if _EITHER.fullmatch(text):
        return None  # `1,234` is a thousand to some and one to others
    if not _POINT.fullmatch(text):
        if not _COMMA.fullmatch(text):
            return None
        text = _BETWEEN.sub("", text).replace(",", ".")
    try:
        return Decimal(_THOUSANDS.sub("", text))
    except InvalidOperation:
        return None


def smallest(said: Any, code: str) -> int | None:
    """The amount in the smallest unit of its currency, or None when it is none. Takes numbers and text."""
    found = _decimal(said)
    if found is None or abs(found) > LARGEST:
        return None
    units = int(found.scaleb(DECIMALS.get(code, 2)).to_integral_value(ROUND_HALF_EVEN))
    return units if abs(units) <= LARGEST else None


def text(units: int, code: str) -> str:
    """The amount as people write it, with a point: `129.50`."""
    return f"{Decimal(units).scaleb(-DECIMALS.get(code, 2)):f}"


def add(one: int, other: int) -> int:
    """The sum of two amounts that are not negative. It ends at MOST, whatever the order of adding."""
    return min(one + other, MOST)
