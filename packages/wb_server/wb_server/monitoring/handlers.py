"""Endpoints about the service itself."""

from __future__ import annotations

from ..kit.endpoint import Call, Endpoint
from .models import Health
from .service import HealthService


def health(call: Call) -> Health:
    """The service's health. Needs no token: load balancers and `wb up` call it."""
    return call.service(HealthService).health()


ROUTES = [
    Endpoint("GET", "/health", None, health, "Health of the service", Health, errors=(503,)),
]
