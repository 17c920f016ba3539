"""The demo's story: Sara browses, leaves a cart, gets a mail, calls, types her account number, speaks to an agent who
already sees all of it, complains on Instagram and is answered. Nizar, meanwhile, calls and nobody picks up.

Every event has an id that follows from the seed: played again, all of it is recognised and nothing doubles.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from rich.console import Console

from hub.cli.cast import Cast
from hub.cli.senders import World, running_hub
from hub.errors import Transient

PATIENCE = 60.0
SHOP = "17841400000000000"
"""The shop's own account on Instagram."""
T = TypeVar("T")
console = Console(highlight=False, soft_wrap=True)


async def until(what: str, ask: Callable[[], Awaitable[T | None]]) -> T:
    """Ask until there is an answer. Raises Transient after a minute."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = await ask()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise Transient(f"waited {PATIENCE:.0f} s in vain for: {what}. `hub doctor` may know why.")


class Story:
    """The scenes, in order."""

    def __init__(self, cast: Cast, world: World, pause: float) -> None:
        self.cast = cast
        self.world = world
        self._pause = pause
        self._start = datetime.now(UTC)

    def _at(self, minutes_ago: float) -> str:
        return (self._start - timedelta(minutes=minutes_ago)).isoformat()

    async def tell(self, text: str, found: str = "") -> None:
        """Say what happens, and leave time to look."""
        console.print(f"[bold]{text}[/]" + (f"\n   [green]✓[/] {found}" if found else ""))
        await asyncio.sleep(self._pause)

    async def browses(self) -> None:
        """A visitor without a name looks around, signs in, and leaves something in the cart."""
        cast, visitor = self.cast, self.cast.id("visitor")
        for number, page in enumerate(cast.lines.pages):
            await self.world.site(
                "page",
                anonymousId=visitor,
                name=page,
                messageId=cast.id(f"page-{number}"),
                timestamp=self._at(45 - number),
            )
        await self.tell(f"A visitor looks at three pages. Nobody knows yet that it is {cast.first}.")
        user: dict[str, Any] = {
            "anonymousId": visitor,
            "userId": cast.id("user"),
            "context": {"locale": cast.lines.locale},
        }
        traits = {
            "firstName": cast.first,
            "lastName": cast.last,
            "name": f"{cast.first} {cast.last}",
            "email": cast.email,
            "phone": cast.phone,
        }
        track = {**user, "timestamp": self._at(32)}
        connected = {"externalIds": [{"type": "instagram_id", "id": f"{SHOP}/{cast.instagram}", "collection": "users"}]}
        signed_in = {**user, "context": {**user["context"], **connected}}
        await self.world.site(
            "identify", **signed_in, traits=traits, messageId=cast.id("identify"), timestamp=self._at(33)
        )
        await self.world.site(
            "track", **track, event="Consent Given", messageId=cast.id("consent"),
            properties={"channel": "email", "purpose": "marketing"},
        )  # fmt: skip
        await self.world.site(
            "track", **track, event="Form Submitted", messageId=cast.id("form"),
            properties={"form": "size guide", "shoe_size": "39"},
        )  # fmt: skip
        await self.world.site(
            "track", **{**track, "timestamp": self._at(31)}, event="Product Added", messageId=cast.id("cart"),
            properties={"name": cast.lines.product, "price": 89.9, "currency": "EUR", "quantity": 1},
        )  # fmt: skip
        found = await until("the profile", lambda: self.world.customer(f"email:{cast.email}"))
        known = ", ".join(sorted({one["type"] for one in found["identities"]}))
        await self.tell(
            f"{cast.first} signs in, tells her shoe size, puts a trail shoe into the cart, and leaves.",
            f"one profile, id {found['id']}, known by {known}",
        )

    async def is_reminded(self) -> None:
        """Half an hour after, the cart speaks: the rule waited, and nothing was bought."""
        mails = await until("the reminder", lambda: self.world.outbox(self.cast.email))
        await self.tell("Half an hour later the cart is still there.", f"mail sent: “{mails[-1]['subject']}”")

    async def calls(self) -> None:
        """She calls, types her account number, and an agent answers who sees everything."""
        cast, world = self.cast, self.world
        call = {"CallSid": f"CA{cast.seed:032x}", "From": cast.phone, "To": "+4930555010", "Direction": "inbound"}
        await world.twilio("/in/phone/twilio", **call, CallStatus="ringing")
        await self.tell(f"{cast.first} calls. The desk shows who it is while it rings.")
        await world.twilio("/in/phone/twilio/menu", **call, CallStatus="in-progress", Digits=cast.account)

        async def told() -> str | None:
            found = await world.customer(f"phone:{cast.phone}")
            facts = found["facts"] if found else {}
            return str(facts["account_number"]["value"]) if "account_number" in facts else None

        number = await until("the account number", told)
        await self.tell(
            "She types her account number into the phone menu.", f"the agent sees {number} before saying hello"
        )
        await world.twilio("/in/phone/twilio/status", **call, CallStatus="in-progress", SequenceNumber="2")
        found = await until("the customer", lambda: world.customer(f"phone:{cast.phone}"))
        await world.desk(
            "POST", f"/customers/{found['id']}/notes", cast.id("note"),
            json={"text": cast.lines.note},
        )  # fmt: skip
        await world.twilio(
            "/in/phone/twilio/status", **call, CallStatus="completed", CallDuration="94", SequenceNumber="3"
        )
        await self.tell("They speak for a minute and a half; the agent leaves a note for colleagues.")

    async def complains(self) -> None:
        """She complains on Instagram, and is answered there."""
        cast, world = self.cast, self.world
        moment = int(self._start.timestamp() * 1000)
        message = {
            "sender": {"id": cast.instagram}, "recipient": {"id": SHOP}, "timestamp": moment,
            "message": {"mid": cast.id("complaint"), "text": cast.lines.complaint},
        }  # fmt: skip
        await world.meta({"object": "instagram", "entry": [{"id": SHOP, "time": moment, "messaging": [message]}]})
        identity = f"instagram_id:{SHOP}/{cast.instagram}"

        async def known() -> dict[str, Any] | None:
            found = await world.customer(identity)
            return found if found and "social" in found["channels"] else None

        found = await until("the complaint", known)
        await world.desk(
            "POST", f"/customers/{found['id']}/messages", cast.id("answer"),
            json={"channel": "instagram", "text": cast.lines.answer},
        )  # fmt: skip
        sent = await until("the answer", lambda: world.outbox(cast.instagram))
        await self.tell("She complains on Instagram and is answered there.", f"sent: “{sent[0]['text']}”")

    async def writes(self) -> None:
        """She writes a mail, and the first answer knows what she told before."""
        cast, world = self.cast, self.world
        before = len(await world.outbox(cast.email))
        await world.mail(
            cast.email, f"{cast.first} {cast.last}", cast.lines.subject, cast.lines.mail,
            id=cast.id("mail"), at=self._start,
        )  # fmt: skip

        async def answered() -> str | None:
            mails = await world.outbox(cast.email)
            return next((str(one["subject"]) for one in mails if cast.lines.subject in str(one["subject"])), None)

        subject = await until("the first answer", answered)
        await self.tell(
            "She writes a mail." + (" (It was here before.)" if before > 1 else ""), f"answered at once: “{subject}”"
        )

    async def is_missed(self) -> None:
        """Somebody else calls, and nobody picks up."""
        cast, world = self.cast, self.world
        call = {"CallSid": f"CB{cast.seed:032x}", "From": cast.caller, "To": "+4930555010", "Direction": "inbound"}
        await world.twilio("/in/phone/twilio", **call, CallStatus="ringing")
        await world.twilio("/in/phone/twilio/status", **call, CallStatus="no-answer", SequenceNumber="1")
        sent = await until("the apology", lambda: world.outbox(cast.caller))
        await self.tell("Nizar calls, and nobody picks up.", f"SMS: “{str(sent[0]['text'])[:70]}…”")


async def play(seed: int, pause: float) -> None:
    """Play the story against the hub that runs here. Raises Misconfigured or Transient."""
    hub = running_hub()
    cast = Cast.of(seed)
    console.print(f"The story of {cast.first} {cast.last}. Watch it on the desk: {hub['desk']}\n")
    async with World(hub) as world:
        story = Story(cast, world, pause)
        for scene in (
            story.browses, story.is_reminded, story.calls, story.complains, story.writes, story.is_missed,
        ):  # fmt: skip
            await scene()
        found = await until("the customer", lambda: world.customer(f"email:{cast.email}"))
        console.print(f"\nAll of it is one page: {hub['desk']}/customers/{found['id']}")
        console.print("Played again, nothing doubles. Another customer, in Persian: hub demo --seed 2")
