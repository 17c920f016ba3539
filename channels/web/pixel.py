"""Tracking pixels: an event in the query of an image, for mails and pages without scripts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import orjson

from hub.errors import Rejected

GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""One transparent point."""

_DEEPEST: Final = 5


def document(query: Mapping[str, str]) -> dict[str, Any]:
    """The event in `data` (base64 of JSON), or in parameters like `properties.plan=pro`. Raises Rejected."""
    packed = query.get("data")
    if packed is None:
        return _nested(query)
    text = packed.replace("-", "+").replace("_", "/").replace(" ", "+")
    try:
        content = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError):
        raise Rejected("data is not base64 of a JSON object", field="data") from None
    if not isinstance(content, dict):
        raise Rejected("data is not base64 of a JSON object", field="data")
    return content


def _nested(query: Mapping[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in query.items():
        *path, last = name.split(".", _DEEPEST)
        place = content
        for part in path:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[last] = value
    return content
