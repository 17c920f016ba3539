"""The customers of the picture: enough of everything to judge the page by."""

from __future__ import annotations

from typing import Any, cast

from hub.profile import Profile
from tests.browser.fakes import DAY, HOUR, MINUTE, FakeStore, now_ms, person, row

SECOND = 1000

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "name": "Sara Mohammadi",
        "late": "Not again! @shop second time late 😞",
        "cart": "Your cart is waiting for you",
        "delayed": "Your parcel is delayed. The new date is Tuesday; we are sorry.",
        "page": "Delivery times",
        "parcel": "Where is my parcel? It was promised for Friday.",
        "subject": "Parcel 4711",
        "note": "Prefers to be called after 17:00.",
        "why": "parcel late twice in 90 days",
        "reply": "Hello Sara, I have asked the carrier and will write again today.",
        "answer": "Thank you, that helps!",
        "matter": "Parcel 4711 is late for the second time",
        "promise": "the carrier calls back",
        "second": "Invoice with the old address",
        "city": "Berlin",
    },
    "fa": {
        "name": "سارا محمدی",
        "late": "دوباره نه! @shop برای بار دوم دیر شد 😞",
        "cart": "سبد خریدتان منتظر شماست",
        "delayed": "مرسولهٔ شما با تأخیر می‌رسد. تاریخ تازه سه‌شنبه است؛ پوزش می‌خواهیم.",
        "page": "زمان‌های تحویل",
        "parcel": "مرسولهٔ من کجاست؟ قرار بود جمعه برسد.",
        "subject": "مرسولهٔ ۴۷۱۱",
        "note": "ترجیح می‌دهد بعد از ساعت ۱۷ تماس بگیریم.",
        "why": "دو بار تأخیر در ۹۰ روز",
        "reply": "سلام سارا، از شرکت پست پرسیدم و همین امروز دوباره می‌نویسم.",
        "answer": "ممنون، خیلی کمک کرد!",
        "matter": "مرسولهٔ ۴۷۱۱ برای بار دوم دیر شده",
        "promise": "شرکت پست تماس می‌گیرد",
        "second": "فاکتور با نشانی قدیمی",
        "city": "برلین",
    },
}


def sara(language: str = "en") -> Profile:
    """A known customer on the line."""
    text = TEXTS[language]
    profile = person(
        "csara", text["name"], "phone:+4917012345678", "email:sara@example.com", "user_id:u-4711",
        tier="gold", language=language, lifetime_value=2410, churn_risk=0.38, nps=6,
    )  # fmt: skip
    profile["identities"]["anonymous_id:b7f3"] = {"verified": False, "first": 1, "last": now_ms()}
    profile["identities"]["whatsapp:+4917012345678"] = {"verified": False, "first": 1, "last": now_ms() - 26 * HOUR}
    profile["stage"] = "after"
    now = now_ms()
    profile["facts"] = {
        "account_number": ["88412207", now - 20 * SECOND, "r1", "phone.input"],
        "shoe_size": [39, now - 3 * DAY, "r2", "web.track"],
        "preferred_channel": ["SMS", now - 40 * DAY, "r3", "survey.answered"],
    }
    profile["consent"] = {
        "sms/marketing": [True, now - 90 * DAY, "r", "consent.given"],
        "email/marketing": [False, now - 12 * DAY, "r", "consent.withdrawn"],
    }
    profile["channels"] = {
        "sms": _traffic(3, 5, now - 2 * DAY),
        "email": _traffic(4, 9, now - DAY),
        "social": _traffic(2, 0, now - 26 * HOUR),
    }
    profile["call"] = [
        {"id": "call-1", "state": "input", "direction": "inbound", "number": "+4917012345678", "digits": "88412207"},
        now - 20 * SECOND,
        "r9",
        "phone.input",
    ]
    _belonging(profile)
    cast(dict[str, Any], profile).update(_facets(text))
    return profile


def _belonging(profile: Profile) -> None:
    """What made her one customer, and what was refused."""
    now, user = now_ms(), "user_id:u-4711"
    profile["links"] = {
        f"{one}\n{user}": ["joined", now - age, ref, rule, "phone:+4917012345678", lost]
        for one, age, ref, rule, lost in (
            ("anonymous_id:b7f3", 5 * DAY, "r2", "together", "anonymous_id:b7f3"),
            ("email:sara@example.com", 1600 * DAY, "0badc0ffee", "together", "email:sara@example.com"),
            ("phone:+4917012345678", 40 * DAY, "r3", "by hand", user),
        )
    }
    whatsapp = "user_id:u-4711\nwhatsapp:+4917012345678"
    profile["links"][whatsapp] = ["joined", now - 26 * HOUR, "r1", "together", user, "whatsapp:+4917012345678"]
    profile["refused"] = {
        "email:lena@example.com": ["claimed", now - 3 * DAY, "r2"],
        "user_id:u-9": ["limit:user_id", now - 8 * DAY, "r7"],
        "email:info@example.com": ["shared", now - 9 * DAY, "r8"],
    }


