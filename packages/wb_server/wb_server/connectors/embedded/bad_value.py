"""The error for a bad value, as it leaves a worker's process."""

from __future__ import annotations

from typing import Any


class BadValue(Exception):
    """A value that doesn't fit its column's type, or an answer.

    Args:
        code: the code of the resulting error.
        message: its message.
        details: its details.
    """

    def __init__(self, code: str, message: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    def to_wire(self) -> dict[str, Any]:
        """The error as an object for a line of JSON."""
        return {
            "class": type(self).__name__,
            "code": self.code,
            "message": str(self),
            "details": self.details,
        }
