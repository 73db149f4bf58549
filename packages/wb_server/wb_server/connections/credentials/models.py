"""The models of a user's own credentials for a connection, on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ...kit.request import Request


class CredentialPut(Request):
    """Your own credentials: the fields that the connector's schema marks ``login`` or ``writeOnly``."""

    login: dict[str, Any]
    expires_at: datetime | None = Field(
        None, description="When it expires; a warning appears 14 days before."
    )


class CredentialTest(Request):
    """Credentials to test before they are stored."""

    login: dict[str, Any]
