"""The demo's story in a real hub: a backtest of the rules in force is what was sent, and every message has its why."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hub.cli.cast import Cast
from hub.replay import stored
from hub.settings import read
from hub.topics import TRIGGERS
from hub.trigger import Trigger
from streams.rulelog import whole
from tests.hubs import Hub
from tests.waiting import until

Message = tuple[str, str, str, str]
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub in which two customers, an English and a Persian one, have had their story. Between them its rules learnt
    to greet in another way."""
    one = Hub(tmp_path_factory.mktemp("hub"), HUB_RUNNER="plain")
    try:
        one.start()
        for seed in SEEDS:
            if seed != SEEDS[0]:
                asyncio.run(greet_otherwise(one))
            done = one.command("demo", "--pause", "0", "--seed", str(seed), seconds=300)
            assert done.returncode == 0, done.stdout + done.stderr
        yield one
    finally:
        one.close()


async def greet_otherwise(hub: Hub) -> None:
    """Change all rules, and wait until that has begun at its place in the log."""
    settings = read(state=hub.state)
    before = whole(settings).newest
    for file in (hub.state / "rules").iterdir():
        file.write_text(file.read_text("utf-8").replace("Hello", "Good day").replace("سلام", "درود"), "utf-8")

    def begun() -> bool:
        history = whole(settings)
        greeted = sum("درود" in str(rule.send.text) for rule in history.rules())
        return history.newest > before and not history.pending and greeted == 3

    await until(begun, 30, every=0.2)


def by_customer(messages: Sequence[tuple[str, Message]]) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = defaultdict(list)
    for customer, message in messages:
        found[customer].append(message)
    return found


def live(hub: Hub) -> dict[str, list[Message]]:
    """What rules sent, as the topic has it: id, rule, channel and text, by customer and in order."""
    lines = stored(read(state=hub.state), TRIGGERS)
    triggers = [one for one in (Trigger.from_json(line.value) for line in lines) if not one.agent]
    return by_customer([(one.customer, (one.id, one.rule, one.channel, one.text)) for one in triggers])


def said(hub: Hub, *words: str) -> Any:
    done = hub.command("rules", *words, "--json", seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


async def test_a_backtest_of_what_was_live_is_what_was_sent(hub: Hub) -> None:
    await until(lambda: sum(map(len, live(hub).values())) >= 6, 30, every=0.2)
    sent = said(hub, "backtest")["sent"]
    again = by_customer([(one["customer"], (one["id"], one["rule"], one["channel"], one["text"])) for one in sent])
    assert again == live(hub)
    assert {one["rule"] for one in sent} == {"abandoned-cart", "first-mail", "missed-call"}
    greeted = {word: any(word in one["text"] for one in sent) for word in ("Hello", "سلام", "درود")}
    assert greeted == {"Hello": True, "سلام": False, "درود": True}, "each by the rules of its time"
    today = said(hub, "backtest", "--rules", str(hub.state / "rules"))["sent"]
    assert [one["id"] for one in today] == [one["id"] for one in sent]
    assert not any("Hello" in one["text"] for one in today)


def test_other_rules_are_compared_with_those_in_force(hub: Hub) -> None:
    other = hub.home / "other"
    shutil.copytree(hub.state / "rules", other)
    cart = other / "abandoned-cart.yaml"
    cart.write_text(cart.read_text("utf-8").replace("wait: 30m", "wait: 30d"), "utf-8")
    (other / "page.yaml").write_text(
        "{id: page, name: page, on: web.page, once: ever, send: {channel: sms, purpose: service, text: Hi}}"
    )
    found = said(hub, "backtest", "--rules", str(other), "--against", str(hub.state / "rules"))["comparison"]
    assert {one["rule"] for one in found["lost"]} == {"abandoned-cart"}
    assert found["gained"] == found["displaced"] == [], "a visitor without a name has no telephone yet"
    shown = hub.command("rules", "backtest", "--rules", str(other), "--against", str(hub.state / "rules"))
    assert "would no longer be sent" in shown.stdout, shown.stderr
    before = said(hub, "backtest", "--until", "1d")
    assert before["sent"] == []


def test_each_message_has_its_why(hub: Hub) -> None:
    cast = Cast.of(1)
    found = said(hub, "explain", "abandoned-cart", f"email:{cast.email}")
    assert [one["outcome"] for one in found["came"]] == ["waiting", "fired"]
    assert found["blame"] == ""
    other = said(hub, "explain", "missed-call", f"phone:{cast.caller}", "--at", "1m")
    assert other["said"]["outcome"] == "fired"
    shown = hub.command("rules", "explain", "missed-call", f"email:{cast.email}")
    assert shown.returncode == 1
    assert "no event that missed-call listens to: phone.missed" in shown.stderr
    told = hub.command("rules", "explain", "abandoned-cart", f"email:{cast.email}")
    assert "nothing stood against it" in told.stdout


def test_the_desk_tells_the_same(hub: Hub) -> None:
    cast, base = Cast.of(1), f"{hub.local['desk']}/api/v1/rules"
    asked = {"Authorization": f"Bearer {hub.local['tokens']['supervisor']}"}
    why = httpx.get(
        f"{base}/abandoned-cart/why", params={"customer": f"email:{cast.email}"}, headers=asked, timeout=60
    ).json()
    assert why["summary"].startswith("fired: sent: over email")
    period = {"rule": "abandoned-cart", "since": (datetime.now(UTC) - timedelta(days=30)).isoformat()}
    found = httpx.post(f"{base}/backtest", json=period, headers=asked, timeout=60).json()
    sent = [one for some in live(hub).values() for one in some if one[1] == "abandoned-cart"]
    assert found["sent"] == len(sent) == sum(one["sent"] for one in found["days"])
    httpx.post(f"{base}/abandoned-cart/state", json={"state": "paused"}, headers=asked, timeout=60).raise_for_status()
    as_it_was = httpx.post(f"{base}/backtest", json={**period, "as_it_was": True}, headers=asked, timeout=60).json()
    assert as_it_was == found, "though it says nothing any more"
