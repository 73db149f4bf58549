"""Endpoints of limits."""

from __future__ import annotations

from typing import cast

from ...kit.endpoint import Call, Endpoint
from ...kit.errors import NotFound
from .models import LimitList, LimitRequest, OwnLimits, SubjectKind
from .service import LimitService


def mine(call: Call) -> OwnLimits:
    """What holds for oneself, where it comes from, and what one takes of it now."""
    return call.service(LimitService).mine(call.actor)


def index(call: Call) -> LimitList:
    """Every subject's limits, and what holds for all."""
    return call.service(LimitService).list(call.actor)


def put(call: Call) -> LimitList:
    """Sets a subject's limits, in place of all that it had. They act at once."""
    return call.service(LimitService).put(call.actor, call.body(LimitRequest))


def remove(call: Call) -> LimitList:
    """Takes a group's, user's or connection's limits away; a connection is named by its id."""
    kind = call.path["kind"]
    if kind not in ("group", "user", "connection"):
        raise NotFound("Limits apply to a group, a user or a connection.", code="unknown_limit")
    return call.service(LimitService).remove(
        call.actor, cast(SubjectKind, kind), call.path["subject"]
    )


def remove_everyones(call: Call) -> LimitList:
    """Takes everyone's limits away: the settings hold again."""
    return call.service(LimitService).remove(call.actor, "everyone", "")


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
        audit="limits.remove",
        errors=(404,),
    ),
]
