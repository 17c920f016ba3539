"""The page behind every unsubscribe link: leaving takes one step, needs no password, and can be undone."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import parse_qs

from channels.base import Answer, RawInbound
from channels.edge import Edge
from channels.web import Web
from hub.errors import Rejected, Transient, Unauthenticated
from hub.event import Event, make
from hub.ids import event_id
from hub.metrics import REJECTED
from hub.unsubscribe import Subscription, read_unsubscribe_token

PREFIX: Final = "/u/"
SOURCE: Final = "/channels/web/unsubscribe"
LARGEST: Final = 10_000
"""Bytes of a form of this page, or of a mail provider's one click."""

_ALL: Final = ("email", "sms", "phone", "social")
_CHOICES: Final = {"leave": False, "leave-all": False, "return": True}
_PURPOSE: Final = "marketing"

_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "dir": "ltr",
        "title": "Your messages",
        "ask": "Do you want to stop receiving offers by {channel}?",
        "leave": "Stop offers by {channel}",
        "leave-all": "Stop all offers",
        "return": "Receive offers by {channel} again",
        "left": "Done. You will get no more offers by {channel}.",
        "left-all": "Done. You will get no more offers on any channel.",
        "returned": "Done. You will get offers by {channel} again.",
        "still": "Messages about your orders and your questions still reach you.",
        "invalid": "This link is not complete. Please use the whole link from the message.",
        "later": "This did not work just now. Please try again in a minute.",
        "email": "e-mail",
        "sms": "text message",
        "phone": "telephone",
        "social": "social messenger",
        "web": "our website",
    },
    "fa": {
        "dir": "rtl",
        "title": "پیام‌های شما",
        "ask": "آیا می‌خواهید دیگر پیشنهادی از راه {channel} دریافت نکنید؟",
        "leave": "توقف پیشنهادها از راه {channel}",
        "leave-all": "توقف همهٔ پیشنهادها",
        "return": "دریافت دوبارهٔ پیشنهادها از راه {channel}",
        "left": "انجام شد. دیگر پیشنهادی از راه {channel} دریافت نمی‌کنید.",
        "left-all": "انجام شد. دیگر از هیچ راهی پیشنهادی دریافت نمی‌کنید.",
        "returned": "انجام شد. دوباره پیشنهادها را از راه {channel} دریافت می‌کنید.",
        "still": "پیام‌های مربوط به سفارش‌ها و پرسش‌هایتان همچنان به شما می‌رسد.",
        "invalid": "این پیوند کامل نیست. لطفاً پیوند کامل پیام را به کار ببرید.",
        "later": "اکنون انجام نشد. لطفاً یک دقیقهٔ دیگر دوباره امتحان کنید.",
        "email": "ایمیل",
        "sms": "پیامک",
        "phone": "تلفن",
        "social": "پیام‌رسان",
        "web": "وب‌گاه ما",
    },
}

_STYLE: Final = (
    "body{font:1.125rem/1.6 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}button{font:inherit;padding:.6rem 1.2rem;margin:.4rem 0;border:2px solid #1a4b8c;"
    "border-radius:.4rem;background:#fff;color:#1a4b8c;cursor:pointer;display:block;width:100%}"
    "button:first-of-type{background:#1a4b8c;color:#fff}button:focus-visible{outline:3px solid #e07b00}"
    "@media(prefers-color-scheme:dark){body{background:#16181d;color:#eee}button{background:#16181d;color:#9cc2ff;"
    "border-color:#9cc2ff}button:first-of-type{background:#9cc2ff;color:#16181d}}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _Page:
    words: dict[str, str]
    language: str
    channel: str

    def say(self, name: str) -> str:
        """A sentence in the reader's language, safe in HTML."""
        return escape(self.words[name].format(channel=self.words.get(self.channel, self.channel)))

    def answer(self, status: int, sentences: tuple[str, ...], buttons: tuple[str, ...]) -> Answer:
        """The whole page."""
        text = "".join(f"<p>{self.say(name)}</p>" for name in sentences)
        forms = "".join(f'<button name="choice" value="{name}">{self.say(name)}</button>' for name in buttons)
        form = f'<form method="post">{forms}</form>' if forms else ""
        html = (
            f'<!doctype html><html lang="{self.language}" dir="{self.words["dir"]}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{self.say("title")}</title>'
            f"<style>{_STYLE}</style></head><body><main><h1>{self.say('title')}</h1>"
            f'<div role="status">{text}</div>{form}</main></body></html>'
        )
        return Answer(status, html.encode(), "text/html; charset=utf-8", _HEADERS)


class Preferences:
    """Answers `/u/<token>`: a page by GET, a withdrawal by POST (RFC 8058, or the page's own form)."""

    def __init__(self, web: Web, edge: Edge, secret: str, tenant: str) -> None:
        self._web = web
        self._edge = edge
        self._secret = secret
        self._tenant = tenant

    async def answer(self, path: str, raw: RawInbound) -> Answer:
        """The page. GET changes nothing: mail scanners follow links."""
        language = "fa" if raw.headers.get("accept-language", "").strip().lower().startswith("fa") else "en"
        try:
            about = read_unsubscribe_token(path.removeprefix(PREFIX), self._secret)
        except Unauthenticated:
            REJECTED.labels("web", "unsubscribe", "signature").inc()
            return _Page(_WORDS[language], language, "").answer(404, ("invalid",), ())
        page = _Page(_WORDS[language], language, about.channel)
        if raw.method != "POST":
            return page.answer(200, ("ask", "still"), ("leave", "leave-all"))
        try:
            choice = _choice(raw)
            await self._edge.accept(self._web, self._events(about, choice, raw), keep=True)
        except Rejected:
            return page.answer(400, ("ask", "still"), ("leave", "leave-all"))
        except Transient:
            return page.answer(503, ("later",), (choice,))
        said = {"leave": "left", "leave-all": "left-all", "return": "returned"}[choice]
        return page.answer(200, (said, "still"), ("leave",) if choice == "return" else ("return",))

    def _events(self, about: Subscription, choice: str, raw: RawInbound) -> list[Event]:
        """One event a channel; the minute in its id keeps a later change of mind apart from a repeated click."""
        given = _CHOICES[choice]
        kind, _, value = about.identity.partition(":")
        verb = "Asked for" if given else "Wants no more"
        minute = raw.received.strftime("%Y-%m-%dT%H:%M")
        channels = _ALL if choice == "leave-all" else (about.channel,)
        return [
            make(
                "consent.given" if given else "consent.withdrawn",
                id=event_id(SOURCE, f"{about.identity}\n{channel}\n{choice}\n{minute}\n{about.trigger}"),
                source=SOURCE,
                identities=[{"type": kind, "value": value, "verified": False}],
                received=raw.received,
                tenant=self._tenant,
                consent={
                    "channel": channel,
                    "purpose": _PURPOSE,
                    "given": given,
                    "proof": {"by": "the link in a message", "trigger": about.trigger},
                },
                trigger=about.trigger,
                text=f"{verb} offers by {_WORDS['en'].get(channel, channel)}",
            )
            for channel in channels
        ]


def _choice(raw: RawInbound) -> str:
    """What was clicked. Raises Rejected. Mail providers may send their one click as a form of either kind."""
    if b"List-Unsubscribe" in raw.body and b"One-Click" in raw.body:
        return "leave"
    try:
        choice = parse_qs(raw.body.decode("latin-1"), max_num_fields=10).get("choice", [""])[0]
    except ValueError:
        choice = ""
    if choice not in _CHOICES:
        raise Rejected("nothing was chosen", field="choice", limit=", ".join(_CHOICES))
    return choice
