"""Pages and their parts as HTML, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from desk import known, labels, reach, rows, rulelabels, views
from desk.filters import Filters, icon
from desk.kinship import Kinship
from desk.names import Names
from desk.places import NOWHERE, Places
from desk.ports import Row
from desk.rulediff import RuleDiff
from desk.rulefields import Fields
from desk.ruletext import RuleText
from desk.script import SCRIPT
from desk.titles import UNTITLED, Titles
from desk.words import Words, words
from hub.profile import TIME, Profile, language, value
from profile_store.insight.models import Named, models
from profile_store.insight.scores import Model, Score

TEMPLATES: Final = Path(__file__).parent / "templates"
PANELS: Final = (
    "header",
    "call",
    "matters",
    "told",
    "signs",
    "journey",
    "consent",
    "why",
    "identifiers",
    "ways",
    "about",
)
"""Parts of a customer's page that are replaced while it is open; each is a template `panels/<name>.html`."""


YEARS: Final = 12
"""Years that a timeline can be narrowed to."""


class Renderer:
    """The templates, with the words of one language."""

    def __init__(self, spoken: Words, models: Mapping[str, Model], titles: Titles = UNTITLED) -> None:
        self.words = spoken
        self._models = models
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.install_gettext_translations(spoken.catalogue, newstyle=True)  # type: ignore[attr-defined]
        filters = Filters(spoken)
        self._names = Names(spoken, filters, titles)
        said = RuleText(spoken, filters, Fields(spoken, filters, titles))
        rules = {**said.table(), **RuleDiff(spoken, filters, said).table()}
        self._environment.filters.update({**filters.table(), **self._names.table(), **rules})
        self._environment.globals.update(
            words=spoken,
            labels=labels,
            rulelabels=rulelabels,
            known=known,
            views=views,
            icon=icon,
            value=value,
            script_words=self._script_words(),
        )

    def page(self, template: str, /, **values: Any) -> str:
        """A whole page."""
        return self._environment.get_template(f"{template}.html").render(**values)

    def panels(self, kin: Kinship, timeline: list[rows.Entry], where: Places = NOWHERE) -> dict[str, str]:
        """Every panel of a customer's page, by name."""
        values = {**self.customer(kin.profile, timeline, where), "kin": kin}
        return {name: self._environment.get_template(f"panels/{name}.html").render(**values) for name in PANELS}

    def part(self, name: str, **values: Any) -> str:
        """A part of a page that is asked for by itself."""
        return self._environment.get_template(f"{name}.html").render(**values)

    def entry(self, entry: rows.Entry) -> str:
        """One entry of the timeline, as an `<li>`."""
        return self._environment.get_template("entry.html").render(entry=entry)

    def customer(self, profile: Profile, timeline: list[rows.Entry], where: Places = NOWHERE) -> dict[str, Any]:
        """What the templates of a customer are given; `where` is what is declared."""
        spoken = self.words.language
        likely = known.likely(profile, self._models)
        reasons = [one for one in timeline if one.row["type"] in ("rule.fired", "rule.held")]
        return {
            "profile": profile,
            "name": self._names.customer_name(profile),
            "call": views.call(profile),
            "digits": typed(profile, timeline),
            "reply_subject": reply_subject(timeline),
            "call_time": profile["call"][TIME] if "call" in profile else 0,
            "call_began": call_began(profile, timeline),
            "verification": views.verification(profile),
            "stage": where.stage(profile, spoken),
            "tier": where.tier(profile, spoken),
            "journey": where.journey(profile, spoken),
            "customer_language": language(profile),
            "figures": figures(profile, likely),
            "likely": likely,
            "ways": reach.ways(profile, views.now_ms()),
            "reasons": reasons[:3],
            "matters": known.matters(profile),
            "years": self.words.years(profile["first"], views.now_ms())[:YEARS] if profile["first"] else [],
            "signs": known.signs(profile),
        }

    def _script_words(self) -> str:
        return orjson.dumps({name: self.words.say(text) for name, text in SCRIPT.items()}).decode()


@lru_cache(maxsize=8)
def renderer(language: str, zone: str, scores: Named = (), titles: Titles = UNTITLED) -> Renderer:
    """The templates in a language, with the models of scores and the titles of traits; made once."""
    return Renderer(words(language, zone), models(scores), titles)


def figures(profile: Profile, likely: Mapping[str, Score]) -> list[tuple[str, Any]]:
    """Up to three numbers of the header, each once: what was said of the customer before what a model thinks."""
    found: dict[str, Any] = {}
    for name, label in labels.FIGURES.items():
        said = value(profile["traits"], name)
        if isinstance(said, int | float) and not isinstance(said, bool):
            found.setdefault(label, said)
    if "churn" in likely:
        found.setdefault(labels.LIKELY["churn"], likely["churn"].value)
    return list(found.items())[:3]


def reply_subject(timeline: list[rows.Entry]) -> str:
    """What an answer by mail is about: the customer's last mail."""
    for entry in timeline:
        if entry.row["type"] == "email.received":
            subject = str(entry.row["data"].get("subject") or "")[:180]
            return subject if subject.lower().startswith("re:") or not subject else f"Re: {subject}"
    return ""


def _steps(profile: Profile, timeline: list[rows.Entry]) -> rows.Entry | None:
    """The steps of the newest call."""
    now = views.call(profile) or {}
    return next((entry for entry in timeline if now and rows.call_id(entry.row) == now.get("id")), None)


def typed(profile: Profile, timeline: list[rows.Entry]) -> str:
    """What was typed into the phone menu during the newest call."""
    steps = _steps(profile, timeline)
    return str((views.call(profile) or {}).get("digits") or (steps and steps.first("digits")) or "")


def call_began(profile: Profile, timeline: list[rows.Entry]) -> int:
    """When the newest call came in, so that waiting counts from there; 0 when there was none."""
    if "call" not in profile:
        return 0
    steps = _steps(profile, timeline)
    return steps.rows[-1]["time"] if steps else int(profile["call"][TIME])


def timeline_of(found: list[Row]) -> list[rows.Entry]:
    """Rows as entries."""
    return rows.entries(found)
