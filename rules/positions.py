"""Where in a folder's files findings lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from rules.finding import Finding, Place
from rules.load import Problem, files, text_of
from rules.source import Unreadable, documents, position_of


class Position(NamedTuple):
    """A place in a file; line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Places:
    """The rules of a folder as text, by their ids; of two with one id the first."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._nodes: dict[str, tuple[str, yaml.Node]] = {}
        for file, text in texts.items():
            try:
                found = documents(text)
            except Unreadable:
                continue
            for data, node in found:
                if isinstance(data, dict) and isinstance(data.get("id"), str):
                    self._nodes.setdefault(data["id"], (file, node))

    @classmethod
    def of_folder(cls, folder: Path) -> Places:
        """Those of a folder's files."""
        read = {path.name: text_of(path) for path in files(folder)}
        return cls({name: text for name, text in read.items() if not isinstance(text, Problem)})

    def of(self, finding: Finding) -> Position | None:
        """Where a finding lies; None when it is about no rule of a file."""
        known = self._nodes.get(finding.rule)
        return None if known is None else Position(known[0], *position_of(known[1], steps(finding.field)))


def steps(field: str) -> Place:
    """The way to a field that was written as text."""
    return tuple(int(step) if step.isdecimal() else step for step in field.split(".") if step)
