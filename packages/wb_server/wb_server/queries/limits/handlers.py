"""Endpoints of limits."""

from __future__ import annotations

from typing import cast

from ...kit.endpoint import Call, Endpoint
from ...kit.errors import NotFound
from .models import LimitList, LimitRequest, OwnLimits, RemovalQuery, SubjectKind
from .service import LimitService


def mine(call: Call) -> OwnLimits:
    """Your own limits, where they come from, and your current use."""
    return call.service(LimitService).mine(call.actor)


def index(call: Call) -> LimitList:
    """The limits of every subject and of the whole Workbench."""
    return call.service(LimitService).list(call.actor)


def put(call: Call) -> LimitList:
    """Replaces a subject's limits, effective at once."""
    return call.service(LimitService).put(call.actor, call.body(LimitRequest))


def remove(call: Call) -> LimitList:
    """Removes the limits of a group, a user, or a connection, which is named by its id."""
    kind = call.path["kind"]
    if kind not in ("group", "user", "connection"):
        raise NotFound("Limits apply to a group, a user or a connection.", code="unknown_limit")
    return call.service(LimitService).remove(
        call.actor,
        cast(SubjectKind, kind),
        call.path["subject"],
        call.query(RemovalQuery).work,
    )


def remove_everyones(call: Call) -> LimitList:
    """Removes everyone's limits, so that the settings apply again."""
    return call.service(LimitService).remove(
        call.actor, "everyone", "", call.query(RemovalQuery).work
    )


ROUTES = [
    Endpoint("GET", "/limits/mine", "limits.own", mine, "See your own limits", OwnLimits),
    Endpoint("GET", "/limits", "limits.see", index, "List limits", LimitList),
    Endpoint(
        "POST",
        "/limits",
        "limits.change",
        put,
        "Set limits",
        LimitList,
        body=LimitRequest,
        audit="limits.change",
        errors=(422, 503),
    ),
    Endpoint(
        "DELETE",
        "/limits/everyone",
        "limits.change",
        remove_everyones,
        "Remove everyone's limits",
        LimitList,
        query=RemovalQuery,
        audit="limits.remove",
        errors=(404,),
    ),
    Endpoint(
        "DELETE",
        "/limits/{kind}/{subject}",
        "limits.change",
        remove,
        "Remove limits",
        LimitList,
        query=RemovalQuery,
        audit="limits.remove",
        errors=(404,),
    ),
]
