"""`hub rules list`: with what rules ask for in vain, where a hub runs that knows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from hub.cli import rules as module
from hub.cli.lacking import lacking, told
from hub.settings import Settings
from rules.arrivals import Missing, Wanted
from rules.load import load_folder
from tests.unit.test_desk_rule_life import shop

HOUR = 3_600_000
PRICE = Wanted("event.properties.price", "number")
STOPPED = Missing("web.track/Product Added", PRICE, "stopped", since=10 * HOUR, looked=400, otherwise=False)


def listed(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> str:
    monkeypatch.setenv("COLUMNS", "240")
    monkeypatch.setattr(module, "read", lambda: settings)
    found = CliRunner().invoke(module.app, ["list"])
    assert found.exit_code == 0, found.output
    return found.output


def test_without_a_hub_the_folder_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = listed(monkeypatch, Settings(rules=shop(tmp_path)))
    assert "cart" in output
    assert "asks in vain for" not in output


def test_with_one_what_is_asked_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lacking", lambda settings, rules: {"cart": [STOPPED], "hello": []})
    output = listed(monkeypatch, Settings(rules=shop(tmp_path)))
    assert "asks in vain for" in output
    assert "event.properties.price of web.track/Product Added stopped coming" in output


def test_nothing_in_vain_takes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lacking", lambda settings, rules: {"cart": [], "hello": []})
    assert "asks in vain for" not in listed(monkeypatch, Settings(rules=shop(tmp_path)))


def test_a_hub_that_does_not_answer_hinders_no_list(tmp_path: Path) -> None:
    settings = Settings(redis_url=SecretStr("redis://127.0.0.1:1/0"))
    assert lacking(settings, load_folder(shop(tmp_path)).rules) is None


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (STOPPED, "event.properties.price of web.track/Product Added stopped coming 5 hours ago"),
        (
            Missing("sms.received", Wanted("event.text", "words"), "never", 0, 200, True),
            "event.text of sms.received never came as a text or list",
        ),
        (
            Missing("sms.received", Wanted("event.text", "text"), "stopped", 15 * HOUR - 90 * 60_000, 50, True),
            "event.text of sms.received stopped coming as a text 90 minutes ago",
        ),
        (
            Missing("sms.received", Wanted("event.text"), "stopped", -10 * 24 * HOUR, 50, False),
            "event.text of sms.received stopped coming 10 days ago",
        ),
    ],
)
def test_in_words(one: Missing, expected: str) -> None:
    assert told(one, 15 * HOUR) == expected
