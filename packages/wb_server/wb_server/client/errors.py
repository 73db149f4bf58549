"""The client's exceptions; ``wb_server.client`` shows the tree.

For each class of ``wb_server.kit.errors`` there is a subclass of the same name that is also a
:class:`QueryError`; an answer's status and code determine which one is raised.
"""

from __future__ import annotations

from typing import Any

from ..kit import errors
from ..kit.errors import WorkbenchError


class QueryError(WorkbenchError):
    """The service refused a request, or it failed.

    Attributes:
        message: one or two sentences for the user.
        code: a stable name for programs.
        details: data for programs, such as similar names or the position of a syntax error.
        status: the HTTP status of this kind of error.
        query_id: the query that it belongs to, if any.
    """

    query_id: str | None = None


class ServiceUnreachable(QueryError, errors.Unavailable):
    """The service gave no answer: it is down, or the address is wrong.

    Attributes:
        sent: whether the request may have reached it.
    """

    default_code = "service_unreachable"
    sent: bool = True


class AnswerCut(QueryError, errors.Unavailable):
    """The answer ended early: its rows must not be used."""

    default_code = "answer_cut"


class InvalidParameter(QueryError, errors.InvalidInput):
    """A Python value that can't be sent as a query parameter."""

    default_code = "invalid_parameter"


class AnswerTruncated(UserWarning):
    """The answer stops at the row limit; the source has more rows."""


def _kinds() -> list[type[QueryError]]:
    """A class for each class of the service's errors, derived from QueryError and from that class."""
    return [
        type(cls.__name__, (QueryError, cls), {"__doc__": cls.__doc__})
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, WorkbenchError) and cls is not WorkbenchError
    ]


_KINDS = _kinds()
_BY_CODE = {kind.default_code: kind for kind in _KINDS}
# Of several classes with one status, the first is the general one.
_BY_STATUS = {kind.status: kind for kind in reversed(_KINDS)}


def error_from(
    wire: Any, status: int | None = None, *, query_id: str | None = None, fallback: str = ""
) -> QueryError:
    """The exception for an ``{"error": …}`` object of the service.

    Args:
        wire: the decoded body; the fallback is used if it doesn't have that shape.
        status: the HTTP status; None for an error in the middle of a stream.
        query_id: the query that it belongs to.
        fallback: the message if the body has none, as when a proxy answered.
    """
    inner = wire.get("error") if isinstance(wire, dict) else None
    inner = inner if isinstance(inner, dict) else {}
    code = inner.get("code")
    details = inner.get("details")
    kind = _BY_CODE.get(str(code))
    if status is not None and (kind is None or kind.status != status):
        kind = _BY_STATUS.get(status) or _BY_STATUS[400 if 400 <= status < 500 else 503]
    kind = kind or _BY_STATUS[502]
    message = str(inner.get("message") or fallback or "The service failed without a reason.")
    error = kind(message, code=str(code) if code else None)
    # Assigned, not passed as keywords: a detail may be named "code" or "message".
    error.details = dict(details) if isinstance(details, dict) else {}
    error.query_id = query_id
    return error
