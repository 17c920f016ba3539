"""The user's own path: one hub, started as people start it, through its public ports only."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import smtplib
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.asyncio import Redis
from segment.analytics.client import Client as Segment

from hub.cli.cast import Cast
from hub.cli.senders import World
from tests.hubs import Hub

README = Path(__file__).parents[2] / "README.md"
AT_ONCE = 1.0
"""Seconds from what a customer did to the page of whoever serves them."""
REBUILT = 20.0
"""Seconds in which a small store is whole again."""
SETTLED = 3.0
"""Seconds in which nothing more may happen before a count is believed."""
KILLED = ("worker-0", "gateway", "kafka", "redis")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    one = Hub(tmp_path_factory.mktemp("hub"))
    try:
        one.start()
        yield one
    finally:
        one.close()


@pytest.fixture
async def world(hub: Hub) -> AsyncIterator[World]:
    async with hub.world() as one:
        yield one


async def within(seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer that is not empty."""
    end = time.monotonic() + seconds
    while not (found := await ask()):
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.02)
    return found


async def timeline(world: World, customer: str) -> list[dict[str, Any]]:
    page = await world.desk("GET", f"/customers/{customer}/timeline", params={"limit": 200})
    items: list[dict[str, Any]] = page["items"]
    assert page["next"] is None
    return items


async def calm(hub: Hub) -> list[Any]:
    """What went out, once nothing more does."""
    now = hub.sent()
    for _ in range(10):
        await asyncio.sleep(SETTLED)
        before, now = now, hub.sent()
        if now == before:
            return now
    raise AssertionError("messages go out and go out")


def snippets() -> Iterator[tuple[str, str]]:
    """README's code in sh and Python, in order, for where `.venv/bin` is on the path."""
    for language, code in re.findall(
        r"^```(sh|python)\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        if language == "python" or re.search(r"^curl|hub customer", code, re.MULTILINE):
            yield language, code.replace(".venv/bin/", "")


def whatsapp(number: str, sender: str, text: str, id: str) -> dict[str, Any]:
    """A WhatsApp message as Meta's webhook brings it."""
    message = {"from": sender.lstrip("+"), "id": id, "timestamp": str(int(time.time())), "type": "text"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "4930555010", "phone_number_id": number},
        "contacts": [{"profile": {"name": "Nadia"}, "wa_id": sender.lstrip("+")}],
        "messages": [{**message, "text": {"body": text}}],
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }


def mail(hub: Hub, sender: str, subject: str) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, "hello@shop.example", subject
    letter["Message-ID"] = f"<{time.time_ns()}@mail.example>"
    letter.set_content("Is it here yet?\n")
    host, _, port = hub.local["smtp"].partition(":")
    with smtplib.SMTP(host, int(port), timeout=10) as smtp:
        smtp.send_message(letter)


async def test_every_channel_reaches_one_page_at_once(hub: Hub, world: World) -> None:
    address, number = "nadia@example.com", "+4915150005000"
    client = Segment(hub.local["write_key"], host=hub.local["gateway"], max_retries=3)
    client.identify("u-nadia", {"email": address, "phone": number, "name": "Nadia Haddad"})
    await asyncio.to_thread(client.flush)
    found = await within(10, lambda: world.customer(f"email:{address}"))  # the first event finds everything cold
    customer = found["id"]

    async def seen(kind: str, text: str) -> float:
        async def ask() -> bool:
            return any(row["type"] == kind and text in row["text"] for row in await timeline(world, customer))

        began = time.monotonic()
        await within(AT_ONCE, ask)
        return time.monotonic() - began

    client.track("u-nadia", "Product Viewed", {"name": "Trail shoe"})
    await asyncio.to_thread(client.shutdown)
    took = {"web": await seen("web.track", "Trail shoe")}
    await asyncio.to_thread(mail, hub, address, "Where is my parcel?")
    took["email"] = await seen("email.received", "Is it here yet?")
    await world.twilio(
        "/in/sms/twilio", MessageSid=f"SM{time.time_ns():032x}", From=number, To="+4930555010", Body="Hi"
    )
    took["sms"] = await seen("sms.received", "Hi")
    body = whatsapp(hub.local["meta"]["phone_number_id"], number, "And now here", f"wamid.{time.time_ns()}")
    await world.meta(body)
    took["social"] = await seen("social.message", "And now here")
    print({channel: f"{seconds * 1000:.0f} ms" for channel, seconds in took.items()})
    for identity in (f"email:{address}", f"phone:{number}", "user_id:u-nadia", f"whatsapp:{number}"):
        assert (await world.customer(identity) or {}).get("id") == customer, identity


async def test_the_demo_is_told_once(hub: Hub, world: World) -> None:
    told = await hub.told("demo", "--pause", "0")
    for found in ("one profile", "mail sent", "the agent sees", "answered at once", "SMS:", "All of it is one page"):
        assert found in told
    cast = Cast.of(1)
    first = await calm(hub)
    assert Counter(one["channel"] for one in first if cast.email in one["to"]) == {"email": 2}, "reminder, first answer"
    customer = (await world.customer(f"email:{cast.email}") or {})["id"]
    rows = await timeline(world, customer)
    assert "All of it is one page" in await hub.told("demo", "--pause", "0")
    assert await calm(hub) == first, "played again, nothing goes out"
    assert await timeline(world, customer) == rows, "and nothing doubles"


