"""Who may do what on the desk: signed tokens, roles, and comparing secrets."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

import jwt

from hub.errors import Unauthenticated

Role = Literal["agent", "supervisor", "marketer", "ops", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
ALGORITHM: Final = "HS256"
AUDIENCE: Final = "hub-desk"


@dataclass(frozen=True, slots=True)
class Staff:
    """A person on our side, as their token says."""

    name: str
    role: Role


def new_secret() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def same(given: str | bytes, expected: str | bytes) -> bool:
    """Compare in constant time; an empty expectation matches nothing."""
    left = given.encode("utf-8", "surrogatepass") if isinstance(given, str) else given
    right = expected.encode("utf-8", "surrogatepass") if isinstance(expected, str) else expected
    return bool(right) and hmac.compare_digest(left, right)


def issue(staff: Staff, secret: str, *, days: float = 30, now: datetime | None = None) -> str:
    """A bearer token for the desk and its API."""
    start = now or datetime.now(UTC)
    claims = {"sub": staff.name, "role": staff.role, "aud": AUDIENCE, "iat": start}
    return jwt.encode({**claims, "exp": start + timedelta(days=days)}, secret, algorithm=ALGORITHM)


def check(token: str, secret: str) -> Staff:
    """The person behind a token. Raises Unauthenticated for anything but a valid one."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"require": ["exp", "sub", "aud"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Unauthenticated("the token is not valid") from None
    role = claims.get("role")
    if role not in ROLES:
        raise Unauthenticated("the token names no known role")
    return Staff(str(claims["sub"]), role)
