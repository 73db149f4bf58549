"""Whom connections are shared with."""

from __future__ import annotations

from ..governance.sharing.handlers import routes
from ..governance.sharing.service import SharingService
from .models import Connection


class ConnectionSharing(SharingService[Connection]):
    """Shares connections."""

    thing = "connection"
    uses = "connection.read"


ROUTES = routes(ConnectionSharing)
