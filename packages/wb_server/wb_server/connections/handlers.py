"""Endpoints of connections."""

from __future__ import annotations

from ..governance.owned.handlers import routes
from ..kit.endpoint import Call, Endpoint
from .models import (
    ConnectionCreate,
    ConnectionList,
    ConnectionListQuery,
    ConnectionUpdate,
    ConnectionView,
    ConnectorList,
    RoutinesRequest,
)
from .service import ConnectionService


def kinds(call: Call) -> ConnectorList:
    """The kinds of connectors and their configurations."""
    return ConnectorList(items=call.service(ConnectionService).connectors())


def index(call: Call) -> ConnectionList:
    """The connections that you may use."""
    query = call.query(ConnectionListQuery)
    service = call.service(ConnectionService)
    return ConnectionList(
        items=service.list(call.actor, search=query.search, deleted=query.deleted)
    )


def create(call: Call) -> ConnectionView:
    """Adds a connection."""
    return call.service(ConnectionService).create(call.actor, call.body(ConnectionCreate))


def update(call: Call) -> ConnectionView:
    """Changes a connection."""
    return call.service(ConnectionService).update(
        call.actor, call.path["id"], call.body(ConnectionUpdate)
    )


def routines(call: Call) -> ConnectionView:
    """Sets the functions and procedures of the database's own that statements may call."""
    return call.service(ConnectionService).set_routines(
        call.actor, call.path["id"], call.body(RoutinesRequest).routines
    )


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
        "POST",
        "/connections/{id}/routines",
        "connection.routines",
        routines,
        "Allow functions and procedures of a connection's database",
        ConnectionView,
        body=RoutinesRequest,
        audit="connection.routines",
        errors=(404, 409, 422),
    ),
    *routes(ConnectionService, ConnectionView),
]
