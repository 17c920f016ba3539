"""Twilio's REST API, as far as the hub uses it: create a message, create a call."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from channels.sandbox.outbox import Outbox
from channels.sandbox.reports import Reporter
from hub.security import same
from hub.settings import Settings

NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")
INVALID: Final = frozenset({"+15005550001", "+15005550009"})
"""Twilio's own magic numbers for "invalid" and "cannot receive"."""
UNREACHABLE: Final = "+15005550008"
"""Not one of Twilio's: taken, and then reported as undelivered."""
BUSY: Final = "+15005550003"
"""Not one of Twilio's: answered with 429, as under load."""
SENT: Final = ("sent", "delivered")


def _error(status: int, code: int, message: str) -> Response:
    content = {"code": code, "message": message, "status": status, "more_info": f"twilio error {code}"}
    return JSONResponse(content, status_code=status)


class TwilioApi:
    """The two resources."""

    def __init__(self, settings: Settings, outbox: Outbox, reporter: Reporter) -> None:
        self._settings = settings.twilio
        self._outbox = outbox
        self._reporter = reporter

    def _known(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        expected = f"{self._settings.account_sid}:{self._settings.auth_token.get_secret_value()}"
        try:
            decoded = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            return False
        account = request.path_params["account"] == self._settings.account_sid
        return scheme.lower() == "basic" and account and same(decoded, expected)

    async def _form(self, request: Request) -> dict[str, str] | Response:
        if not self._known(request):
            return _error(401, 20003, "Authenticate")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        to = form.get("To", "")
        if to in INVALID or not NUMBER.fullmatch(to):
            return _error(400, 21211, f"Invalid 'To' Phone Number: {to[:20]}")
        if not form.get("From"):
            return _error(400, 21603, "A 'From' phone number is required.")
        if to == BUSY:
            return _error(429, 20429, "Too Many Requests")
        return form

    async def message(self, request: Request) -> Response:
        """POST Messages.json"""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        if not form.get("Body"):
            return _error(400, 21602, "Message body is required.")
        if len(form["Body"]) > 1600:
            return _error(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        sid, url = f"SM{uuid4().hex}", form.get("StatusCallback", "")
        self._keep("sms", form, form["Body"], url)
        states = ("sent", "undelivered") if form["To"] == UNREACHABLE else SENT
        if url:
            common = {"AccountSid": self._settings.account_sid, "From": form["From"], "To": form["To"]}
            common |= {"MessageSid": sid, "SmsSid": sid, "ApiVersion": "2010-04-01"}
            failed = {"undelivered": {"ErrorCode": "30003"}}
            reports = [{**common, "MessageStatus": one, "SmsStatus": one, **failed.get(one, {})} for one in states]
            self._reporter.twilio(url, reports)
        return self._created(sid, form, "queued")

    async def call(self, request: Request) -> Response:
        """POST Calls.json"""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        if not form.get("Twiml") and not form.get("Url"):
            return _error(400, 21205, "Url parameter is required.")
        sid, url = f"CA{uuid4().hex}", form.get("StatusCallback", "")
        self._keep("phone", form, _spoken(form.get("Twiml", "")), url)
        if url:
            common = {"AccountSid": self._settings.account_sid, "From": form["From"], "To": form["To"]}
            common |= {"CallSid": sid, "Direction": "outbound-api", "ApiVersion": "2010-04-01"}
            answered = {**common, "CallStatus": "in-progress", "SequenceNumber": "1"}
            ended = {**common, "CallStatus": "completed", "SequenceNumber": "2", "CallDuration": "7"}
            missed = {**common, "CallStatus": "no-answer", "SequenceNumber": "1", "CallDuration": "0"}
            self._reporter.twilio(url, [missed] if form["To"] == UNREACHABLE else [answered, ended])
        return self._created(sid, form, "queued")

    def _keep(self, channel: str, form: dict[str, str], text: str, status_url: str) -> None:
        key = parse_qs(urlsplit(status_url).query).get("trigger", [""])[0]
        self._outbox.add(channel, "twilio", form["To"], text, sender=form["From"], key=key)

    def _created(self, sid: str, form: dict[str, str], status: str) -> Response:
        content = {"sid": sid, "account_sid": self._settings.account_sid, "to": form["To"], "from": form["From"]}
        return JSONResponse({**content, "status": status, "api_version": "2010-04-01"}, status_code=201)


def _spoken(twiml: str) -> str:
    """The text of the first <Say>; it is our own dispatcher's TwiML."""
    if "<!" in twiml:
        return ""
    try:
        found = ElementTree.fromstring(twiml).find(".//Say")  # noqa: S314  no declarations, hence no entities
    except ElementTree.ParseError:
        return ""
    return (found.text or "") if found is not None else ""
