"""Pages and their parts as HTML, in one language."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from desk import labels, reach, rows, views
from desk.ports import Row
from desk.words import Words, telephone, words
from hub.profile import Profile, language, value

TEMPLATES: Final = Path(__file__).parent / "templates"
PANELS: Final = ("header", "call", "told", "journey", "consent", "why", "ways")
"""Parts of a customer's page that are replaced while it is open; each is a template `panels/<name>.html`."""


def now_ms() -> int:
    """This moment in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Renderer:
    """The templates, with the words of one language."""

    def __init__(self, spoken: Words) -> None:
        self.words = spoken
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.install_gettext_translations(spoken.catalogue, newstyle=True)  # type: ignore[attr-defined]
        self._environment.filters.update(
            label=self._label,
            digits=spoken.digits,
            identity=self._identity,
            amount=self._amount,
            when=self._when,
            plain=plain,
        )
        self._environment.globals.update(
            words=spoken,
            labels=labels,
            views=views,
            icon=icon,
            value=value,
            script_words=self._script_words(),
            now=now_ms,
        )

    def page(self, name: str, **values: Any) -> str:
        """A whole page."""
        return self._environment.get_template(f"{name}.html").render(**values)

    def panels(self, profile: Profile, timeline: list[rows.Entry]) -> dict[str, str]:
        """Every panel of a customer's page, by name."""
        values = self.customer(profile, timeline)
        return {name: self._environment.get_template(f"panels/{name}.html").render(**values) for name in PANELS}

    def entry(self, entry: rows.Entry) -> str:
        """One entry of the timeline, as an `<li>`."""
        return self._environment.get_template("entry.html").render(entry=entry)

    def customer(self, profile: Profile, timeline: list[rows.Entry]) -> dict[str, Any]:
        """What the templates of a customer are given."""
        reasons = [one for one in timeline if one.row["type"] in ("rule.fired", "rule.held")]
        return {
            "profile": profile,
            "name": self.name(profile),
            "call": views.call(profile),
            "call_time": profile["call"][1] if "call" in profile else 0,
            "call_began": call_began(profile, timeline),
            "verification": views.verification(profile),
            "customer_language": language(profile),
            "figures": figures(profile),
            "ways": reach.ways(profile, now_ms()),
            "reasons": reasons[:3],
        }

    def name(self, profile: Profile) -> str:
        """What to call a customer, also one who never gave a name."""
        named = views.name_of(profile)
        if named:
            return named
        known = [one for one in views.identities(profile) if one["type"] not in views.ANONYMOUS]
        if known:
            return telephone(known[0]["value"]) if views.is_telephone(known[0]["type"]) else known[0]["value"]
        return self.words.say("Visitor %(id)s", id=profile["id"][-4:])

    def _label(self, name: str, table: Mapping[str, str]) -> str:
        """What a table calls it; what no table knows is shown as people write it."""
        found = table.get(name) or table.get(name.partition(".")[2])
        return self.words.say(found) if found else name.replace("_", " ").replace("-", " ").capitalize()

    def _identity(self, kind: str, text: str) -> Markup:
        shown = telephone(text) if views.is_telephone(kind) else text
        return Markup('<bdi dir="ltr">{}</bdi>').format(shown)

    def _amount(self, number: object) -> str:
        if isinstance(number, float) and 0 < number < 1:
            return self.words.digits(f"{number:.0%}")
        if isinstance(number, int | float) and not isinstance(number, bool):
            return self.words.digits(f"{number:,.0f}" if abs(number) >= 1000 else f"{number:g}")
        return str(number)

    def _when(self, moment: int) -> Markup:
        """A moment as its age; the page's script keeps it true and adds date and time in the reader's zone."""
        age = self.words.ago(moment, now_ms())
        return Markup('<time datetime="{}">{}</time>').format(views.moment(moment), age)

    def _script_words(self) -> str:
        return orjson.dumps({name: self.words.say(text) for name, text in labels.SCRIPT.items()}).decode()


@lru_cache(maxsize=8)
def renderer(language: str, zone: str) -> Renderer:
    """The templates in a language; made once."""
    return Renderer(words(language, zone))


def icon(name: str, title: str = "") -> Markup:
    """A Lucide icon from our sprite; decoration unless it has a title."""
    use = Markup('<use href="/static/icons/icons.svg#{}"></use>').format(name)
    if not title:
        return Markup('<svg class="icon" aria-hidden="true">{}</svg>').format(use)
    return Markup('<svg class="icon" role="img" aria-label="{}">{}</svg>').format(title, use)


def plain(thing: object) -> Markup:
    """A value of unknown shape as text that stands for itself in either direction of writing."""
    if isinstance(thing, dict | list):
        thing = orjson.dumps(thing).decode()
    if isinstance(thing, bool):
        thing = "✓" if thing else "✗"
    return Markup('<bdi dir="auto">{}</bdi>').format(escape(str(thing)))


def figures(profile: Profile) -> list[tuple[str, Any]]:
    """Up to three numbers of the header, each once."""
    found: dict[str, Any] = {}
    for name, label in labels.FIGURES.items():
        said = value(profile["traits"], name)
        if isinstance(said, int | float) and not isinstance(said, bool):
            found.setdefault(label, said)
    return list(found.items())[:3]


def call_began(profile: Profile, timeline: list[rows.Entry]) -> int:
    """When the call that is on now came in, so that waiting counts from there."""
    now = views.call(profile)
    if now is None:
        return 0
    for entry in timeline:
        if entry.kind in ("call", "fault") and entry.first("call") in (now.get("id"), now):
            return entry.rows[-1]["time"]
    newest = next((entry for entry in timeline if entry.kind == "call"), None)
    return newest.rows[-1]["time"] if newest else profile["call"][1]


def timeline_of(found: list[Row]) -> list[rows.Entry]:
    """Rows as entries."""
    return rows.entries(found)
