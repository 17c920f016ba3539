"""Who may do what on the desk: one table, and nothing that is not in it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from desk.problems import Problem
from hub import security
from hub.errors import Unauthenticated
from hub.security import ROLES, Role, Staff

COOKIE: Final = "hub_session"
OWN_HEADER: Final = "x-hub-desk"
"""Our own scripts set it; a foreign site cannot without asking first, and is never allowed to."""

EVERYBODY: Final = frozenset(ROLES)
SERVICE: Final = frozenset[Role]({"agent", "supervisor", "admin"})
"""Those who serve customers, and so see them."""
AUTOMATION: Final = frozenset[Role]({"marketer", "supervisor", "admin"})
BEHIND: Final = frozenset[Role]({"supervisor", "marketer", "ops", "admin"})
FORCE: Final = frozenset[Role]({"supervisor", "admin"})
"""Those who may make customers one beyond a limit."""
BEHIND_LETTERS: Final = frozenset[Role]({"ops", "admin"})
"""Dead letters are other people's messages, whole."""

API: Final = "/api/v1"
OPEN: Final = frozenset({("GET", "/sign-in"), ("GET", "/openapi.json")})
"""What is needed before somebody is known."""
POLICY: Final[dict[tuple[str, str], frozenset[Role]]] = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/customers/{customer}"): SERVICE,
    ("GET", "/customers/{customer}/rows"): SERVICE,
    ("GET", "/customers/{customer}/evidence"): SERVICE,
    ("GET", "/customers/{customer}/merge"): SERVICE,
    ("GET", "/customers/{customer}/unmerge"): SERVICE,
    ("GET", "/customers/{customer}/outcome"): SERVICE,
    ("GET", "/search"): SERVICE,
    ("GET", "/activity"): BEHIND,
    ("GET", "/rules"): BEHIND,
    ("GET", "/rules/new"): AUTOMATION,
    ("GET", "/rules/{rule}"): BEHIND,
    ("GET", "/rules/{rule}/edit"): AUTOMATION,
    ("GET", "/ping"): EVERYBODY,
    ("POST", "/sign-out"): EVERYBODY,
    ("POST", "/taste"): EVERYBODY,
    ("GET", f"{API}/me"): EVERYBODY,
    ("GET", f"{API}/customers"): SERVICE,
    ("GET", f"{API}/customers/{{customer}}"): SERVICE,
    ("GET", f"{API}/customers/{{customer}}/timeline"): SERVICE,
    ("GET", f"{API}/customers/{{customer}}/live"): SERVICE,
    ("GET", f"{API}/customers/{{customer}}/why"): SERVICE,
    ("GET", f"{API}/customers/{{customer}}/merge"): SERVICE,
    ("POST", f"{API}/customers/{{customer}}/merge"): SERVICE,
    ("GET", f"{API}/customers/{{customer}}/unmerge"): SERVICE,
    ("POST", f"{API}/customers/{{customer}}/unmerge"): SERVICE,
    ("GET", f"{API}/customers/{{customer}}/export"): SERVICE,
    ("POST", f"{API}/customers/{{customer}}/notes"): SERVICE,
    ("POST", f"{API}/customers/{{customer}}/wrap-up"): SERVICE,
    ("POST", f"{API}/customers/{{customer}}/messages"): SERVICE,
    ("GET", f"{API}/live"): SERVICE,
    ("GET", f"{API}/triggers/live"): AUTOMATION,
    ("GET", f"{API}/outbox"): EVERYBODY,
    ("GET", f"{API}/rules"): BEHIND,
    ("POST", f"{API}/rules/check"): BEHIND,
    ("POST", f"{API}/rules/convert"): BEHIND,
    ("POST", f"{API}/rules/backtest"): AUTOMATION,
    ("GET", f"{API}/rules/{{rule}}"): BEHIND,
    ("GET", f"{API}/rules/{{rule}}/why"): AUTOMATION,
    ("PUT", f"{API}/rules/{{rule}}"): AUTOMATION,
    ("POST", f"{API}/rules/{{rule}}/state"): AUTOMATION,
    ("DELETE", f"{API}/rules/{{rule}}"): AUTOMATION,
    ("GET", f"{API}/segments"): AUTOMATION,
    ("GET", f"{API}/segments/{{segment}}/members"): AUTOMATION,
    ("GET", f"{API}/dead-letters"): BEHIND_LETTERS,
}

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def token_of(request: Request) -> tuple[str, bool]:
    """The token of a request, and whether a browser sent it by itself (a cookie). A Bearer token goes first."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip(), False
    return request.cookies.get(COOKIE, ""), True


def staff_of(request: Request) -> Staff | None:
    """Who is asking, or None."""
    token, _ = token_of(request)
    try:
        return security.check(token, request.app.state.desk.settings.jwt_secret.get_secret_value()) if token else None
    except Unauthenticated:
        return None


def guard(request: Request) -> None:
    """Let a request through only if the table says so; runs before every route, pages and API alike."""
    method = "GET" if request.method == "HEAD" else request.method
    action = (method, getattr(request.scope.get("route"), "path", ""))
    if action in OPEN:
        return
    allowed = POLICY.get(action)
    if allowed is None:
        raise Problem(403, "nobody was given the right to do this")
    staff = staff_of(request)
    if staff is None:
        raise Unauthenticated("sign in, or send a valid Bearer token")
    if staff.role not in allowed:
        raise Problem(403, f"the role {staff.role} may not do this", roles=sorted(allowed))
    if request.method not in _SAFE and token_of(request)[1]:
        _from_our_page(request)
    request.state.staff = staff


def _from_our_page(request: Request) -> None:
    """A browser adds its cookie to any site's request: change something only when our own page asked."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    if foreign or OWN_HEADER not in request.headers:
        raise Problem(403, f"send a Bearer token, or the header {OWN_HEADER} from the desk's own page")


def staff(request: Request) -> Staff:
    """Who is asking; only behind the guard."""
    found: Staff = request.state.staff
    return found


def still_valid(request: Request) -> bool:
    """Whether the token of a stream that is already open would be accepted now."""
    return staff_of(request) is not None
