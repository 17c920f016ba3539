"""A customer as it lies in the store: a version, and the document; and how the document becomes a profile."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import Any, Final, cast

import orjson
import zstandard

from hub.jsonbytes import dumps
from hub.profile import Document, Part, Profile, empty, part
from profile_store import stage
from profile_store.merge import merge
from profile_store.phrases import DOCUMENTS

ABSENT: Final = ""
VERSION: Final = 12
"""Characters of a version, at the front of the stored document: a count of 8 digits, and 4 drawn by lot.

The lot is for a store that lost its tail: counted up again, a version must not look like the lost one to a worker
that still holds that.
"""
COUNT: Final = 8
PACKED: Final = b"1"
"""Stands before a document that is compressed, and says against which dictionary. A plain one begins with a brace."""
QUICK: Final = 1
"""The level of compression: a document is packed and unpacked once for nearly every event."""
LEAST: Final = 7
"""Bytes of the shortest repetition that is looked for; shorter ones take longer than they are worth."""
_FORMAT: Final = zstandard.FORMAT_ZSTD1_MAGICLESS


class _Press(threading.local):
    """What packs and unpacks documents; each thread has its own, since one may not be used by two at once."""

    def __init__(self) -> None:
        words = zstandard.ZstdCompressionDict(DOCUMENTS, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        how = zstandard.ZstdCompressionParameters.from_level(
            QUICK, source_size=1_500, dict_size=len(DOCUMENTS), min_match=LEAST, format=_FORMAT, write_dict_id=False
        )
        words.precompute_compress(compression_params=how)
        self.compress = zstandard.ZstdCompressor(dict_data=words, compression_params=how).compress
        self.decompress = zstandard.ZstdDecompressor(dict_data=words, format=_FORMAT).decompress


_press: Final = _Press()


def packed(before: str, document: Document) -> bytes:
    """A document as it is stored, in the version after `before`. What is empty is left out."""
    parts = {name: {key: value for key, value in one.items() if value} for name, one in document["parts"].items()}
    slim = {key: value for key, value in {**document, "parts": parts}.items() if value}
    plain = dumps(slim)
    small = _press.compress(plain)
    body = PACKED + small if len(small) < len(plain) else plain
    return b"%08d%04x" % (count(before) + 1, random.getrandbits(16)) + body


def count(version: str) -> int:
    """How often the document was written; never, where there was none or a pointer."""
    return 0 if version[:1] in ("", ">") else int(version[:COUNT])


def version(raw: bytes | None) -> str:
    """What a value must begin with if it is to be written over."""
    return "" if raw is None else raw[:VERSION].decode()


def alias(raw: bytes) -> str | None:
    """The customer this place belongs to, or None when it holds one of its own."""
    return raw[1:].decode() if raw[:1] == b">" else None


def unpacked(raw: bytes) -> Document:
    """The document in a stored value. We wrote it, so it is not checked again."""
    body = raw[VERSION:]
    slim: dict[str, Any] = orjson.loads(_press.decompress(body[1:]) if body[:1] == PACKED else body)
    parts: dict[str, Part] = {}
    for name, one in slim.get("parts", {}).items():
        parts[name] = whole = part()
        whole.update(one)
    return {
        "id": slim["id"],
        "nodes": slim.get("nodes", []),
        "parts": parts,
        "links": slim.get("links", {}),
        "timers": slim.get("timers", {}),
        "segments": slim.get("segments", {}),
    }


def view(document: Document) -> Profile:
    """The profile: all parts as one. Of a single part it shares the tables, so that a fold changes both."""
    parts = document["parts"]
    if len(parts) == 1:
        return settle(cast(Profile, next(iter(parts.values())).copy()), document)
    profile = empty(document["id"])
    for name in sorted(parts):
        merge(profile, parts[name])
    return settle(profile, document)


def settle(profile: Profile, document: Document) -> Profile:
    """Bring all that follows from the parts and their links up to date."""
    profile["id"] = document["id"]
    profile["identities"] = {}
    profile["links"] = document["links"]
    profile["timers"] = document["timers"]
    profile["segments"] = document["segments"]
    refresh(profile, document["nodes"])
    return profile


def refresh(profile: Profile, nodes: Sequence[str]) -> None:
    """Bring what follows from what was told up to date."""
    mentions, identities = profile["mentions"], profile["identities"]
    for node in nodes:
        known = mentions.get(node)
        if known is not None:
            identities[node] = known
        elif node not in identities:
            identities[node] = {"verified": False, "first": 0, "last": 0}
    profile["stage"] = stage.of(profile)


def canonical(document: Document) -> bytes:
    """A document as it is compared: what it holds, whatever order it was written in, without what is waited for."""
    parts = {name: {key: value for key, value in one.items() if value} for name, one in document["parts"].items()}
    slim = {"id": document["id"], "nodes": document["nodes"], "parts": parts, "links": document["links"]}
    return orjson.dumps(slim, option=orjson.OPT_SORT_KEYS)


def profile_of(raw: bytes) -> Profile:
    """The profile in a stored value."""
    return view(unpacked(raw))
