"""Fields that there are not, and predicates that their fields can never fulfil."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from rules import values, vocabulary
from rules.catalogue import Catalogue, Domain
from rules.conditions import NAMED, Compare, Exists, OneOf, Seen, Text
from rules.demands import Mode, test
from rules.finding import Finding, Place, nearest, slip
from rules.paths import Path, parse
from rules.sight import Leaf, Sight
from rules.tree import field_of

_MORE: Final[Mapping[Mode, Mode]] = {"holds": "does not hold", "fails": "does not fail"}


def unknown(sight: Sight) -> Iterator[Finding]:
    """Fields and kinds of events that nobody declared and nothing says."""
    for number, on in enumerate(sight.rule.on):
        yield from _kind(sight, ("on", number), str(on))
    for leaf in sight.leaves:
        if isinstance(leaf.node, Seen):
            for number, kind in enumerate(leaf.node.seen):
                yield from _kind(sight, (*leaf.place, "seen", number), kind)
    for place, name in sight.fields:
        path = parse(name)
        look = _LOOKS.get(path.place)
        if look is not None:
            yield from look(sight, place, path)


def unfit(sight: Sight) -> Iterator[Finding]:
    """Predicates that can never be so, and those that always are, by what the field is."""
    for leaf in sight.leaves:
        name = field_of(leaf.node)
        if not name:
            continue
        domain = sight.domain(parse(name))
        if domain.values == values.EVERYTHING:
            continue
        if _never(sight, leaf, leaf.mode, domain):
            yield _told_never(sight, leaf, name, domain)
            continue
        if domain.sure and leaf.mode in _MORE and _never(sight, leaf, _MORE[leaf.mode], domain):
            yield sight.told(leaf.place, "warning", "always", f"{_is(name, domain)}: this is always so", "leave it out")
        if isinstance(leaf.node, OneOf) and leaf.mode == "holds":
            yield from _some(sight, leaf, leaf.node, domain)


def words(leaf: Leaf) -> str:
    """A predicate in words."""
    node: Any = leaf.node
    said = "" if leaf.mode in {"holds", "does not fail"} else "not "
    if isinstance(node, Seen):
        return f"{said}seen {', '.join(node.seen)}"
    if not hasattr(node, "op"):
        return f"{said}a list with such an element"
    return f"{said}{node.op} {_shown(node.value)}"


def _shown(value: Any) -> str:
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _is(name: str, domain: Domain) -> str:
    return f"{name} is {domain.says if domain.sure else 'usually ' + domain.says}" + (
        " and never missing" if domain.always and domain.sure else ""
    )


def _never(sight: Sight, leaf: Leaf, mode: Mode, domain: Domain) -> bool:
    """Whether a predicate cannot be so, whichever of its values the field has."""
    name = field_of(leaf.node)
    left = domain.values
    for key, allowed in sight.reader.demanded(leaf.node, mode):
        left = left & allowed if key == name else left
    known = left.words()
    if isinstance(leaf.node, Text) and mode in _MORE and known:
        holds = test(leaf.node)
        left = left._replace(texts=values.among(word for word in known if holds(word) is (mode == "holds")).texts)
    return (values.whole(left) if domain.whole else left).empty


def _told_never(sight: Sight, leaf: Leaf, name: str, domain: Domain) -> Finding:
    node, hint = leaf.node, ""
    known = domain.values.words()
    if isinstance(node, Compare | OneOf) and known:
        asked = node.value if isinstance(node.value, tuple) else (node.value,)
        hint = next((found for one in asked if isinstance(one, str) and (found := nearest(one, known))), "")
    place = leaf.place if isinstance(node, Exists) else (*leaf.place, "value" if hasattr(node, "value") else "list")
    reason = f"{_is(name, domain)}: {words(leaf)} can never be so"
    return sight.told(place, "error" if domain.sure else "warning", "type", reason, hint)


def _some(sight: Sight, leaf: Leaf, node: OneOf, domain: Domain) -> Iterator[Finding]:
    """Of a list of values those that the field never has."""
    known = domain.values.words() or []
    for number, value in enumerate(node.value):
        if (values.among([value]) & domain.values).empty:
            reason = f"{_is(node.field, domain)}, never {_shown(value)}"
            hint = nearest(value, known) if isinstance(value, str) else ""
            yield sight.told((*leaf.place, "value", number), "warning", "type", reason, hint)


def _kind(sight: Sight, place: Place, text: str) -> Iterator[Finding]:
    kind, _, name = text.partition("/")
    if kind not in sight.catalogue.events:
        hint = nearest(kind, sight.catalogue.events)
        yield sight.told(place, "warning", "event", f"no channel of the hub tells of {kind}", hint)
    elif kind == NAMED and name:
        yield from _slipped(sight, place, name, tuple(sight.catalogue.properties))


def _slipped(sight: Sight, place: Place, word: str, known: tuple[str, ...]) -> Iterator[Finding]:
    """A name that anyone may choose, spelled almost as one that is known."""
    meant = slip(word, known)
    if meant:
        yield sight.told(place, "warning", "field", f"{word} is almost {meant}", f"did you mean {meant}?")


def _declared(what: str, known: Callable[[Catalogue], Any]) -> Callable[[Sight, Place, Path], Iterator[Finding]]:
    def look(sight: Sight, place: Place, path: Path) -> Iterator[Finding]:
        name, there = path.keys[0], known(sight.catalogue)
        if name not in there:
            yield sight.told(place, "error", "field", f"there is no {what} {name}", nearest(name, there))

    return look


def _data(sight: Sight, place: Place, path: Path) -> Iterator[Finding]:
    found = missing(sight, path.keys)
    if found is not None:
        yield sight.told(place, "warning", "field", *found)


def missing(sight: Sight, keys: tuple[str, ...]) -> tuple[str, str] | None:
    """What to say of a field of the event's data that such events do not have, and what is meant; None when they do,
    or nobody knows."""
    on = sight.rule.on
    heads, usual = sight.catalogue.heads(on), sight.catalogue.named(on)
    if heads is None:
        return None
    if keys[0] not in heads:
        told = " or ".join(dict.fromkeys(one.type for one in on))
        meant = f"did you mean event.properties.{keys[0]}?" if keys[0] in usual else nearest(keys[0], heads)
        return f"no {told} event has {keys[0]}", meant
    if keys[0] == "properties" and len(keys) > 1:
        meant = slip(keys[1], tuple(usual))
        return (f"{keys[1]} is almost {meant}", f"did you mean event.properties.{meant}?") if meant else None
    return None


def _traits(sight: Sight, place: Place, path: Path) -> Iterator[Finding]:
    yield from _slipped(sight, place, path.keys[0], (*sight.catalogue.traits, *vocabulary.TRAITS))


def _named(known: tuple[str, ...]) -> Callable[[Sight, Place, Path], Iterator[Finding]]:
    return lambda sight, place, path: _slipped(sight, place, path.keys[0], known)


def _channels(sight: Sight, place: Place, path: Path) -> Iterator[Finding]:
    channel = path.keys[0]
    known = {one.partition(".")[0] for one in sight.catalogue.events}
    if channel not in known:
        yield sight.told(place, "warning", "field", f"there is no channel {channel}", nearest(channel, known))


_LOOKS: Final[Mapping[str, Callable[[Sight, Place, Path], Iterator[Finding]]]] = {
    "computed": _declared("computed trait", lambda catalogue: catalogue.computed),
    "segments": _declared("segment", lambda catalogue: catalogue.segments),
    "data": _data,
    "traits": _traits,
    "facts": _named(vocabulary.FACTS),
    "consent": _named(vocabulary.CONSENTS),
    "identities": _named(vocabulary.IDENTITIES),
    "channels": _channels,
    "counts": lambda sight, place, path: _kind(sight, place, path.keys[0]),
    "latest": lambda sight, place, path: _kind(sight, place, path.keys[0]),
}
"""By where a field lies: who says that it is not known."""
