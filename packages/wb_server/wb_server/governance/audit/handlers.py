"""Endpoints of the audit log."""

from __future__ import annotations

from datetime import datetime

from ...kit.endpoint import ByteStream, Call, Endpoint
from ..people.service import PeopleService
from .actions import AuditActions
from .export import MEDIA_TYPE
from .models import AuditActionList, AuditPage, AuditQuery, ExportQuery, OwnAuditQuery
from .service import AuditService


def search(call: Call) -> AuditPage:
    """Everybody's rows, for auditors."""
    return call.service(AuditService).search(call.query(AuditQuery))


def mine(call: Call) -> AuditPage:
    """Your own rows."""
    query = AuditQuery(**call.query(OwnAuditQuery).model_dump(), user=call.actor.name)
    # Older rows are those of a former user of the same name.
    created = call.service(PeopleService).created_at(call.actor.name)
    return call.service(AuditService).search(
        query, not_before=datetime.fromisoformat(created) if created else None
    )


def actions(call: Call) -> AuditActionList:
    """The actions that the log can contain, in words."""
    return AuditActionList(items=call.service(AuditActions).list())


def export(call: Call) -> ByteStream:
    """The whole log, or a period of it, as lines of JSON with the oldest row first.

    Each line is one row with its ``mac`` and the number of its ``seal``.
    """
    return call.service(AuditService).export(call.actor, call.origin, call.query(ExportQuery))


ROUTES = [
    Endpoint(
        "GET",
        "/audit",
        "audit.all",
        search,
        "Search the audit log",
        AuditPage,
        query=AuditQuery,
        audit="audit.all",
    ),
    Endpoint(
        "GET",
        "/audit/mine",
        "audit.own",
        mine,
        "Search your own activity",
        AuditPage,
        query=OwnAuditQuery,
    ),
    Endpoint(
        "GET",
        "/audit/actions",
        "audit.own",
        actions,
        "List the actions of the audit log",
        AuditActionList,
    ),
    Endpoint(
        "GET",
        "/audit/export",
        "audit.export",
        export,
        "Export the audit log",
        MEDIA_TYPE,
        query=ExportQuery,
    ),
]
