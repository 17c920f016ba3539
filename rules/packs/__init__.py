"""Rules to start from, in packs: each tells one story, in English and Persian. None is in force until it is installed,
and then it decides and notes, and says nothing, until somebody sets it live."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.errors import Misconfigured
from rules import needs
from rules.load import Problem, files, load_folder, read_text
from rules.model import Rule
from rules.paths import hint

HERE: Final = Path(__file__).parent
SHOP: Final = HERE.parent / "shop"
"""The pack that a new hub starts with."""
_ID: Final = re.compile(r"^id:.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pack:
    """A folder of rules that belong together."""

    name: str
    folder: Path
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def events(self) -> list[str]:
        """The kinds of events its rules need."""
        return _distinct(needs.events(rule) for rule in self.rules)

    @property
    def fields(self) -> list[str]:
        """The fields that decide whether and when its rules speak."""
        return sorted(_distinct(needs.fields(rule) for rule in self.rules))


def packs() -> list[Pack]:
    """All packs there are, by name."""
    folders = [SHOP, *(one for one in HERE.iterdir() if one.is_dir() and files(one))]
    return [_read(one) for one in sorted(folders, key=lambda one: one.name)]


def find(name: str) -> Pack:
    """The pack of that name. Raises Misconfigured."""
    known = {one.name: one for one in packs()}
    if name not in known:
        raise Misconfigured(f"there is no pack {name}" + hint(name, list(known)), f"Choose from: {', '.join(known)}.")
    return known[name]


def install(pack: Pack, folder: Path) -> list[Path]:
    """Copy a pack's files into a folder of rules, as shadow rules; the new files. Raises Misconfigured.

    Nothing is overwritten: when a file or a rule of it is there already, nothing is copied at all.
    """
    sources = files(pack.folder)
    here = {rule.id for rule in load_folder(folder).rules}
    taken = [one.name for one in sources if (folder / one.name).exists()]
    taken += [rule.id for rule in pack.rules if rule.id in here]
    if taken:
        raise Misconfigured(
            f"{', '.join(dict.fromkeys(taken))} is in {folder} already: nothing was copied",
            "Rename or remove what is there if you want it anew.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    copied = []
    for source in sources:
        target = folder / source.name
        text = shadowed(source.read_text(encoding="utf-8"), source.name)
        try:
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise Misconfigured(f"{target} was made by somebody else just now", "Look at it, and try again.") from None
        copied.append(target)
    return copied


def shadowed(text: str, filename: str) -> str:
    """A file of rules in which every rule is a shadow rule. Raises Misconfigured."""
    shadow = _ID.sub(lambda id: f"{id[0]}\nstate: shadow", text)
    page = read_text(shadow, filename)
    if page.problems or any(rule.state != "shadow" for rule, _ in page.rules):
        raise Misconfigured(f"{filename} cannot be installed: {', '.join(map(str, page.problems))}", "")
    return shadow


def _read(folder: Path) -> Pack:
    loaded = load_folder(folder)
    return Pack(folder.name, folder, loaded.rules, loaded.problems)


def _distinct(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(one for some in lists for one in some))
