"""The endpoints of owned things, the same for every kind."""

from __future__ import annotations

from typing import Any, Literal, cast

from ...kit.endpoint import Call, Endpoint
from ...kit.errors import NotFound
from .models import Access, OwnedView, OwnerRequest, ShareRequest
from .service import UNDO_DAYS, OwnedService


def routes(kind: type[OwnedService[Any, OwnedView]], view: type[OwnedView]) -> list[Endpoint]:
    """The endpoints of one kind of thing that all kinds have in common.

    Args:
        kind: the class of its service.
        view: a thing as one actor sees it.
    """
    thing, path = view.thing, f"/{view.plural}/{{id}}"

    def get(call: Call) -> OwnedView:
        return call.service(kind).get(call.actor, call.path["id"])

    def delete(call: Call) -> OwnedView:
        return call.service(kind).delete(call.actor, call.path["id"])

    def restore(call: Call) -> OwnedView:
        return call.service(kind).restore(call.actor, call.path["id"])

    def access(call: Call) -> Access:
        return call.service(kind).sharing.access(call.actor, call.path["id"])

    def share(call: Call) -> Access:
        sharing = call.service(kind).sharing
        return sharing.share(call.actor, call.path["id"], call.body(ShareRequest))

    def unshare(call: Call) -> Access:
        whose = call.path["kind"]
        if whose not in ("user", "group"):
            raise NotFound("A share belongs to a user or a group.", code="unknown_share")
        return call.service(kind).sharing.unshare(
            call.actor, call.path["id"], cast(Literal["user", "group"], whose), call.path["name"]
        )

    def transfer(call: Call) -> Access:
        return call.service(kind).transfer(call.actor, call.path["id"], call.body(OwnerRequest))

    # The API reference shows these docstrings.
    by = "its name or id" if kind.by_name else "its id"
    get.__doc__ = f"One {thing}, by {by}."
    delete.__doc__ = f"Deletes a {thing}; it can be restored for {UNDO_DAYS} days."
    restore.__doc__ = f"Brings a deleted {thing} back."
    access.__doc__ = f"Whom a {thing} is shared with, and which users have access as a result."
    share.__doc__ = "Gives a user or a group a level, replacing the one that they had."
    unshare.__doc__ = "Revokes a share."
    transfer.__doc__ = (
        f"Gives a {thing} another owner. The previous one keeps the access that shares give them."
    )
    return [
        Endpoint("GET", path, f"{thing}.see", get, f"See a {thing}", view, errors=(404,)),
        Endpoint(
            "DELETE",
            path,
            f"{thing}.delete",
            delete,
            f"Delete a {thing}; it can be restored for {UNDO_DAYS} days",
            view,
            audit=f"{thing}.delete",
            errors=(404, 409),
        ),
        Endpoint(
            "POST",
            f"{path}/restore",
            f"{thing}.delete",
            restore,
            f"Restore a deleted {thing}",
            view,
            audit=f"{thing}.restore",
            errors=(404, 409),
        ),
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
