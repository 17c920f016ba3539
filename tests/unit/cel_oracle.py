"""Google's CEL as a second opinion: the text of a condition, evaluated by it over an event and a profile.

Where CEL's values are not ours, they are handed over so that they behave alike:

- null is left out (a field that is null is missing, to us), and the maps above every field that is asked are there
  (`has(a.b.c)` fails in CEL when `a.b` is missing; to us the field just is not there);
- counts, traffic and segments that a profile has nothing about are 0 and false, as the language has it;
- moments are timestamps;
- NaN is bytes: like ours it is unequal to everything and has no order, whereas CEL's is neither less nor more.

What still differs is said by `delicate`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from cel_expr_python import cel

from hub.profile import Profile, language
from rules.access import down
from rules.conditions import Condition, Exists, Has, Text
from rules.paths import parse
from rules.reference import look
from rules.scene import Scene
from rules.tree import walk
from tests.unit import generated

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
Truth: TypeAlias = bool | None
Asked: TypeAlias = list[tuple[str, Callable[[Any], bool]]]


class Timestamp:
    """A moment as the binding takes it inside a map: it goes by these names, as Google's own class has them."""

    class DESCRIPTOR:
        """Its type."""

        full_name = "google.protobuf.Timestamp"

    def __init__(self, ms: int) -> None:
        self.seconds, rest = divmod(ms, 1000)
        self.nanos = rest * 1_000_000


class Oracle:
    """Evaluates texts. `look_at` first, then `ask`."""

    def __init__(self) -> None:
        kind, span = cel.Type, cel.Type.DURATION
        kinds = cel.Type.List(kind.STRING)
        seen = [
            cel.Overload(f"seen_{number}", kind.BOOL, list(takes), False, self._seen)
            for number, takes in enumerate([(kind.STRING,), (kind.STRING, span), (kinds,), (kinds, span)])
        ]
        within = [cel.Overload("within", kind.BOOL, [kind.TIMESTAMP, span], False, self._within)]
        caseless = [cel.Overload("caseless", kind.STRING, [kind.STRING], False, str.casefold)]
        declared = {"seen": seen, "within": within, "caseless": caseless}
        functions = [cel.FunctionDecl(name, overloads) for name, overloads in declared.items()]
        self._environment = cel.NewEnv(variables={"event": kind.DYN, "profile": kind.DYN}, functions=functions)

    def compile(self, text: str) -> Any:
        """The expression of a text, its types checked."""
        return self._environment.compile(text)

    def look_at(self, scene: Scene, profile: Profile) -> None:
        """The event and the profile that is asked about from now on."""
        self._scene, self._profile = scene, profile
        data = {"event": _event(scene), "profile": _profile(profile, scene)}
        self._activation = self._environment.Activation(data)

    def ask(self, expression: Any) -> Truth:
        """Yes, no, or unknown, which is an error to CEL."""
        answer = expression.eval(self._activation).value()
        return answer if isinstance(answer, bool) else None

    def _seen(self, kinds: Any, span: timedelta | None = None) -> bool:
        scene, latest = self._scene, self._profile["latest"]
        names = [kinds] if isinstance(kinds, str) else [getattr(one, "value", lambda one=one: one)() for one in kinds]
        found = [latest[one] for one in names if one in latest]
        if span is not None:
            return any(scene.now - one[1] <= span / MILLISECOND for one in found)
        return any((one[1], one[2] != scene.ref) > (scene.time, False) for one in found)

    def _within(self, moment: datetime, span: timedelta) -> bool:
        return self._scene.now - (moment - EPOCH) / MILLISECOND <= span / MILLISECOND


def delicate(condition: Condition) -> Asked:
    """What a condition asks that CEL answers otherwise when it meets such a value, in the field or its list.

    `exists` of a map walks over its keys in CEL; to us a map is no list. `contains` of a list is unknown to CEL; to us
    it looks for an element. `has(item.a)` is unknown to CEL where an element is no map; to us it just has no `a`.
    """
    found: Asked = []
    listed = ""
    for node, _, inside in walk(condition):
        if isinstance(node, Has):
            listed = node.items  # it is followed by what is in it
            found.append((listed, lambda value: isinstance(value, dict)))
        elif isinstance(node, Exists) and inside and node.field.startswith("item"):
            found.append((listed, _mixed))
        elif isinstance(node, Text) and node.op == "contains" and not node.field.startswith("item"):
            found.append((node.field, _is_list))
        elif isinstance(node, Text) and node.op == "contains":
            found.append((listed, _lists_at(parse(node.field).keys)))
    return found


def differs(asked: Asked, scene: Scene, profile: Profile) -> bool:
    """Whether one of these values is met."""
    return any(holds(look(field, scene, profile)) for field, holds in asked)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _lists_at(keys: tuple[str, ...]) -> Callable[[Any], bool]:
    """Whether an element of a list has a list below these keys."""
    return lambda value: _is_list(value) and any(_is_list(down(one, keys)) for one in value)


def _mixed(value: Any) -> bool:
    return isinstance(value, list) and not all(isinstance(one, dict) for one in value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return b"nan" if value != value else value


def _above(data: dict[str, Any], *names: str) -> None:
    """Lay the maps above a field."""
    for name in names:
        if not isinstance(data.get(name), dict):
            data[name] = {}
        data = data[name]


def _event(scene: Scene) -> dict[str, Any]:
    data: dict[str, Any] = _plain(dict(scene.data))
    _above(data, "properties", "a")
    envelope = {name: getattr(scene, name) for name in ("id", "type", "source", "subject", "tenant", "channel")}
    return {**data, **envelope, "time": Timestamp(scene.time)}


def _traffic(numbers: dict[str, int]) -> dict[str, Any]:
    moments = {name for name in numbers if name.startswith("last_")}
    counts = {name: numbers.get(name, 0) for name in ("received", "sent", "failed")}
    return {**counts, **{name: Timestamp(numbers[name]) for name in moments if numbers[name]}}


def _newest(register: list[Any] | None) -> dict[str, Any]:
    return {} if register is None else {"text": register[0], "time": Timestamp(register[1])}


def _profile(profile: Profile, scene: Scene) -> dict[str, Any]:
    whole: Any = profile
    places = {
        place: _plain({name: register[0] for name, register in whole[place].items()})
        for place in ("traits", "facts", "consent")
    }
    _above(places["traits"], "address")
    identities: dict[str, list[str]] = {}
    for key in profile["identities"]:
        kind, _, value = key.partition(":")
        identities.setdefault(kind, []).append(value)
    traffic = {name: _traffic(whole["channels"].get(name, {})) for name in ("email", "sms")}
    return {
        **places,
        "stage": profile["stage"],
        "events": profile["events"],
        "first": Timestamp(profile["first"]),
        "last": Timestamp(profile["last"]),
        "counts": {**dict.fromkeys(generated.KINDS, 0), **profile["counts"]},
        "latest": {kind: _newest(profile["latest"].get(kind)) for kind in generated.KINDS},
        "channels": traffic,
        "identities": identities,
        "computed": _plain({"tier": scene.computed(profile, "tier", scene.now)}),
        "segments": {"vip": "vip" in profile["segments"]},
        **({"language": spoken} if (spoken := language(profile, "")) else {}),
    }
