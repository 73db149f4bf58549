"""Errors that the kernel raises itself, of the same classes as those of the service."""

from __future__ import annotations

from typing import Any

from wb_server.client import QueryError
from wb_server.client.errors import error_from


def invalid_input(message: str, code: str, **details: Any) -> QueryError:
    """What the user wrote, or a frame, can't be used as it is."""
    return _error(400, message, code, details)


def source_failed(message: str, code: str, **details: Any) -> QueryError:
    """DuckDB in the kernel couldn't finish a statement."""
    return _error(502, message, code, details)


def _error(status: int, message: str, code: str, details: dict[str, Any]) -> QueryError:
    found = {"code": code, "message": message, "details": details}
    return error_from({"error": found}, status)
