"""Packs of rules are listed with what they need, and installed without a word being said and without anything lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import Misconfigured
from rules.load import load_folder
from rules.packs import Pack, find, install
from tests.unit.test_rules_packs import ALL

COMMANDS = CliRunner()


def test_packs_are_listed_with_what_they_need() -> None:
    told = COMMANDS.invoke(app, ["rules", "packs"], terminal_width=200).output
    for pack in ALL:
        assert pack.name in told
        for rule in pack.rules:
            assert rule.name["en"] in told
    assert "profile.traits.birthday" in told
    assert "profile.computed.largest-quantity" in told, "what another field is compared with is needed, too"
    assert "web.track/Checkout Started" not in told


@pytest.mark.parametrize("pack", ALL, ids=lambda pack: pack.name)
def test_an_installed_pack_decides_and_says_nothing(pack: Pack, tmp_path: Path) -> None:
    written = install(pack, tmp_path / "rules")
    loaded = load_folder(tmp_path / "rules")
    assert loaded.problems == ()
    assert [rule.id for rule in loaded.rules] == [rule.id for rule in pack.rules]
    assert {rule.state for rule in loaded.rules} == {"shadow"}
    # Set live they are the rules that were told here.
    for file in written:
        file.write_text(file.read_text(encoding="utf-8").replace("state: shadow", "state: live"), encoding="utf-8")
    assert load_folder(tmp_path / "rules").rules == pack.rules


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    pack = find("complaint")
    (file,) = install(pack, tmp_path)
    file.write_text("# mine\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    mine = file.read_bytes()
    with pytest.raises(Misconfigured, match=r"complaint\.yaml, complaint-received, complaint-settled is in"):
        install(pack, tmp_path)
    file.rename(tmp_path / "other.yaml")
    with pytest.raises(Misconfigured, match="complaint-received"):
        install(pack, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["other.yaml"]
    assert (tmp_path / "other.yaml").read_bytes() == mine


def test_the_command_installs_and_says_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_RULES", str(tmp_path / "rules"))
    done = COMMANDS.invoke(app, ["rules", "install", "birthday"])
    assert done.exit_code == 0, done.output
    assert "birthday.yaml" in done.output
    assert "Needs the trait birthday" in done.output
    assert "state: live" in done.output
    assert [rule.state for rule in load_folder(tmp_path / "rules").rules] == ["shadow", "shadow"]
    again = COMMANDS.invoke(app, ["rules", "install", "birthday"])
    assert isinstance(again.exception, Misconfigured)
    unknown = COMMANDS.invoke(app, ["rules", "install", "birthdays"])
    assert "did you mean birthday?" in str(unknown.exception)
