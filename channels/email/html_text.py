"""From HTML to text: read by nh3 as browsers do; what would take it long is stripped bluntly."""

from __future__ import annotations

import html
import re
from typing import Final

import nh3

DEEPEST: Final = 300
MOST_TAGS: Final = 30_000
"""Beyond these a parser of HTML is quadratic: 150,000 nested elements take it minutes."""

BLOCKS: Final = {"p", "div", "br", "tr", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "table", "hr", "pre"}
UNSEEN: Final = {"script", "style", "title", "head", "svg", "math", "template", "noscript"}
VOID: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "col", "area", "base", "source", "wbr"})

_OPEN: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")
_TAG: Final = re.compile(r"<(/?)([a-z0-9]+)>")
_ANY_TAG: Final = re.compile(r"<[^<>]*>")
_CODE: Final = re.compile(r"<(script|style|/script|/style)", re.IGNORECASE)


def _harmless(source: str) -> bool:
    """Whether it is small and flat enough to be read as HTML."""
    depth = 0
    for count, tag in enumerate(_OPEN.finditer(source)):
        if tag[1]:
            depth -= 1
        elif tag[2].lower() not in VOID:
            depth += 1
        if depth > DEEPEST or count > MOST_TAGS:
            return False
    return True


def _without_code(source: str) -> str:
    """Without what stands between the tags of scripts and styles."""
    kept: list[str] = []
    start, inside = 0, False
    for tag in _CODE.finditer(source):
        if not inside:
            kept.append(source[start : tag.start()])
        inside = not tag[1].startswith("/")
        start = tag.start()
    return "".join(kept) if inside else "".join([*kept, source[start:]])


def html_text(source: str, *, quotations: bool = True) -> str:
    """The text in HTML; without what is marked as a quotation, if so wished."""
    if not _harmless(source):
        return html.unescape(_ANY_TAG.sub(" ", _without_code(source)))
    unseen = UNSEEN if quotations else UNSEEN | {"blockquote"}
    tags = BLOCKS | ({"blockquote"} if quotations else set())
    safe = nh3.clean(source, tags=tags, attributes={}, clean_content_tags=unseen, strip_comments=True)
    flat = re.sub(r"\s+", " ", safe)
    lines = _TAG.sub(lambda tag: "\n\n" if tag[2] == "p" and tag[1] else "\n", flat)
    return html.unescape("\n".join(line.strip() for line in lines.split("\n")))
