"""The room for the service's health."""

from __future__ import annotations

from collections.abc import Sequence

from ..kit.endpoint import Endpoint
from ..kit.room import Assembly, Room


def _build(assembly: Assembly) -> None:
    from ..kit.db import Database
    from .service import HealthService

    settings = assembly.settings
    assembly.add(
        HealthService(assembly.get(Database), mode=settings.mode, isolated=settings.isolated)
    )


def _routes() -> Sequence[Endpoint]:
    from .handlers import ROUTES

    return ROUTES


ROOM = Room("monitoring", build=_build, routes=_routes)
