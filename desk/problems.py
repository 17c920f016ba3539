"""Errors as application/problem+json, naming what is wrong and the limit it broke."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from hub import logs
from hub.errors import HubError, Rejected, TooLarge, Transient, Unauthenticated

_LOG = logs.get("desk")


class Problem(Exception):
    """An answer that says no: the status, in words, which field, and what else the caller may need."""

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.more = more


def answer(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """The problem as a response."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, headers, "application/problem+json")


def _ours(_: Request, error: Exception) -> Response:
    if isinstance(error, Unauthenticated):
        return answer(401, str(error), {"WWW-Authenticate": 'Bearer realm="hub"'})
    if isinstance(error, Transient):
        return answer(503, str(error), {"Retry-After": str(max(1, math.ceil(error.retry_after or 1)))})
    if isinstance(error, Rejected):
        named: dict[str, Any] = {name: text for name, text in (("field", error.field), ("limit", error.limit)) if text}
        return answer(413 if isinstance(error, TooLarge) else 422, str(error), **named)
    return answer(500, "something went wrong on our side")


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  (registered for this class only)
    return answer(error.status, error.detail, **error.more)


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return answer(error.status_code, str(error.detail), dict(error.headers or {}))


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path", "header"}) or "body"
    limits = {name: limit for name, limit in (first.get("ctx") or {}).items() if isinstance(limit, int | float | str)}
    limit = ", ".join(f"{name}: {limit}" for name, limit in limits.items() if name != "error")
    named: dict[str, Any] = {"field": field, "limit": limit} if limit else {"field": field}
    return answer(422, f"{field}: {first['msg']}", **named)


def _unforeseen(request: Request, error: Exception) -> Response:
    _LOG.error("a request failed", path=request.url.path, exc_info=error)
    return answer(500, "something went wrong on our side")


def install(app: FastAPI) -> None:
    """Answer every error of this application this way."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HubError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)
