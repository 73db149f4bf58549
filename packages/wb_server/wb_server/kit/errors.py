"""The Workbench's error tree, and the one JSON shape that clients see.

Every expected failure is one of these classes; ``hosts/web`` maps it to HTTP, and nothing else does::

    WorkbenchError
    ├── InvalidInput        400  the request can't be understood: JSON, types, SQL
    ├── NotSignedIn         401  no token, or one that the Hub doesn't know
    ├── Forbidden           403  authenticated, but without the right
    ├── NotFound            404  no such thing, or not one that the actor may see
    ├── Conflict            409  a name is taken, or the state doesn't allow it
    │   └── Cancelled       409  somebody stopped it
    ├── TooLarge            413  a body or an answer over its limit
    ├── Unprocessable       422  understood, but can't be done: an address that isn't allowed
    ├── LimitReached        429  too many at once; try again later
    ├── Internal            500  our fault: shows an id, never a trace
    ├── SourceFailed        502  the data source refused or failed
    ├── Unavailable         503  a part of the Workbench is down
    └── SourceTimeout       504  the data source took too long

On the wire: ``{"error": {"code", "message", "details"}}``. ``code`` is stable, for programs;
``message`` is one or two sentences for the user; ``details`` is an object with what a client can use.
"""

from __future__ import annotations

from typing import Any, ClassVar


class WorkbenchError(Exception):
    """Base of all expected failures.

    Args:
        message: one or two sentences for the user; never contains a secret.
        code: a stable name for programs; by default, the class's ``default_code``.
        details: JSON-ready facts that a client can use (similar names, a position, a limit).
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details

    def to_wire(self) -> dict[str, Any]:
        """The JSON body: ``{"error": {"code", "message", "details"}}``."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


class InvalidInput(WorkbenchError):
    status = 400
    default_code = "invalid_input"


class NotSignedIn(WorkbenchError):
    status = 401
    default_code = "not_signed_in"


class Forbidden(WorkbenchError):
    status = 403
    default_code = "forbidden"


class NotFound(WorkbenchError):
    status = 404
    default_code = "not_found"


class Conflict(WorkbenchError):
    status = 409
    default_code = "conflict"


class Cancelled(Conflict):
    default_code = "cancelled"


class TooLarge(WorkbenchError):
    status = 413
    default_code = "too_large"


class Unprocessable(WorkbenchError):
    status = 422
    default_code = "unprocessable"


class LimitReached(WorkbenchError):
    status = 429
    default_code = "limit_reached"


class Internal(WorkbenchError):
    status = 500
    default_code = "internal"


class SourceFailed(WorkbenchError):
    status = 502
    default_code = "source_failed"


class Unavailable(WorkbenchError):
    status = 503
    default_code = "unavailable"


class SourceTimeout(WorkbenchError):
    status = 504
    default_code = "source_timeout"
