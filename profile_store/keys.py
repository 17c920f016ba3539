"""Every key in Redis, and how long it lives. The hash tag is a bucket, so that one call serves many customers.

| key | type | what | lives |
|---|---|---|---|
| `{bNN}:c:<customer>` | string | version and profile, or the customer it was merged into | for ever |
| `{bNN}:t:<customer>` | list | timeline rows, newest at the end | the newest 200 |
| `{bNN}:d:<customer>` | hash | records of applied events, see applied.lua | 8 days of events |
| `{bNN}:o` | hash | outbox: trigger id → trigger, until it is on its topic | moments |
| `{bNN}:z` | sorted set | timers, `customer slot timer`, by due time | until due |
| `{bNN}:s` | sorted set | search terms, in lexical order | for ever |
| `{bNN}:g` | sorted set | members of segments, `segment customer`, in lexical order | as long as they are in it |
| `{bNN}:i`, `{bNN}:l` | sorted set | came into a segment or left it by other declarations, to be told | seconds |
| `declared` | string | the traits and segments that this generation is folded with | for ever |
| `rebuilding` | string | how far the rebuild is that is under way | 15 s after its last sign of life |
| `{bNN}:f` | sorted set | customers that changed, by version, until the feed `profiles` has them | moments |
| `w:<group>` | hash | partition of `interactions` → topic id and last offset applied | for ever |
| `{bNN}:w:<group>` | hash | cluster: partition → watermark before the last batch that wrote here, a lot | for ever |
| `{w:<group>}:b` | hash | cluster: `partition bucket` → that mark when the watermark was raised | for ever |
| `{bNN}:x` | hash | cluster: changes of customers of several buckets that this bucket decides | seconds |
| `{bNN}:y` | sorted set | cluster: changes decided elsewhere that sealed something here, by time | minutes |
| `{bNN}:e` | string | cluster: changes whenever a node may have lost the end of what was written | for ever |
| `{bNN}:sync` | string | cluster: something to write before waiting for the replicas | a minute |
| `progress` | hash | partition → the moment up to which it is read, for timers | for ever |
| `generation` | hash | which generation of the store is in use, and which is being built or taken away | for ever |
| `n:<rule>` | hash | `day what` → how often, see effects.py | 32 days after its last new day |
| `{bNN}:n:<rule>` | hash | cluster: the same, of the customers of this bucket | the same |
| `a:<kind>` | hash | field that rules ask about → how it came with events of this kind | 30 days unsaid |
| `{bNN}:claim:<trigger>` | string | how far a dispatcher is with sending it | 30 days |
| `{bNN}:claims` | string | the run of the server that holds this bucket's claims complete | for ever |

A store that is built anew lies beside the one in use: another generation, whose keys have `g<number>` in front. The
first has no such mark. Outboxes, claims and `generation` belong to all of them: a message that is on its way stays
on its way when the generation changes. So do `n` and `a`: what rules did was done, whatever is built anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

BUCKETS: Final = 64

PROGRESS: Final = "progress"
DECLARED: Final = "declared"
REBUILDING: Final = "rebuilding"
GENERATION: Final = "generation"
CURRENT, BUILDING, SEALED, OLD = b"current", b"building", b"sealed", b"old:"
"""Its fields: the one in use, the one being built, until when (ms) nothing is written, and those to be removed."""

DESK: Final = "desk"
"""Pub/sub: notices for everybody on the desk (calls)."""

CLAIM_SECONDS: Final = 30 * 24 * 3600
TIMELINE_ROWS: Final = 200
SEEN_MS: Final = 8 * 24 * 3600 * 1000
"""How long a resend of the same event is recognised; longer than any sender repeats."""

SEEN_UNIT: Final = 24 * 3600 * 1000
"""Milliseconds in the unit of those times: a day."""


def bucket(customer: str) -> int:
    """The bucket of a customer."""
    return crc32(customer.encode()) % BUCKETS


def tag(number: int) -> str:
    """The hash tag of a bucket."""
    return f"{{b{number:02d}}}"


def profile(customer: str) -> str:
    """Key of a customer's profile."""
    return f"{tag(bucket(customer))}:c:{customer}"


def timeline(customer: str) -> str:
    """Key of a customer's timeline."""
    return f"{tag(bucket(customer))}:t:{customer}"


def applied(customer: str) -> str:
    """Key of the names of the events that were applied to a customer."""
    return f"{tag(bucket(customer))}:d:{customer}"


def search(number: int) -> str:
    """Key of a bucket's search terms."""
    return f"{tag(number)}:s"


def outbox(number: int) -> str:
    """Key of a bucket's outbox."""
    return f"{tag(number)}:o"


def timer(customer: str, slot: str, one: str) -> str:
    """How a timer stands among its bucket's timers."""
    return f"{customer} {slot} {one}"