def ran(hub: Hub, language: str, code: str) -> str:
    """Run a snippet as a reader would, in the folder the hub runs in; what it said."""
    here = code.replace("http://127.0.0.1:8080", hub.local["gateway"]).replace(
        "http://127.0.0.1:8081", hub.local["desk"]
    )
    argv = ["sh", "-euc", here] if language == "sh" else ["python", "-c", here]
    done = subprocess.run(
        argv, cwd=hub.home, env=hub.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_what_readme_tells_to_try_works(hub: Hub) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    whole = ""
    for language, code in snippets():
        if "customer show" in code:
            time.sleep(AT_ONCE)
        whole += ran(hub, language, code)
    assert '"success":true' in whole.replace(" ", "")
    for found in ("Anna Berg", "shoe_size", "Where is it?", "Can I change the size?", "And in blue?", "whatsapp:+4915"):
        assert found in whole, found


def test_the_doctor_finds_nothing(hub: Hub) -> None:
    done = hub.command("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fault" not in done.stdout


def drawn(among: range) -> int:
    """The customer of a performance, one of many; HUB_TEST_SEED repeats one."""
    seed = int(os.environ.get("HUB_TEST_SEED") or random.SystemRandom().choice(among))
    print(f"HUB_TEST_SEED={seed}")
    return seed


async def told_of(hub: Hub, world: World, cast: Cast) -> tuple[Counter[str], Counter[str]]:
    """What a performance left behind: kinds of rows on the customer's page, and messages by channel."""
    sent = await calm(hub)
    customer = await world.customer(f"email:{cast.email}") or {}
    rows = await timeline(world, customer["id"])
    assert max(Counter(row["id"] for row in rows).values()) == 1
    people = (cast.email, cast.instagram, cast.phone, cast.caller)
    out = Counter(one["channel"] for one in sent if any(person in one["to"] for person in people))
    # What a provider reports while the gateway is down was never accepted: Twilio and Meta tell it again or not.
    return Counter(row["type"] for row in rows if not row["type"].endswith((".delivered", ".read"))), out


async def test_kill_9_loses_nothing_and_sends_nothing_twice(hub: Hub, world: World) -> None:
    seed = drawn(range(2, 10_000))
    draw, cast = random.Random(seed), Cast.of(seed)
    await hub.told("demo", "--pause", "0")
    undisturbed = await told_of(hub, world, Cast.of(1))
    for name in KILLED:  # between two stories
        await hub.kill(name)
    playing = asyncio.create_task(hub.told("demo", "--pause", "0.3", "--seed", str(seed)))
    for name in draw.sample(KILLED, len(KILLED)):  # and in the middle of one
        await asyncio.sleep(draw.uniform(0.3, 1.5))
        await hub.kill(name)
    assert "All of it is one page" in await playing
    assert await told_of(hub, world, cast) == undisturbed, "nothing is lost, nothing is sent twice"
    keys = Counter(one["key"] for one in hub.sent() if one["key"])
    assert max(keys.values()) == 1
    await hub.told("customer", "verify", f"email:{cast.email}")
    assert "No dead letters" in await hub.told("dead-letters", "list")


def exported(hub: Hub, cast: Cast) -> Any:
    """What the hub holds of a customer; nothing while it does not know them.

    Without the timers that came due: those that do once more after a loss are in the log twice.
    """
    done = hub.command("customer", "export", f"email:{cast.email}")
    found = json.loads(done.stdout) if done.returncode == 0 else None
    if found is not None:
        found["events"] = [one for one in found["events"] if one["type"] != "timer.due"]
    return found


async def test_a_store_emptied_in_the_middle_of_the_story(hub: Hub, world: World) -> None:
    """Somebody says FLUSHALL: the page is whole again by itself, to the byte, and nobody gets a message again."""
    seed = drawn(range(10_000, 20_000))
    cast = Cast.of(seed)
    await hub.told("demo", "--pause", "0")
    undisturbed = await told_of(hub, world, Cast.of(1))
    async with Redis.from_url(hub.local["redis"]) as redis:
        playing = asyncio.create_task(hub.told("demo", "--pause", "0.3", "--seed", str(seed)))
        await asyncio.sleep(random.Random(seed).uniform(0.5, 3))
        await redis.flushall()
        assert "All of it is one page" in await playing
        assert await told_of(hub, world, cast) == undisturbed
        await hub.told("customer", "verify", f"email:{cast.email}")
        before, sent = await asyncio.to_thread(exported, hub, cast), hub.sent()
        await redis.flushall()

        async def whole() -> bool:
            return bool(await asyncio.to_thread(exported, hub, cast) == before)

        await within(REBUILT, whole)
    assert await calm(hub) == sent
    await hub.told("customer", "verify", f"email:{cast.email}")


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    one = Hub(tmp_path)
    try:
        one.start()
        family = one.family()
        assert len(family) > 6
        assert one.interrupt() == 0
    finally:
        one.close()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    assert "Everything is stopped." in one.log.read_text()
    assert not list((one.state / "run").iterdir())
    assert not (one.state / "local.json").exists()
