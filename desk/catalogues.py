"""The texts to translate, found in the code and the templates: `python -m desk.catalogues` updates the catalogues."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from desk.words import LANGUAGES, LOCALES

HERE: Final = Path(__file__).parent
_METHODS: Final = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_KEYWORDS: Final = {"_": None, "N_": None, "say": None, "ngettext": (1, 2)}
_OPTIONS: Final = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}}


def template() -> Catalog:
    """Every text that is shown, without translation."""
    found = Catalog(project="Interaction Hub", charset="utf-8")
    for place, line, message, comments, context in extract_from_dir(str(HERE), _METHODS, _OPTIONS, keywords=_KEYWORDS):
        found.add(message, None, [(place, line)], auto_comments=comments, context=context)
    return found


def path(language: str) -> Path:
    """The catalogue of a language."""
    return LOCALES / language / "LC_MESSAGES" / "desk.po"


def read(language: str) -> Catalog:
    """A catalogue as it is kept."""
    with path(language).open("rb") as file:
        return read_po(file, locale=language)


def update() -> None:
    """Bring every catalogue up to date with the texts; what is new has no translation yet."""
    for language in LANGUAGES:
        catalogue = read(language) if path(language).exists() else Catalog(locale=language)
        catalogue.update(template(), no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with path(language).open("wb") as file:
            write_po(file, catalogue, width=120, sort_output=True, no_location=True, omit_header=False)


if __name__ == "__main__":
    update()
