"""Endpoints of the audit log."""

from __future__ import annotations

from ...kit.endpoint import Call, Endpoint
from .models import AuditPage, AuditQuery, OwnAuditQuery
from .service import AuditService


def search(call: Call) -> AuditPage:
    """Everybody's rows, for auditors."""
    return call.service(AuditService).search(call.query(AuditQuery))


def mine(call: Call) -> AuditPage:
    """The rows of the one who asks."""
    query = call.query(OwnAuditQuery)
    return call.service(AuditService).search(AuditQuery(**query.model_dump(), user=call.actor.name))


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
        "Search one's own activity",
        AuditPage,
        query=OwnAuditQuery,
    ),
]
