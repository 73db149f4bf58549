"""Endpoints of sharing."""

from __future__ import annotations

from typing import Literal, cast

from ...kit.endpoint import Call, Endpoint
from ...kit.errors import NotFound
from .models import Access, OwnerRequest, ShareRequest
from .service import SharingService


def access(call: Call) -> Access:
    """Who may use a connection, and why."""
    return call.service(SharingService).access(call.actor, call.path["id"])


def share(call: Call) -> Access:
    """Shares a connection."""
    return call.service(SharingService).share(call.actor, call.path["id"], call.body(ShareRequest))


def unshare(call: Call) -> Access:
    """Takes a share back."""
    kind = call.path["kind"]
    if kind not in ("user", "group"):
        raise NotFound("A share is a user's or a group's.", code="unknown_share")
    return call.service(SharingService).unshare(
        call.actor, call.path["id"], cast(Literal["user", "group"], kind), call.path["name"]
    )


def transfer(call: Call) -> Access:
    """Gives a connection another owner."""
    return call.service(SharingService).transfer(
        call.actor, call.path["id"], call.body(OwnerRequest)
    )


ROUTES = [
    Endpoint(
        "GET",
        "/connections/{id}/access",
        "connection.share",
        access,
        "See who may use a connection, and why",
        Access,
        errors=(404, 503),
    ),
    Endpoint(
        "POST",
        "/connections/{id}/shares",
        "connection.share",
        share,
        "Share a connection",
        Access,
        body=ShareRequest,
        audit="connection.share",
        errors=(404, 409, 422, 503),
    ),
    Endpoint(
        "DELETE",
        "/connections/{id}/shares/{kind}/{name}",
        "connection.share",
        unshare,
        "Take a share back",
        Access,
        audit="connection.unshare",
        errors=(404, 503),
    ),
    Endpoint(
        "POST",
        "/connections/{id}/owner",
        "connection.transfer",
        transfer,
        "Give a connection another owner",
        Access,
        body=OwnerRequest,
        audit="connection.transfer",
        errors=(404, 409, 422, 503),
    ),
]
