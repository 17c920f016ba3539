"""Errors, named by what the caller must do about them."""

from __future__ import annotations


class HubError(Exception):
    """Something about one piece of work went wrong; the subclass says what to do with it."""


class Transient(HubError):
    """Try again later; `retry_after` is in seconds when the other side named it."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(HubError):
    """Will never work as it is; `field` and `limit` name what is wrong, for people."""

    def __init__(self, message: str, *, field: str = "", limit: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.limit = limit


class TooLarge(Rejected):
    """Bigger than what is accepted; answered with 413 where the protocol has it."""


class Unauthenticated(HubError):
    """The signature, token or key is wrong or missing. Says no more than that."""


class Misconfigured(Exception):
    """The installation itself is wrong; `advice` says what to do. Outside HubError, so that nothing swallows it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice
