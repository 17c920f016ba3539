"""Three rules to start with, in English and Persian."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


def install(folder: Path, *, wait: str | None = None) -> list[Path]:
    """Copy the rules into an empty folder, with another wait if one is given; what is there stays untouched."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return []
    copied = []
    for source in sorted(FOLDER.glob("*.yaml")):
        text = source.read_text(encoding="utf-8")
        if wait is not None:
            text = text.replace("wait: 30m", f"wait: {wait}")
        target = folder / source.name
        target.write_text(text, encoding="utf-8")
        copied.append(target)
    return copied
