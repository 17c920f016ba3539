"""How the code is laid out: which part may lean on which, how long things may grow, what is said only once."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTION = "interaction-hub"
PACKAGES = ("hub", "channels", "streams", "profile_store", "rules", "desk", "bench")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

MAY_LEAN_ON: dict[str, frozenset[str]] = {
    "hub": frozenset({"hub"}),
    "hub.servers": frozenset({"hub", "hub.servers"}),
    "channels": frozenset({"hub", "channels"}),
    "profile_store": frozenset({"hub", "profile_store"}),
    "rules": frozenset({"hub", "rules"}),
    "streams": frozenset({"hub", "profile_store", "rules", "streams"}),
}
"""The parts that are not here, `desk`, `hub.cli` and `bench`, put the others together and may use all of them."""
ONLY_IN = {"faust": ("streams/app.py",), "redis": ("profile_store/", "bench/")}
"""Libraries that stay behind one door."""

GIVEN_BY_ANOTHER = {"pydantic_core": "pydantic"}
"""Modules that come with a dependency, pinned by it to one version."""
ASKED_FOR_BY_ANOTHER = {"hiredis", "httptools", "python-multipart", "uvloop"}
"""Dependencies that another one uses when they are there: redis, uvicorn, FastAPI's forms."""
NO_KEY_FIRST = {"execute_command", "fcall", "fcall_ro", "info"}
"""Redis commands whose first argument is no key."""
TOOLS = {"ruff", "mypy", "pytest-asyncio", "types-pyyaml", "axe-playwright-python"}
"""Dependencies for development that nothing imports: programs, plugins, stubs, a script for the browser."""


def sources(*folders: str) -> list[Path]:
    """The Python files of these folders, by their path in the project."""
    return sorted(file.relative_to(ROOT) for folder in folders for file in (ROOT / folder).rglob("*.py"))


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def imports(file: Path) -> Iterator[str]:
    """The modules a file imports, wherever in the file; `from a import b` counts as `a.b` too."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: write imports in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """The part of the project a module belongs to, or an empty string."""
    first, _, rest = module.partition(".")
    second = rest.partition(".")[0]
    if first == "hub" and second in {"cli", "servers"}:
        return f"hub.{second}"
    return first if first in PACKAGES else ""


def module_of(file: Path) -> str:
    return ".".join(file.with_suffix("").parts)


def test_imports_go_one_way() -> None:
    wrong = [
        f"{file} imports {name}: {part(module_of(file))} may lean only on {', '.join(sorted(allowed))}"
        for file in sources(*PACKAGES)
        if file != Path("hub/__main__.py") and (allowed := MAY_LEAN_ON.get(part(module_of(file)))) is not None
        for name in imports(file)
        if part(name) and part(name) not in allowed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_behind_its_door(library: str) -> None:
    found = [str(file) for file in sources(*PACKAGES) if any(name.split(".")[0] == library for name in imports(file))]
    assert not [file for file in found if not file.startswith(ONLY_IN[library])]


def test_nothing_imports_the_tests() -> None:
    assert not [file for file in sources(*PACKAGES) for name in imports(file) if name.split(".")[0] == "tests"]


def test_the_names_are_ours_alone() -> None:
    owners = packages_distributions()
    assert {name: set(owners.get(name, ())) for name in PACKAGES} == {name: {DISTRIBUTION} for name in PACKAGES}


def test_files_and_functions_stay_short() -> None:
    long = []
    for file in sources(*PACKAGES, "tests"):
        lines = len((ROOT / file).read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            long.append(f"{file}: {lines} lines")
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long.append(f"{file}:{node.lineno} {node.name}: {length} lines")
    assert not long, "\n".join(long)


def _literal_key(node: ast.AST) -> bool:
    """Whether this is a Redis command on a key that is written out here."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return False
    owner = getattr(node.func.value, "attr", getattr(node.func.value, "id", "")).lstrip("_")
    key = node.args[0]
    text = isinstance(key, ast.JoinedStr) or (isinstance(key, ast.Constant) and isinstance(key.value, str))
    return text and owner in {"client", "pipe", "pubsub"} and node.func.attr not in NO_KEY_FIRST


def _key(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and bool(re.match(r"\{b\d\d\}:|claim:|live:|w:", str(node.value)))


def test_redis_keys_are_written_in_one_file() -> None:
    found = [
        f"{file}:{getattr(node, 'lineno', 0)}"
        for file in sources("profile_store")
        for node in ast.walk(tree(file))
        if file != Path("profile_store/keys.py") and (_literal_key(node) or _key(node))
    ]
    assert not found


def _named(distribution: str) -> str:
    return distribution.lower().replace("_", "-")


def _listed(section: list[str]) -> set[str]:
    return {_named(re.split(r"[<>=!~;\[ ]", line)[0]) for line in section}


def _imported(*folders: str) -> set[str]:
    """The distributions that these folders import."""
    owners = packages_distributions()
    modules = {name.split(".")[0] for file in sources(*folders) for name in imports(file)}
    foreign = modules - sys.stdlib_module_names - {*PACKAGES, "tests"}
    found = {GIVEN_BY_ANOTHER.get(module) or owners.get(module, [module])[0] for module in foreign}
    return set(map(_named, found))


def test_every_dependency_is_listed_and_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = _listed(project["dependencies"])
    assert runtime == _imported(*PACKAGES) | ASKED_FOR_BY_ANOTHER
    assert _listed(project["optional-dependencies"]["dev"]) == (_imported("tests") - runtime) | TOOLS


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_everything_and_name_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|index-url|find-links|trusted-host", text)
    pinned = set(re.findall(r"^([a-z0-9.-]+)==\S+", text, re.MULTILINE))
    lines = re.findall(r"^[A-Za-z]\S*", text, re.MULTILINE)
    assert len(lines) == len(pinned), "every line pins a version"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = _listed(project["dependencies"])
    if "dev" in lock:
        wanted |= _listed(project["optional-dependencies"]["dev"])
    assert wanted <= pinned, "run `make lock`"
