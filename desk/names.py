"""How templates name people, languages, ways to write, and lines of the work list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale, UnknownLocaleError
from markupsafe import Markup

from desk import labels, views
from desk.filters import Filters, isolated
from desk.kinship import Standing
from desk.known import COARSE, feeling
from desk.reach import HOUR, Way
from desk.titles import UNTITLED, Titles
from desk.words import Words
from hub.profile import VALUE, Profile, Register
from profile_store.why import No
from rules.model import ANY_LANGUAGE


def way_icon(way: Way) -> str:
    """The icon of a way to write."""
    return {"sms": "message-square", "email": "mail", "instagram": "at-sign"}.get(way.kind.id, "message-circle")


def writing(language: str) -> str:
    """The direction a language is written in, for a text that may begin with what is filled in."""
    try:
        return "auto" if language == ANY_LANGUAGE else str(Locale.parse(language).text_direction)
    except (UnknownLocaleError, ValueError):
        return "auto"


class Names:
    """The names in one language."""

    def __init__(self, words: Words, filters: Filters, titles: Titles = UNTITLED) -> None:
        self._words = words
        self._filters = filters
        self._titles = titles

    def table(self) -> dict[str, Any]:
        """Every filter by its name in the templates."""
        people = (self.customer_name, self.tier_name, self.language_name, self.closed_reason)
        work = (self.work_name, self.work_address, self.work_line)
        kin = (self.refusal, self.standing, self.exactness, feeling)
        traits = (self.trait_name, self.trait_value, self.unfit)
        return {one.__name__: one for one in (*people, *work, *kin, *traits, way_icon, writing)}

    def trait_name(self, name: str) -> str:
        """What a trait or a fact is called: as declared, else as people write it."""
        declared = self._titles.traits.get(name)
        return str(self._filters.in_words(declared)) if declared else self._filters.label(name, labels.FACTS)

    def trait_value(self, said: object, name: str) -> object:
        """What a trait says; the word of a choice by its title."""
        if isinstance(said, list):
            return [self.trait_value(one, name) for one in said]
        declared = self._titles.words.get((name, said)) if isinstance(said, str) else None
        return self._filters.in_words(declared) if declared else said

    def unfit(self, note: Register) -> str:
        """Why a statement about a trait was not kept, or not whole."""
        reason, limit, _ = note[VALUE]
        shown = limit if isinstance(limit, str) else self._words.digits(limit)
        return self._words.say(labels.unfit(reason, limit), limit=shown)

    def refusal(self, no: No) -> str:
        """What stood against an identity."""
        known = labels.REFUSALS.get(no["code"], no["code"])
        return self._words.say(known, n=self._words.digits(no["limit"] or ""))

    def standing(self, limit: Standing) -> str:
        """A limit that two customers together would break."""
        if limit.code != "limit":
            return self._words.say(
                "A customer has at most %(n)s identifiers; together they would have %(m)s. Nobody can go beyond that.",
                **self._figures(limit),
            )
        kind = self._filters.label(limit.type, labels.IDENTITIES)
        return self._words.say(
            "%(kind)s: a customer has at most %(n)s; together they would have %(m)s.",
            kind=kind,
            **self._figures(limit),
        )

    def _figures(self, limit: Standing) -> dict[str, str]:
        return {"n": self._words.digits(limit.limit), "m": self._words.digits(len(limit.values))}

    def exactness(self, metres: int) -> str:
        """How exact a place is."""
        if metres < COARSE:
            return self._words.say("within %(n)s m", n=self._words.digits(metres))
        return self._words.say("within %(n)s km", n=self._words.digits(round(metres / COARSE)))

    def closed_reason(self, way: Way) -> str:
        """Why an agent cannot write this way."""
        if way.closed == "window":
            if not way.last:
                return self._words.say("only after they write")
            hours = (views.now_ms() - way.last) // HOUR
            return self._words.say("closed: last message %(n)s h ago", n=self._words.digits(hours))
        if way.closed == "withdrawn":
            return self._words.say("the customer does not want this")
        if way.closed in labels.FAULTS:
            return self._words.say(labels.FAULTS[way.closed])
        return self._words.say(labels.NO_ADDRESS.get(way.kind.id, labels.NO_ADDRESS["email"]))

    def customer_name(self, profile: Profile) -> str:
        """What to call a customer, also one who never gave a name."""
        named = views.name_of(profile)
        if named:
            return named
        known = [one for one in views.identities(profile) if one["type"] not in views.ANONYMOUS]
        if known:
            return views.address_name(known[0]["type"], known[0]["value"])
        return self._words.say("Visitor %(id)s", id=profile["id"][-4:])

    def tier_name(self, tier: object) -> str:
        """A loyalty tier: as declared, else as it is known here."""
        named = self.trait_value(tier, "tier")
        if named is not tier:
            return str(named)
        known = labels.TIERS.get(str(tier).lower())
        return self._words.say(known) if known else str(tier)

    def language_name(self, code: str) -> str:
        """A language as its readers here call it."""
        try:
            name = Locale.parse(code).get_language_name(self._words.language)
        except (UnknownLocaleError, ValueError):
            name = None
        return name or code

    def work_name(self, notice: Mapping[str, Any]) -> Markup:
        """Whom a line of the work list is about."""
        if notice.get("name"):
            return isolated(notice["name"])
        if notice.get("display"):
            return isolated(notice["display"], "ltr")
        return isolated(self._words.say("Unknown caller") if notice.get("call") else self._words.say("Unknown visitor"))

    def work_address(self, notice: Mapping[str, Any]) -> Markup:
        """The address in a line of the work list, where it is not the name already."""
        return isolated(notice["display"], "ltr") if notice.get("name") and notice.get("display") else Markup("")

    def work_line(self, notice: Mapping[str, Any]) -> Markup:
        """What it is about, in a few words."""
        call = notice.get("call")
        if isinstance(call, dict):
            return isolated(self._filters.label(str(call.get("state")), labels.CALLS))
        text = notice.get("text")
        said = self._words.say("“%(text)s”", text=text) if text else self._filters.act(str(notice.get("type")))
        return isolated(said)
