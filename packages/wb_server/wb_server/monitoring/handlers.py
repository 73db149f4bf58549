"""Endpoints about the service itself."""

from __future__ import annotations

from ..kit.endpoint import Call, Endpoint
from .models import Health
from .service import HealthService


def health(call: Call) -> Health:
    """Whether the service is up. Open: load balancers and `wb up` ask it without a token."""
    return call.service(HealthService).health()


ROUTES = [
    Endpoint("GET", "/health", None, health, "Health of the service", Health, errors=(503,)),
]
