"""What operators declared: rules, computed traits and segments, put together for the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hub.logs import get
from hub.settings import Settings
from profile_store.facets import windows
from profile_store.facets.windows import Index
from rules.declared import load_segments, load_traits
from rules.membership import Segments
from rules.traits import catalogue
from rules.watch import RuleFolder
from streams.decide import Engine

log: Final = get("declared")


@dataclass(frozen=True, slots=True)
class Declared:
    """All that is in force at one moment."""

    engine: Engine
    features: Index = field(default_factory=dict)
    """What computed traits keep, by kind of event."""
    segments: Segments = field(default_factory=Segments)


class Declarations:
    """Traits and segments as they are when the process starts; rules may change at any time.

    A trait or a segment that is new looks at new events only, until the customers are rebuilt.
    """

    def __init__(self, settings: Settings) -> None:
        traits = load_traits(settings.traits_dir)
        made = catalogue(traits.items)
        segments = load_segments(settings.segments_dir, made.readings)
        for problem in (*traits.problems, *segments.problems):
            log.error("a declaration is not in force", problem=str(problem))
        look, until = windows.readers(made.readings)
        self._features = windows.index(made.features)
        self._segments = Segments(segments.items, made.readings, look, until)
        self.rules = RuleFolder(
            settings.rules_dir, timezone=settings.timezone, language=settings.language, computed=look
        )

    def __call__(self) -> Declared:
        """What is in force now."""
        return Declared(self.rules.engine, self._features, self._segments)
