"""Who may do what on the desk, and how a stranger is kept out."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from desk.access import OPEN, POLICY
from desk.app import create_app
from hub import security
from hub.errors import Misconfigured
from hub.security import ROLES, Role
from hub.settings import Settings
from tests.browser.fakes import FakeBus, FakeStore
from tests.browser.kit import HERE, SECRET, kit, token

STREAMS = {"/api/v1/customers/{customer}/live", "/api/v1/live", "/api/v1/triggers/live"}


async def test_every_route_is_in_the_table_and_the_table_names_only_routes() -> None:
    async with kit() as desk:
        schema = (await desk.client.get("/openapi.json")).json()
        api = {(method.upper(), path) for path, methods in schema["paths"].items() for method in methods}
        assert api == {action for action in POLICY if action[1].startswith("/api/")}


@pytest.mark.parametrize("role", [*ROLES, None])
@pytest.mark.parametrize(("method", "path"), sorted(POLICY))
async def test_matrix(role: Role | None, method: str, path: str) -> None:
    """Each role gets through to exactly what the table gives it; nobody gets 401 everywhere."""
    if path in STREAMS and role is not None and role in POLICY[method, path]:
        return  # open streams never answer this client; test_desk_live reads them
    async with kit() as desk:
        place = path.replace("{customer}", "csara") + ("?before=x" if path.endswith("/rows") else "")
        headers = {"Authorization": f"Bearer {token(role)}"} if role else {}
        answer = await desk.client.request(method, place, headers=headers, json={} if method == "POST" else None)
        if role is None:
            assert answer.status_code in ((401,) if path.startswith("/api/") else (303, 401))
        elif role in POLICY[method, path]:
            assert answer.status_code not in (401, 403)
        else:
            assert answer.status_code == 403
            assert "Sara" not in answer.text


async def test_what_is_not_in_the_table_is_denied() -> None:
    async with kit() as desk:
        desk.app.add_api_route("/api/v1/forgotten", lambda: "open")
        assert (await desk.ask("GET", "/api/v1/forgotten", "admin")).status_code == 403
        assert ("GET", "/api/v1/forgotten") not in OPEN


def _forged(**change: Any) -> str:
    now = datetime.now(UTC)
    claims = {"sub": "x", "role": "admin", "aud": security.AUDIENCE, "iat": now, "exp": now + timedelta(hours=1)}
    headers = change.pop("headers", None)
    secret = change.pop("secret", SECRET)
    algorithm = change.pop("algorithm", "HS256")
    claims.update(change)
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, algorithm=algorithm, headers=headers)


def _unsigned(algorithm: str) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": "x", "role": "admin", "aud": security.AUDIENCE, "exp": 4_000_000_000}
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


PAST = datetime(2020, 1, 1, tzinfo=UTC)
ATTACKS = {
    "none": _unsigned("none"),
    "None": _unsigned("None"),
    "NONE with blanks": _unsigned(" none "),
    "no algorithm": _unsigned(""),
    "an RSA name without a key": _unsigned("RS256"),
    "HS384": _forged(algorithm="HS384"),
    "HS512": _forged(algorithm="HS512"),
    "another secret": _forged(secret="another secret, as long as the longest of the algorithms asks for it to be"),
    "a public key as secret": _forged(secret="-" * 10 + "BEGIN PUBLIC KE" + "-" * 10),
    "wrong audience": _forged(aud="somebody-else"),
    "no audience": _forged(aud=None),
    "expired": _forged(exp=PAST),
    "no expiry": _forged(exp=None),
    "expiry is text": _forged(exp="never"),
    "not yet": _forged(nbf=datetime.now(UTC) + timedelta(hours=1)),
    "issued in the future": _forged(iat=datetime.now(UTC) + timedelta(hours=1)),
    "no subject": _forged(sub=None),
    "unknown role": _forged(role="root"),
    "no role": _forged(role=None),
    "role is a list": _forged(role=["admin"]),
    "role in capitals": _forged(role="ADMIN"),
    "unknown crit": _forged(headers={"crit": ["exp-2"], "exp-2": 1}),
    "a path in kid and a broken end": _forged(headers={"kid": "../../dev/null"})[:-4] + "AAAA",
    "cut": _forged()[:-1] + ("A" if _forged()[-1] != "A" else "B") * 2,
    "no signature": _forged().rpartition(".")[0] + ".",
    "two parts": "a.b",
    "four parts": "a.b.c.d",
    "empty parts": "..",
    "not base64": "!!!.???.###",
    "very long": "a" * 100_000,
    "nothing": "",
}


@pytest.mark.parametrize("attack", sorted(ATTACKS))
async def test_forged_tokens(attack: str) -> None:
    async with kit() as desk:
        by_header = await desk.client.get("/api/v1/me", headers={"Authorization": f"Bearer {ATTACKS[attack]}"})
        by_cookie = await desk.client.get("/api/v1/me", headers={"Cookie": f"hub_session={ATTACKS[attack]}"})
        assert (by_header.status_code, by_cookie.status_code) == (401, 401)
        if ATTACKS[attack] and len(ATTACKS[attack]) < 4000:
            answer = await desk.client.get("/sign-in", params={"token": ATTACKS[attack]})
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers


async def test_sign_in_keeps_the_token_out_of_reach() -> None:
    async with kit() as desk:
        answer = await desk.client.get("/sign-in", params={"token": token()})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie  # plain HTTP on a local hub
        assert (await desk.client.get("/api/v1/me")).json() == {"name": "Mina", "role": "agent"}
    async with kit(desk_url="https://desk.example") as desk:
        answer = await desk.client.get("/sign-in", params={"token": token()})
        assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-Hub-Desk": "1"}, 201),
        ({"X-Hub-Desk": "1", "Origin": HERE}, 201),
        ({"X-Hub-Desk": "1", "Origin": "https://evil.example"}, 403),
        ({"X-Hub-Desk": "1", "Origin": "null"}, 403),
        ({"Origin": HERE}, 403),
    ],
)
async def test_a_foreign_site_changes_nothing_with_our_cookie(headers: dict[str, str], status: int) -> None:
    async with kit() as desk:
        cookie = {"Cookie": f"hub_session={token()}"}
        answer = await desk.client.post(
            "/api/v1/customers/csara/notes", json={"text": "hi"}, headers={**cookie, **headers}
        )
        assert answer.status_code == status
        assert len(desk.bus.sent) == (1 if status == 201 else 0)


async def test_headers_on_every_answer() -> None:
    async with kit() as desk:
        for path in ("/sign-in", "/static/desk.js", "/api/v1/customers/none", "/nowhere"):
            answer = await desk.ask("GET", path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_pages_hold_no_inline_script_or_style() -> None:
    async with kit() as desk:
        for path in ("/", "/customers/csara", "/activity", "/sign-in"):
            html = (await desk.ask("GET", path, "admin")).text
            assert html.count("<script") == html.count('<script type="module" src="/static/') == 1
            assert "style=" not in html
            assert "<style" not in html
            assert "://" not in html.replace("http://www.w3.org", "").replace("https://shop.example", "")


async def test_a_link_from_another_site_is_asked_again_from_our_own() -> None:
    """A strict cookie is left out then; the second request, from our page, brings it."""
    async with kit() as desk:
        answer = await desk.client.get("/customers/csara", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200
        assert "refresh" in answer.text
        answer = await desk.client.get("/customers/csara", headers={"Sec-Fetch-Site": "same-origin"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_no_secret_no_desk() -> None:
    with pytest.raises(Misconfigured):
        create_app(Settings(jwt_secret=""), FakeStore(), FakeBus())
