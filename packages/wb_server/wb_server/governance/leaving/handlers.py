"""Endpoints about users who leave."""

from __future__ import annotations

from ...kit.endpoint import Call, Endpoint
from .models import Holdings, LeaveRequest, Left
from .service import LeavingService


def holdings(call: Call) -> Holdings:
    """What a user owns, and what ends if they leave. The user may be gone from the Hub already."""
    return call.service(LeavingService).holdings(call.path["name"])


def leave(call: Call) -> Left:
    """Transfers all that a user owns, and ends their shares, credentials and limits.

    Their account is the Hub's: remove them on its page *People*, which calls this too.
    """
    return call.service(LeavingService).leave(
        call.actor, call.origin, call.path["name"], call.body(LeaveRequest)
    )


ROUTES = [
    Endpoint(
        "GET",
        "/people/{name}/holdings",
        "people.leave",
        holdings,
        "See what a user owns and holds",
        Holdings,
    ),
    Endpoint(
        "POST",
        "/people/{name}/leave",
        "people.leave",
        leave,
        "Transfer what a user who leaves owns",
        Left,
        body=LeaveRequest,
        audit="people.leave",
        errors=(409, 422, 503),
    ),
]
