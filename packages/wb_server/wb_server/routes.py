"""The whole API on one screen: every room's endpoints, and the document about them."""

from __future__ import annotations

from typing import Any

from .connections.credentials.handlers import ROUTES as CREDENTIALS
from .connections.handlers import ROUTES as CONNECTIONS
from .connections.sharing import ROUTES as SHARING
from .governance.audit.handlers import ROUTES as AUDIT
from .governance.handlers import ROUTES as GOVERNANCE
from .governance.people.handlers import ROUTES as PEOPLE
from .kit.endpoint import Call, Endpoint
from .kit.openapi import document
from .monitoring.handlers import ROUTES as MONITORING
from .pipelines.handlers import ROUTES as PIPELINES
from .pipelines.runs.handlers import ROUTES as RUNS
from .queries.handlers import ROUTES as QUERIES
from .queries.limits.handlers import ROUTES as LIMITS


def openapi(call: Call) -> dict[str, Any]:
    """The OpenAPI document of this API."""
    return document(ROUTES)


ROUTES: tuple[Endpoint, ...] = (
    *MONITORING,
    *GOVERNANCE,
    *AUDIT,
    *PEOPLE,
    *CONNECTIONS,
    *SHARING,
    *CREDENTIALS,
    *QUERIES,
    *LIMITS,
    *PIPELINES,
    *RUNS,
    Endpoint(
        "GET", "/openapi.json", None, openapi, "The API's own description", "application/json"
    ),
)
