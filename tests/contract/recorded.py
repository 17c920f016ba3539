"""Recorded payloads: how they are written down, and how they are read.

`payloads/<channel>_<provider>/NAME.in` is one request as the provider sends it; `NAME.out` says what must come of
it. Both are text, made to be read in a review.

    # Lines in front that begin with a hash are remarks.
    POST /in/sms/twilio?part=1
    Content-Type: application/x-www-form-urlencoded
    X-Twilio-Signature: zFbXk6fAM2lJ…=

    MessageSid=SM01&From=%2B4915112345678&Body=Hello

First line: method and URL (a path stands behind `https://hub.example`, which is also `public_url` in `SETTINGS`;
mail over SMTP uses method `SMTP` and whatever URL the channel reads). Then headers, an empty line, the body. One
line end after the body does not belong to it. Lines that begin with `@` are for us and never reach the channel:

    @received: 2026-01-31T12:00:00Z     when it arrived (this moment unless given)
    @body: base64 | crlf | gzip         the body is base64 (blanks ignored); has CR LF line ends; is sent gzipped

Signatures are literal, made with the secrets in `SETTINGS` below: what is recorded is what the provider sends.

NAME.out is JSON:

    [{"id": "…", "source": "…", "type": "sms.received", "time": "2026-01-31T12:00:00.000Z",
      "subject": "phone:+4915112345678", "data": {…}}]        the events, in order, whole but for `receivedat`,
                                                              `tenant` and CloudEvents' constant fields
    {"rejected": "From"}                                      Rejected, naming this field
    {"unauthenticated": true}                                 refused by verify()

`python -m tests.contract.recorded` writes the `.out` files that are missing, for you to read before you commit them.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from channels.base import Channel, RawInbound
from hub.errors import Rejected, Unauthenticated
from hub.settings import Mail, Meta, Settings, Twilio

FOLDER: Final = Path(__file__).parent / "payloads"
PUBLIC_URL: Final = "https://hub.example"
RECEIVED: Final = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
CONSTANT: Final = {"specversion", "datacontenttype", "receivedat", "tenant"}


def settings(suffix: str = "", api_url: str = "") -> Settings:
    """The installation the payloads were recorded for; with a suffix, one with other secrets."""
    places = {"api_url": api_url} if api_url else {}
    return Settings(
        public_url=PUBLIC_URL,
        region="DE",
        write_keys="contract-key" + suffix,
        jwt_secret="contract-jwt-secret-of-32-characters" + suffix,
        twilio=Twilio(
            account_sid="AC00000000000000000000000000000001",
            auth_token="contract-twilio" + suffix,
            from_number="+4930901820",
            **places,
        ),
        meta=Meta(
            app_secret="contract-meta-app" + suffix,
            verify_token="contract-meta-verify" + suffix,
            access_token="contract-meta-access",
            page_id="1000000001",
            phone_number_id="2000000002",
            **places,
        ),
        mail=Mail(domains="hub.example", from_address="Hub <hello@hub.example>", relay_host="relay.invalid"),
    )


@dataclass(frozen=True, slots=True)
class Recorded:
    """One payload: where it is written down, and the request."""

    path: Path
    raw: RawInbound

    @property
    def expected(self) -> Any:
        """What `NAME.out` says, or None while nobody has written it."""
        out = self.path.with_suffix(".out")
        return json.loads(out.read_text("utf-8")) if out.exists() else None


def _body(text: bytes, form: str) -> bytes:
    if form == "base64":
        return base64.b64decode(b"".join(text.split()), validate=True)
    body = text.removesuffix(b"\n")
    if form == "crlf":
        return body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return gzip.compress(body, mtime=0) if form == "gzip" else body


def read(path: Path) -> Recorded:
    """Read one `.in` file."""
    head, _, rest = path.read_bytes().partition(b"\n\n")
    lines = [line for line in head.decode("utf-8").splitlines() if not line.startswith("#")]
    method, _, place = lines[0].partition(" ")
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    ours = {name: value for name, value in fields if name.startswith("@")}
    headers: dict[str, str] = {}
    for name, value in fields:
        if not name.startswith("@"):
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    url = PUBLIC_URL + place if place.startswith("/") else place
    raw = RawInbound(
        method=method,
        url=url,
        headers=headers,
        query=dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)),
        body=_body(rest, ours.get("@body", "")),
        received=datetime.fromisoformat(ours["@received"]) if "@received" in ours else RECEIVED,
    )
    return Recorded(path, raw)


def of(channel: str, provider: str) -> list[Recorded]:
    """The payloads of one channel with one provider, by name."""
    return [read(path) for path in sorted((FOLDER / f"{channel}_{provider}").glob("*.in"))]


def outcome(channel: Channel, raw: RawInbound) -> Any:
    """What the channel makes of a request, in the form of a `.out` file."""
    try:
        channel.verify(raw)
        events = channel.parse(raw)
    except Unauthenticated:
        return {"unauthenticated": True}
    except Rejected as error:
        return {"rejected": error.field}
    whole: Iterator[dict[str, Any]] = (json.loads(event.to_json()) for event in events)
    return [{name: value for name, value in event.items() if name not in CONSTANT} for event in whole]


def main() -> None:
    """Write the `.out` files that are missing."""
    from channels.registry import build

    for (name, provider), channel in build(settings()).items():
        for one in of(name, provider):
            if one.expected is None:
                text = json.dumps(outcome(channel, one.raw), ensure_ascii=False, indent=2)
                one.path.with_suffix(".out").write_text(text + "\n", "utf-8")
                sys.stdout.write(f"written: {one.path.with_suffix('.out').relative_to(FOLDER)}\n")


if __name__ == "__main__":
    main()
