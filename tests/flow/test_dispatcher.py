"""The dispatcher on real Kafka and Redis: each trigger is sent once, or shown as in doubt."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import redis

from channels import sandbox
from channels.app import run as gateway
from hub.servers.ports import free_port
from hub.settings import Settings
from hub.trigger import Trigger
from profile_store.claims import RedisClaims
from tests.flow import dispatch
from tests.flow.dispatch import Provider, Relay, dispatching, produce, read, running, trigger, until, until_over
from tests.servers import KafkaServer, RedisServer

PROCESS = """
import asyncio
from channels import dispatcher
from hub.settings import read
from profile_store.claims import RedisClaims
settings = read()
asyncio.run(dispatcher.run(settings, RedisClaims.from_settings(settings)))
"""


def _texts(provider: Provider) -> Counter[str]:
    return Counter(parse_qs(body)["Body"][0] for body in provider.taken)


def _environment(settings: Settings) -> dict[str, str]:
    plain = {
        "HUB_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "HUB_REDIS_URL": settings.redis_url.get_secret_value(),
        "HUB_TOPIC_PREFIX": settings.topic_prefix,
        "HUB_SESSION_TIMEOUT": "6",
        "HUB_METRICS_PORT": str(free_port()),
        "HUB_STATE": str(settings.state),
        "HUB_TWILIO__API_URL": settings.twilio.api_url,
        "HUB_TWILIO__ACCOUNT_SID": settings.twilio.account_sid,
        "HUB_TWILIO__AUTH_TOKEN": "token",
        "HUB_TWILIO__FROM_NUMBER": settings.twilio.from_number,
    }
    return {**os.environ, **plain}


def _process(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROCESS], env=_environment(settings))


async def test_a_trigger_that_comes_twice_is_sent_once_and_its_delivery_comes_back(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path)
    sms, mail = trigger(1), trigger(2, "email", purpose="marketing")
    call = trigger(3, "phone", to="phone:+4915110000003")
    social = trigger(4, "social", to="whatsapp:+4915110000004")
    page = trigger(5, "social", to="meta_psid:1000000001/777")
    everything = [sms, mail, call, social, page]
    async with running(partial(sandbox.run, settings)), running(partial(gateway, settings)), dispatching(settings):
        await produce(settings, [*everything, *everything])
        states = await until_over(settings, everything)
        assert states == {one.id: ["claimed", "sent"] for one in everything}

        async def all_came_back() -> bool:
            found = Counter(event["type"] for event in await read(settings, "interactions"))
            return found["sms.delivered"] == 1 and found["phone.ended"] == 1 and found["social.delivered"] == 2

        await until(all_came_back)
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{settings.sandbox_port}/outbox", params={"limit": 100})
    items = answer.json()["items"]
    assert sorted(item["key"] for item in items) == sorted(one.id for one in everything)
    (mailed,) = [item for item in items if item["channel"] == "email"]
    assert mailed["to"] == "c2@example.de"
    assert f"{settings.public_url}/u/" in mailed["text"]
    events = {event["type"]: event for event in await read(settings, "interactions")}
    assert events["sms.delivered"]["data"]["trigger"] == sms.id
    assert events["sms.sent"]["data"]["message"].startswith("SM")
    assert events["sms.sent"]["data"]["customer"] == "c1"


async def test_a_dispatcher_killed_while_sending_leaves_a_doubt_and_no_second_message(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    provider = Provider()
    provider.silent = True
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, twilio_url=url)
        one = trigger(1)
        await produce(settings, [one])
        first = _process(settings)
        try:

            async def taken() -> bool:
                return bool(provider.taken)

            await until(taken)
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait()
        provider.silent = False
        async with dispatching(settings):
            states = await until_over(settings, [one])
    assert states[one.id] == ["claimed", "in-doubt"]
    assert len(provider.taken) == 1
    assert [event["type"] for event in await read(settings, "interactions")] == ["sms.in-doubt"]


async def test_a_dispatcher_ends_in_good_order_on_sigterm(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    provider = Provider()
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, twilio_url=url)
        triggers = [trigger(number) for number in range(30)]
        process = _process(settings)
        try:
            await produce(settings, triggers)
            await until_over(settings, triggers[:1])
            process.terminate()
            assert await asyncio.to_thread(process.wait, 20) == 0
        finally:
            process.kill()
            process.wait()
        async with dispatching(settings):
            states = await until_over(settings, triggers)
    assert {ends[-1] for ends in states.values()} == {"sent"}
    assert len(provider.taken) == 30


async def test_what_a_dead_dispatcher_had_taken_and_not_sent_is_sent(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    """It died between its claim and the last step before sending: that is no doubt."""
    provider = Provider()
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, twilio_url=url)
        one, other = trigger(1), trigger(2)
        async with dispatching(settings):
            await produce(settings, [other])
            await until_over(settings, [other])
        dead = RedisClaims.from_settings(settings)
        assert await dead.take(one.id) == "mine"
        await produce(settings, [one])
        async with dispatching(settings):
            states = await until_over(settings, [one])
        assert await dead.arm(one.id) == "sent", "a sleeper that wakes up finds that it is over"
        await dead.close()
    assert states[one.id] == ["claimed", "sent"]


async def test_mail_in_doubt_is_sent_again_under_the_same_message_id(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path)
    one, other = trigger(1, "email"), trigger(2, "email")
    async with running(partial(sandbox.run, settings)):
        async with dispatching(settings):
            await produce(settings, [other])
            await until_over(settings, [other])
        dead = RedisClaims.from_settings(settings)
        assert (await dead.take(one.id), await dead.arm(one.id)) == ("mine", "mine")
        await dead.close()
        await produce(settings, [one])
        async with dispatching(settings):
            await until(partial(_sent, settings, one.id))
    assert (await dispatch.outcomes(settings))[one.id] == ["in-doubt", "sent"]


async def _sent(settings: Settings, id: str) -> bool:
    return (await dispatch.outcomes(settings)).get(id, [""])[-1] == "sent"


async def test_claims_lost_with_redis_are_read_from_the_log(
    kafka_server: KafkaServer, private_redis: Callable[..., RedisServer], tmp_path: Path
) -> None:
    provider, store = Provider(), private_redis()
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, store.url, tmp_path, twilio_url=url)
        triggers = [trigger(number) for number in range(40)]
        async with dispatching(settings):
            await produce(settings, triggers[:20])
            await until_over(settings, triggers[:20])
            with redis.Redis.from_url(store.url) as client:
                client.flushall()
            await produce(settings, triggers[:30])
            await until_over(settings, triggers[:30])
            store.kill()
            await produce(settings, triggers)
            await asyncio.to_thread(store.start)
            await until_over(settings, triggers)
            await asyncio.sleep(1)
    assert set(_texts(provider).values()) == {1}
    assert len(provider.taken) == 40


async def test_two_dispatchers_share_the_work_and_send_nothing_twice(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    provider = Provider()
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, twilio_url=url)
        triggers = [trigger(number) for number in range(120)]
        async with dispatching(settings):
            await produce(settings, triggers[:40])
            async with dispatching(settings):
                await produce(settings, [*triggers[:80], *triggers[20:60]])
                await until_over(settings, triggers[:80])
            await produce(settings, triggers)
            states = await until_over(settings, triggers)
    # A claim that was let go in the middle of a change of hands is logged by both.
    assert {tuple(sorted(set(ends))) for ends in states.values()} == {("claimed", "sent")}
    assert all(ends.count("sent") == 1 for ends in states.values())
    assert _texts(provider) == Counter({one.text: 1 for one in triggers})


async def test_a_provider_that_drops_the_line_causes_doubts_and_no_duplicates(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    provider = Provider(drops=lambda number: number % 10 == 3)
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, twilio_url=url)
        triggers = [trigger(number) for number in range(60)]
        async with dispatching(settings):
            await produce(settings, triggers)
            states = await until_over(settings, triggers)
    assert Counter(ends[-1] for ends in states.values()) == {"sent": 54, "in-doubt": 6}
    assert _texts(provider) == Counter({one.text: 1 for one in triggers})


async def test_one_customers_trouble_holds_up_nobody_else(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path)
    busy = trigger(1, to="phone:+15005550003")
    wrong = trigger(2, to="phone:+15005550001")
    nowhere, lost = trigger(3, "pigeon", to="pigeon:1"), trigger(4, to="email:a@b.de")
    fine = [trigger(number) for number in range(10, 40)]
    async with running(partial(sandbox.run, settings)), dispatching(settings):
        await produce(settings, [busy, wrong, nowhere, lost, *fine])
        await dispatch.produce_raw(settings, [("c1", b"\xff no trigger"), ("c2", b"{}")])
        states = await until_over(settings, [wrong, nowhere, lost, *fine])
        assert states[busy.id] == ["claimed"]
        assert states[wrong.id] == ["claimed", "failed"]
        assert states[nowhere.id] == ["failed"]
        assert states[lost.id] == ["claimed", "failed"]
        assert all(states[one.id] == ["claimed", "sent"] for one in fine)

        async def buried() -> bool:
            return len(await read(settings, "dead-letters")) >= 1

        await until(buried)


async def test_dispatchers_killed_again_and_again_send_nothing_twice(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    provider = Provider(delay=0.03)
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, twilio_url=url)
        triggers = [trigger(number) for number in range(150)]
        await produce(settings, triggers)
        for goal in (15, 40, 70):
            process = _process(settings)
            try:
                await until(partial(_has_taken, provider, goal))
            finally:
                process.kill()
                process.wait()
        async with dispatching(settings):
            states = await until_over(settings, triggers, 60)
    ends = Counter(found[-1] for found in states.values())
    assert set(ends) <= {"sent", "in-doubt"}
    assert ends["in-doubt"] <= 3 * 32, "no more than were on their way, or being noted, at each kill"
    assert max(_texts(provider).values()) == 1
    missing = {one.id for one in triggers if one.text not in _texts(provider)}
    assert all(states[id][-1] == "in-doubt" for id in missing)


async def _has_taken(provider: Provider, number: int) -> bool:
    return len(provider.taken) >= number


async def test_a_relay_that_drops_the_line_gets_the_same_mail_again_and_every_doubt_is_listed(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    relay = Relay(drops=lambda number: number % 10 == 3)
    async with relay.listening() as port:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, relay_port=port)
        triggers = [trigger(number, "email") for number in range(40)]
        async with dispatching(settings):
            await produce(settings, triggers)
            await until(partial(_all_sent, settings, triggers))
    states = await dispatch.outcomes(settings)
    assert set(relay.taken) == {one.id for one in triggers}
    twice = {id for id, times in relay.taken.items() if times > 1}
    assert twice, "some lines were dropped"
    assert twice <= {id for id, found in states.items() if "in-doubt" in found}


async def _all_sent(settings: Settings, triggers: list[Trigger]) -> bool:
    states = await dispatch.outcomes(settings)
    return all(states.get(one.id, [""])[-1] == "sent" for one in triggers)


async def test_a_dispatcher_that_sleeps_and_wakes_up_sends_nothing_a_second_time(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    provider = Provider(delay=0.05)
    async with provider.listening() as url:
        settings = dispatch.installation(kafka_server.address, redis_server.url, tmp_path, twilio_url=url)
        triggers = [trigger(number) for number in range(120)]
        await produce(settings, triggers)
        sleeper = _process(settings)
        try:
            await until(partial(_has_taken, provider, 20))
            sleeper.send_signal(signal.SIGSTOP)
            async with dispatching(settings):
                states = await until_over(settings, triggers, 60)
                sleeper.send_signal(signal.SIGCONT)
                await asyncio.sleep(3)
        finally:
            sleeper.kill()
            sleeper.wait()
    assert {found[-1] for found in states.values()} <= {"sent", "in-doubt"}
    assert _texts(provider) == Counter({one.text: 1 for one in triggers})
