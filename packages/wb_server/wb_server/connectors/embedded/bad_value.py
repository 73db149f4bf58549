"""An error that names what is wrong with a value, on its way out of a worker's process."""

from __future__ import annotations

from typing import Any


class BadValue(Exception):
    """A value that has no place in its column's type, or in an answer.

    Args:
        code: of the error that it becomes.
        message: for people.
        details: for programs.
    """

    def __init__(self, code: str, message: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    def to_wire(self) -> dict[str, Any]:
        """The error as a line of JSON has it."""
        return {
            "class": type(self).__name__,
            "code": self.code,
            "message": str(self),
            "details": self.details,
        }
