"""Endpoints of connections."""

from __future__ import annotations

from ..kit.endpoint import Call, Endpoint
from .models import (
    ConnectionCreate,
    ConnectionList,
    ConnectionListQuery,
    ConnectionUpdate,
    ConnectionView,
    ConnectorList,
)
from .service import ConnectionService


def kinds(call: Call) -> ConnectorList:
    """The kinds of connectors and their configurations."""
    return ConnectorList(items=call.service(ConnectionService).connectors())


def index(call: Call) -> ConnectionList:
    """The connections that one may use."""
    query = call.query(ConnectionListQuery)
    service = call.service(ConnectionService)
    return ConnectionList(
        items=service.list(call.actor, search=query.search, deleted=query.deleted)
    )


def create(call: Call) -> ConnectionView:
    """Adds a connection."""
    return call.service(ConnectionService).create(call.actor, call.body(ConnectionCreate))


def get(call: Call) -> ConnectionView:
    """One connection."""
    return call.service(ConnectionService).get(call.actor, call.path["id"])


def update(call: Call) -> ConnectionView:
    """Changes a connection."""
    return call.service(ConnectionService).update(
        call.actor, call.path["id"], call.body(ConnectionUpdate)
    )


def delete(call: Call) -> ConnectionView:
    """Deletes a connection; it can be restored for 30 days."""
    return call.service(ConnectionService).delete(call.actor, call.path["id"])


def restore(call: Call) -> ConnectionView:
    """Brings a deleted connection back."""
    return call.service(ConnectionService).restore(call.actor, call.path["id"])


ROUTES = [
    Endpoint(
        "GET",
        "/connectors",
        "connector.list",
        kinds,
        "List the kinds of connectors",
        ConnectorList,
    ),
    Endpoint(
        "GET",
        "/connections",
        "connection.list",
        index,
        "List connections",
        ConnectionList,
        query=ConnectionListQuery,
    ),
    Endpoint(
        "POST",
        "/connections",
        "connection.create",
        create,
        "Add a connection",
        ConnectionView,
        body=ConnectionCreate,
        audit="connection.create",
        status=201,
        errors=(409, 422, 502),
    ),
    Endpoint(
        "GET",
        "/connections/{id}",
        "connection.see",
        get,
        "Get a connection",
        ConnectionView,
        errors=(404,),
    ),
    Endpoint(
        "PATCH",
        "/connections/{id}",
        "connection.update",
        update,
        "Change a connection",
        ConnectionView,
        body=ConnectionUpdate,
        audit="connection.update",
        errors=(404, 409, 422, 502),
    ),
    Endpoint(
        "DELETE",
        "/connections/{id}",
        "connection.delete",
        delete,
        "Delete a connection",
        ConnectionView,
        audit="connection.delete",
        errors=(404, 409),
    ),
    Endpoint(
        "POST",
        "/connections/{id}/restore",
        "connection.delete",
        restore,
        "Restore a deleted connection",
        ConnectionView,
        audit="connection.restore",
        errors=(404, 409),
    ),
]
