"""What Twilio's products share: signed webhooks, form fields, and the REST API."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlencode, urlsplit

from channels.base import Answer, RawInbound
from channels.outgoing import Caller, Reply, refusal
from hub.errors import Rejected, Unauthenticated
from hub.identity import Identity, identity
from hub.security import same
from hub.settings import Twilio

SIGNATURE: Final = "x-twilio-signature"
FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 1000
PORTS: Final = {"https": 443, "http": 80}
PROVIDER: Final = "twilio"
XML: Final = "text/xml"
EMPTY: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'

PREFIXES: Final = {"whatsapp:": "whatsapp", "messenger:": "messenger", "client:": "client", "sip:": "sip"}
"""What stands before an address that is no plain telephone number, and the identity type it becomes."""
WITHHELD: Final = frozenset(
    {"+266696687", "+86282452253", "+7378742833", "+2562533", "+8656696", "+464", "+17378742833", "+18656696"}
    | {"anonymous", "restricted", "unavailable", "blocked", "unknown", "private", "+anonymous", "+unknown"}
)
"""What Twilio puts where a number was withheld: the words ANONYMOUS, RESTRICTED … typed on a telephone's keys."""

Fields = dict[str, str]


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except (UnicodeDecodeError, ValueError) as error:
        raise Rejected("not a form in UTF-8", field="body") from error


def is_form(raw: RawInbound) -> bool:
    """Whether the body is a form, as Twilio's webhooks are unless they are told to be JSON."""
    return raw.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def fields(raw: RawInbound) -> Fields:
    """The request's own fields. Raises Rejected for anything but a form; of a doubled field the first counts."""
    if raw.method == "GET":
        return dict(raw.query)
    if not is_form(raw):
        raise Rejected("not a form", field="content-type")
    found: Fields = {}
    for name, value in _pairs(raw.body):
        found.setdefault(name, value)
    return found


def signature(token: str, url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """HMAC-SHA1 over the URL, then every field name in order with its different values in order."""
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        values.setdefault(name, set()).add(value)
    text = url + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    made = hmac.new(token.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha1)
    return base64.b64encode(made.digest()).decode()


def _spellings(url: str) -> tuple[str, str]:
    """The URL without and with its port: Twilio signs now one, now the other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unauthenticated("the URL cannot be read") from None
    host = parts.netloc.removesuffix(f":{port}") if port else parts.netloc
    full = parts.netloc if port else f"{host}:{PORTS.get(parts.scheme, 443)}"
    return _at(parts, host), _at(parts, full)


def _at(parts: SplitResult, netloc: str) -> str:
    return parts._replace(netloc=netloc).geturl()


def verify(raw: RawInbound, token: str) -> None:
    """Raise Unauthenticated unless Twilio, or somebody with our token, made this request."""
    given = raw.headers.get(SIGNATURE, "")
    if not token or not given:
        raise Unauthenticated("the signature is missing")
    pairs: Sequence[tuple[str, str]] = ()
    if raw.method != "GET" and is_form(raw):
        try:
            pairs = _pairs(raw.body)
        except Rejected:
            raise Unauthenticated("the signature does not fit") from None
    elif raw.body:
        # Without a form the URL alone is signed, and carries the hash of the body: a body without one is unsigned.
        claimed = parse_qs(urlsplit(raw.url).query).get("bodySHA256", [""])[0]
        if not same(claimed.lower(), hashlib.sha256(raw.body).hexdigest()):
            raise Unauthenticated("the body is not the one that was signed")
    matches = [same(given, signature(token, url, pairs)) for url in _spellings(raw.url)]
    if not any(matches):
        raise Unauthenticated("the signature does not fit")


def person(address: str, *, otherwise: str = "sms_sender") -> list[Identity]:
    """Whom an address as Twilio writes it belongs to; nobody for a withheld number.

    A WhatsApp account is held with its telephone number, so it stands for both. Whoever calls or texts can make
    the network show another number: that is not verified.
    """
    prefix = next((prefix for prefix in PREFIXES if address.startswith(prefix)), "")
    value = address.removeprefix(prefix)
    if value.lower() in WITHHELD:
        return []
    if prefix:
        kinds = ("whatsapp", "phone") if prefix == "whatsapp:" else (PREFIXES[prefix],)
        return [one for kind in kinds if (one := identity(kind, value, verified=kind != "sip"))]
    found = identity("phone", value) or identity(otherwise, value)
    return [found] if found else []


def address(to: str) -> str:
    """The number behind an identity, `phone:+49…`. Raises Rejected for what Twilio cannot reach from our number."""
    kind, _, value = to.partition(":")
    if kind != "phone" or not value:
        raise Rejected(f"it cannot go to {kind or 'nobody'}", field="to")
    return value


def text_xml(body: bytes = EMPTY) -> Answer:
    """An answer as Twilio reads it."""
    return Answer(200, body, XML)


def caller(settings: Twilio) -> Caller:
    """The REST API with this account's credentials."""
    return Caller(settings.api_url, auth=(settings.account_sid, settings.auth_token.get_secret_value()))


async def create(rest: Caller, account: str, resource: str, form: Sequence[tuple[str, str]]) -> str:
    """Create a message or a call; its SID. Raises Transient, InDoubt, Rejected or Unauthenticated."""
    body: dict[str, str | list[str]] = {}
    for name, value in form:
        before = body.get(name)
        body[name] = value if before is None else [*([before] if isinstance(before, str) else before), value]
    reply = await rest.post(f"/2010-04-01/Accounts/{account}/{resource}.json", form=body)
    error = refusal(reply, _reason(reply))
    if error is not None:
        raise error
    return str(reply.get("sid") or "")


def _reason(reply: Reply) -> str:
    code, message = reply.get("code"), reply.get("message")
    return " ".join(str(part) for part in (code, message) if part)


def with_trigger(url: str, trigger: str) -> str:
    """A status URL that says which trigger it reports on."""
    if not url or "trigger=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'trigger': trigger})}"
