"""What the documents say is so: commands, options, tables, lengths."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from channels.table import with_table
from hub.cli import app
from hub.kinds import described
from rules.declared import check_segments, check_traits
from rules.load import load_folder
from tests.unit.test_deploy import samples, settings_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
CHEAP = ("hub --help", "hub rules check rules/shop", "make help")
"""Commands of the documents that are run here; the rest of them in `tests/flow/test_hub.py`, or only checked."""
LONGEST_DECISION = 15


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every `hub …` and `make …` in the documents: lines of sh blocks, and what stands between backticks."""
    found = []
    for text in map(read, DOCUMENTS):
        lines = [line for block in blocks(text, "sh") for line in block.replace("\\\n", " ").splitlines()]
        found += [line.removeprefix(".venv/bin/") for line in lines]
        found += re.findall(r"`((?:hub|make) [^`…]+)`", text)
    return sorted({line.strip() for line in found if re.match(r"(hub|make) ", line)})


def _known_to_hub(words: list[str]) -> str:
    """What the command does not know, or nothing."""
    command: Any = get_command(app)
    for word in words:
        if word.startswith("--"):
            options = {option for one in command.params for option in one.opts} | {"--help"}
            if word.partition("=")[0] not in options:
                return f"no option {word}"
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return f"no command {word}"
            command = command.commands[word]
    return ""


def _known_to_make(words: list[str]) -> str:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    return "" if words[0] in targets else f"no target {words[0]}"


@pytest.mark.parametrize("command", commands())
def test_a_command_exists(command: str) -> None:
    program, *words = shlex.split(command, comments=True)
    assert not (_known_to_hub(words) if program == "hub" else _known_to_make(words))


def test_every_command_is_told() -> None:
    told = read("README.md")
    top: Any = get_command(app)
    for name, command in top.commands.items():
        for full in [f"{name} {inner}" for inner in getattr(command, "commands", ())] or [name]:
            assert f"`hub {full}`" in told, full


@pytest.mark.parametrize("command", CHEAP)
def test_a_cheap_command_runs(command: str) -> None:
    assert command in commands()
    program, *words = shlex.split(command)
    argv = [sys.executable, "-m", "hub", *words] if program == "hub" else [program, *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_help_names_every_target() -> None:
    makefile = read("Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    told = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(phony.split()) - {"browser", "redis", "again"} == told


def test_the_table_of_channels_is_todays() -> None:
    assert with_table(read("README.md")) == read("README.md"), "run `make docs`"


def test_the_rules_in_readme_are_sound(tmp_path: Path) -> None:
    for number, block in enumerate(blocks(read("README.md"), "yaml")):
        if block.startswith("lifecycle:"):
            assert check_segments(block, []) == []
        elif "\non:" in block:
            (tmp_path / f"{number}.yaml").write_text(block, encoding="utf-8")
    loaded = load_folder(tmp_path)
    assert loaded.rules
    assert not loaded.problems


def test_the_traits_in_the_documents_are_sound() -> None:
    some = blocks(read("README.md") + read("docs/traits-and-segments.md"), "yaml")
    found = [block for block in some if "\ntype:" in block or "\ncompute:" in block]
    assert len(found) == 3
    assert [problem for block in found for problem in check_traits(block)] == []


def test_links_lead_somewhere() -> None:
    for name in (*DOCUMENTS, "DECISIONS.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", read(name)):
            assert (ROOT / target).exists() or target.startswith("docs/"), f"{name}: {target}"


def test_settings_and_metrics_are_called_by_their_names() -> None:
    settings = {name for name, _ in settings_of()} | {"HUB_TEST_SEED"}
    families = samples() | {name.rpartition("_")[0] for name in samples() if name.endswith("_bucket")}
    for name in (*DOCUMENTS, "DECISIONS.md", "CHANGELOG.md"):
        said = {one.removesuffix("_FILE") for one in re.findall(r"\bHUB_[A-Z_]+", read(name))}
        assert said <= settings, f"{name}: {sorted(said - settings)}"
        measured = set(re.findall(r"`(hub_[a-z_]+)", read(name)))
        assert measured <= families, f"{name}: {sorted(measured - families)}"


def test_decisions_are_short() -> None:
    long = []
    for decision in read("DECISIONS.md").split("\n## ")[1:]:
        title, _, body = decision.partition("\n")
        lines = sum(max(1, -(-len(line) // 120)) for line in body.strip().splitlines() if line)
        if lines > LONGEST_DECISION:
            long.append(f"{title}: {lines} lines")
    assert not long


def test_documents_name_no_place_of_ours() -> None:
    for name in (*DOCUMENTS, "DECISIONS.md", "CHANGELOG.md", "Makefile", "deploy/Dockerfile"):
        assert not re.search(r"https?://(?!127\.0\.0\.1|localhost)\w|/(?:work|root|home)/\w", read(name)), name


def test_the_licence_is_the_one_we_name() -> None:
    assert 'license = "Apache-2.0"' in read("pyproject.toml")
    assert "Apache License\n                           Version 2.0" in read("LICENSE")


def test_types_of_identities_in_readme_can_be_set() -> None:
    snippets = re.findall(r"^```toml\n(.*?)^```$", read("README.md"), re.MULTILINE | re.DOTALL)
    kinds = [described(tomllib.loads(one)["identity"]) for one in snippets]
    assert kinds[0]["loyalty_card"].priority == 85