def timers(number: int) -> str:
    """Key of a bucket's timers."""
    return f"{tag(number)}:z"


def watermarks(group: str) -> str:
    """Key of a consumer group's watermarks."""
    return f"w:{group}"


def bucket_of(key: str) -> int:
    """The bucket a key lies in."""
    return int(key[2:4])


def marks(group: str, number: int) -> str:
    """Key of a consumer group's marks in one bucket."""
    return f"{tag(number)}:w:{group}"


def raised(group: str) -> str:
    """Key of the buckets' marks as they were when the watermarks were raised, beside these."""
    return f"{{{watermarks(group)}}}:b"


def transactions(number: int) -> str:
    """Key of the changes over several buckets that this bucket decides."""
    return f"{tag(number)}:x"


def reached(number: int) -> str:
    """Key of the changes, decided in other buckets, that this one knows of."""
    return f"{tag(number)}:y"


def epoch(number: int) -> str:
    """Key of a bucket's epoch."""
    return f"{tag(number)}:e"


def sync(number: int) -> str:
    """Key that is written only to see a write reach the replicas."""
    return f"{tag(number)}:sync"


def terms(customer: str) -> str:
    """Key of the search terms of a customer's bucket."""
    return search(bucket(customer))


def segments(number: int) -> str:
    """Key of a bucket's members of segments."""
    return f"{tag(number)}:g"


def claim(trigger: str) -> str:
    """Key of the claim on a trigger."""
    return f"{tag(bucket(trigger))}:claim:{trigger}"


def claims(number: int) -> str:
    """Key that says whether the claims of a bucket are complete."""
    return f"{tag(number)}:claims"


def effects(rule: str) -> str:
    """Key of what a rule did."""
    return f"n:{rule}"


def effects_in_bucket(rule: str, number: int) -> str:
    """The same on a cluster, where each bucket has its own customers' part of it."""
    return f"{tag(number)}:n:{rule}"


def arrivals(kind: str) -> str:
    """Key of how the fields that rules ask about came with events of a kind, `type` or `type/name`."""
    return f"a:{kind}"


def live(customer: str) -> str:
    """Pub/sub channel of one customer: the profile's new version at every change."""
    return f"live:{customer}"


def live_in_bucket(customer: str) -> str:
    """The same channel on a cluster: sharded, so that only the customer's own nodes hear of it."""
    return f"{tag(bucket(customer))}:live:{customer}"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one generation of the store."""

    generation: int = 0

    @property
    def mark(self) -> str:
        """What stands in front of all its keys."""
        return f"g{self.generation}" if self.generation else ""

    def profile(self, customer: str) -> str:
        """Key of a customer's profile."""
        return self.mark + profile(customer)

    def timeline(self, customer: str) -> str:
        """Key of a customer's timeline."""
        return self.mark + timeline(customer)

    def applied(self, customer: str) -> str:
        """Key of the names of the events that were applied to a customer."""
        return self.mark + applied(customer)

    def search(self, number: int) -> str:
        """Key of a bucket's search terms."""
        return self.mark + search(number)

    def timers(self, number: int) -> str:
        """Key of a bucket's timers."""
        return self.mark + timers(number)

    def segments(self, number: int) -> str:
        """Key of a bucket's members of segments."""
        return self.mark + segments(number)

    def entered(self, number: int) -> str:
        """Key of a bucket's members that other declarations brought into a segment, as long as nobody was told."""
        return f"{self.mark}{tag(number)}:i"

    def left(self, number: int) -> str:
        """Key of a bucket's former members that other declarations took out of one, as long as nobody was told."""
        return f"{self.mark}{tag(number)}:l"

    @property
    def declared(self) -> str:
        """Key of the declarations that it is folded with."""
        return self.mark + DECLARED

    def fed(self, number: int) -> str:
        """Key of a bucket's customers that the feed does not have yet."""
        return f"{self.mark}{tag(number)}:f"

    def watermarks(self, group: str) -> str:
        """Key of a consumer group's watermarks."""
        return self.mark + watermarks(group)

    @property
    def progress(self) -> str:
        """Key of how far every partition is read."""
        return self.mark + PROGRESS

    def pattern(self) -> str:
        """What keys of customers look like, to search for."""
        return f"{self.mark}{{b??}}:*"

    def kind(self, key: str) -> str:
        """What a key that was found is of, by its letter; empty when it belongs to all generations."""
        kind = key[len(self.mark) + len(tag(0)) + 1 :].partition(":")[0]
        return kind if kind in ("c", "t", "d", "z", "s", "g", "f", "i", "l") else ""

    def customer(self, key: str) -> str:
        """The customer of a profile's key."""
        return key.partition(":c:")[2]


FIRST: Final = Keys()