def _facets(text: dict[str, str]) -> dict[str, Any]:
    """What the facets keep of her."""
    now = now_ms()

    def said(value: Any, age: int) -> list[Any]:
        return [value, now - age, "r", "agent.wrap-up"]

    return {
        "matters": {
            "4711": {
                "state": said("waiting", 5 * HOUR),
                "subject": said(text["matter"], DAY),
                "channel": said("email", DAY),
                "promised": said([text["promise"], now - HOUR], 5 * HOUR),
            },
            "88": {
                "state": said("open", 2 * DAY),
                "subject": said(text["second"], 2 * DAY),
                "promised": said(["", now + 2 * DAY], 2 * DAY),
            },
        },
        "sentiment": [
            [now - 2 * MINUTE, "r", -72, 80, "social"],
            [now - DAY, "r", -35, 60, "email"],
            [now - 3 * DAY, "r", 64, 70, "sms"],
        ],
        "satisfaction": {
            "nps": [2, 1400, 0, 1, 0, [[now - 40 * DAY, "r", 600, ""], [now - 400 * DAY, "r", 800, ""]]],
            "csat": [1, 200, 0, 1, 0, [[now - 2 * DAY, "r", 200, "Delivery"]]],
        },
        "place": {"gps": [52.52, 13.405, 30, text["city"], "DE", now - 3 * HOUR, "r"]},
        "devices": {
            "seen": {
                "d1": [now - DAY, "r", "phone", "Pixel 9", "Android 16", "Shop 4.2", 1],
                "d2": [now - 5 * DAY, "r", "desktop", "", "Windows", "Firefox", None],
            },
            "first": {},
        },
        "told": {"shoe_size": {"web.track": [39, now - 3 * DAY, "r2"], "agent.note": [40, now - 60 * DAY, "r5"]}},
    }


def _traffic(received: int, sent: int, last: int) -> Any:
    return {"received": received, "sent": sent, "failed": 0, "last_received": last, "last_sent": last}


def fill(store: FakeStore, language: str = "en") -> None:
    """Put the story into a store."""
    text = TEXTS[language]
    rows = [
        row("r01", 20 * SECOND, "phone.input", "", call="call-1", digits="88412207"),
        row("r02", 42 * SECOND, "phone.ringing", "", call="call-1", number="+4917012345678"),
        row("r03", 2 * MINUTE, "social.mention", text["late"]),
        row("r04", 9 * MINUTE, "rule.held", text["cart"], rule="abandoned-cart",
            reason="hold: promotions are on hold for this customer"),
        row("r05", HOUR - MINUTE, "sms.delivered", "", trigger="t1", rule="late-parcel"),
        row("r06", HOUR, "sms.sent", "", trigger="t1", rule="late-parcel"),
        row("r07", HOUR + SECOND, "rule.fired", text["delayed"], rule="late-parcel", version="3", trigger="t1",
            channel="sms", reason=text["why"]),
        row("r08", 80 * MINUTE, "web.page", "", name=text["page"]),
        row("r09", 82 * MINUTE, "web.page", "", name=text["page"]),
        row("r10", 83 * MINUTE, "web.page", "", name=text["page"]),
        row("r11", 5 * HOUR, "agent.note", text["note"], agent="Ana"),
        row("r12", 25 * HOUR, "email.received", text["parcel"], subject=text["subject"]),
        row("r13", 26 * HOUR, "web.track", "", name="Order Shipped", properties={"order_id": "4711", "total": 89.9}),
        row("r14", 3 * DAY, "sms.received", text["answer"]),
        row("r15", 3 * DAY + HOUR, "sms.read", "", trigger="t0"),
        row("r16", 3 * DAY + HOUR, "agent.reply", text["reply"], agent="Ana", channel="sms", trigger="t0"),
        row("r17", 4 * DAY, "web.page", "", name="https://shop.example/returns"),
        row("r18", 4 * DAY + MINUTE, "web.page", "", name="https://shop.example/delivery"),
        row("r19", 5 * DAY, "web.identify", ""),
        row("r20", 12 * DAY, "consent.withdrawn", ""),
        row("r21", 40 * DAY, "phone.missed", "", call="call-0"),
        row("r22", 400 * DAY, "survey.answered", "6"),
    ]  # fmt: skip
    store.add(sara(language), rows)
    fa = language == "fa"
    store.add(
        person("creza", "رضا کریمی" if fa else "Reza Karimi", "phone:+989121234567"),
        [row("z1", 4 * MINUTE, "email.received", "بازپرداخت سفارش ۳۳۱۰" if fa else "Refund of order 3310")],
    )
    lena = person("clena", "لنا فوگت" if fa else "Lena Vogt", "email:lena@example.com")
    lena["first"] = now_ms() - 400 * DAY
    store.add(lena, [])
    store.add(person("cnew", "", "phone:+49305550101"), [])


def notices(language: str = "en") -> list[dict[str, Any]]:
    """What the desk heard lately."""
    fa, now = language == "fa", now_ms()
    call = {"id": "call-1", "state": "ringing", "direction": "inbound", "number": "+4917012345678", "digits": ""}
    return [
        {"type": "sms.received", "customer": "clena", "text": "ممنون!" if fa else "Thanks!", "time": now - HOUR},
        {"type": "social.message", "customer": "cnew", "text": "موجود است؟" if fa else "Is it in stock?",
         "time": now - 6 * MINUTE},
        {"type": "email.received", "customer": "creza", "time": now - 4 * MINUTE,
         "text": "بازپرداخت سفارش ۳۳۱۰" if fa else "Refund of order 3310"},
        {"type": "phone.ringing", "customer": "csara", "call": call, "time": now - 42 * SECOND},
        {"type": "phone.input", "customer": "csara", "call": {**call, "state": "input", "digits": "88412207"},
         "time": now - 20 * SECOND},
    ]  # fmt: skip
