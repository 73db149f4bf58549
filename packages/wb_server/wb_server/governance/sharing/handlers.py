"""Endpoints of sharing: the same four for every kind of thing."""

from __future__ import annotations

from typing import Any, Literal, cast

from ...kit.endpoint import Call, Endpoint
from ...kit.errors import NotFound
from .models import Access, OwnerRequest, ShareRequest
from .service import SharingService


def routes(kind: type[SharingService[Any]]) -> list[Endpoint]:
    """The endpoints of the sharing of one kind of thing.

    Args:
        kind: its service's class.
    """
    thing, path = kind.thing, f"/{kind.thing}s/{{id}}"

    def access(call: Call) -> Access:
        return call.service(kind).access(call.actor, call.path["id"])

    def share(call: Call) -> Access:
        return call.service(kind).share(call.actor, call.path["id"], call.body(ShareRequest))

    def unshare(call: Call) -> Access:
        whose = call.path["kind"]
        if whose not in ("user", "group"):
            raise NotFound("A share belongs to a user or a group.", code="unknown_share")
        return call.service(kind).unshare(
            call.actor, call.path["id"], cast(Literal["user", "group"], whose), call.path["name"]
        )

    def transfer(call: Call) -> Access:
        return call.service(kind).transfer(call.actor, call.path["id"], call.body(OwnerRequest))

    return [
        Endpoint(
            "GET",
            f"{path}/access",
            f"{thing}.share",
            access,
            f"See who may use a {thing}, and why",
            Access,
            errors=(404, 503),
        ),
        Endpoint(
            "POST",
            f"{path}/shares",
            f"{thing}.share",
            share,
            f"Share a {thing}",
            Access,
            body=ShareRequest,
            audit=f"{thing}.share",
            errors=(404, 409, 422, 503),
        ),
        Endpoint(
            "DELETE",
            f"{path}/shares/{{kind}}/{{name}}",
            f"{thing}.share",
            unshare,
            f"Remove a share of a {thing}",
            Access,
            audit=f"{thing}.unshare",
            errors=(404, 503),
        ),
        Endpoint(
            "POST",
            f"{path}/owner",
            f"{thing}.transfer",
            transfer,
            f"Transfer a {thing} to another owner",
            Access,
            body=OwnerRequest,
            audit=f"{thing}.transfer",
            errors=(404, 409, 422, 503),
        ),
    ]
