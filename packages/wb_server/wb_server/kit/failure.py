"""How a task says that it failed; apart, so that what a task type stands on can say it too."""

from __future__ import annotations

from typing import Any


class TaskFailed(Exception):
    """A task could not do what it says; the attempt ends with this reason.

    Args:
        code: a stable name for programs.
        message: one or two sentences for the person who reads the run; never holds a secret.
        retry: whether another attempt may go better.
        details: JSON-ready facts, as the number of the cell that failed.
    """

    def __init__(self, code: str, message: str, *, retry: bool = True, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry
        self.details = details
