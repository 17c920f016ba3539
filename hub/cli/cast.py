"""Who plays in the demo, and what they say: seed 1 is Sara, who speaks English; every second seed speaks Persian."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lines:
    """What is said in the story, in one language."""

    locale: str
    pages: tuple[str, str, str]
    product: str
    note: str
    complaint: str
    answer: str
    subject: str
    mail: str


ENGLISH: Final = Lines(
    locale="en-GB",
    pages=("Home", "Trail shoes", "Delivery times"),
    product="Trail shoe",
    note="Parcel 4711 is late. Promised to call back before 18:00.",
    complaint="Second time late! Where is my parcel 4711?",
    answer="We are sorry! It left today and arrives on Tuesday.",
    subject="Refund of the delivery fee",
    mail="Hello, can I have it back?\n",
)
PERSIAN: Final = Lines(
    locale="fa-IR",
    pages=("صفحهٔ اصلی", "کفش کوهپیمایی", "زمان تحویل"),
    product="کفش کوهپیمایی",
    note="مرسولهٔ ۴۷۱۱ دیر شده است. قول دادیم تا ساعت ۱۸ تماس بگیریم.",
    complaint="بار دوم است که دیر می‌رسد! مرسولهٔ ۴۷۱۱ من کجاست؟",
    answer="پوزش می‌خواهیم! امروز فرستاده شد و سه‌شنبه به دستتان می‌رسد.",
    subject="بازگشت هزینهٔ ارسال",
    mail="سلام، می‌شود هزینهٔ ارسال را پس بگیرم؟\n",
)
PEOPLE: Final = (
    ("Sara", "Mohammadi", "sara.mohammadi", ENGLISH),
    ("سارا", "محمدی", "sara.fa", PERSIAN),
    ("Lena", "Vogt", "lena.vogt", ENGLISH),
    ("مینا", "کریمی", "mina.karimi", PERSIAN),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays, as the seed has it."""

    seed: int
    first: str
    last: str
    email: str
    phone: str
    caller: str
    account: str
    instagram: str
    lines: Lines

    @classmethod
    def of(cls, seed: int) -> Cast:
        """The cast of a seed."""
        draw = random.Random(seed)
        first, last, mailbox, lines = PEOPLE[(seed - 1) % len(PEOPLE)]
        digits = f"{draw.randrange(10**7):07d}"
        return cls(
            seed,
            first,
            last,
            email=f"{mailbox}{'' if seed <= len(PEOPLE) else seed}@example.com",
            phone=f"+49151{digits}",
            caller=f"+49160{digits}",
            account=f"{draw.randrange(10_000_000, 99_999_999)}",
            instagram=f"1784{draw.randrange(10**12):012d}",
            lines=lines,
        )

    def id(self, what: str) -> str:
        """The id of one of the story's events: the same in every performance."""
        return f"demo-{self.seed}-{what}"
