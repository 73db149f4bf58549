"""The whole API: every room's endpoints, and the OpenAPI document."""

from __future__ import annotations

from typing import Any

from .kit.endpoint import Call, Endpoint
from .kit.openapi import document
from .rooms import ROOMS


def openapi(call: Call) -> dict[str, Any]:
    """The OpenAPI document of this API."""
    return document(ROUTES)


ROUTES: tuple[Endpoint, ...] = (
    *(route for room in ROOMS for route in room.routes()),
    Endpoint(
        "GET", "/openapi.json", None, openapi, "The API's own description", "application/json"
    ),
)
