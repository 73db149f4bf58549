"""The exception with which a task fails; in the kit, so that lower rooms can raise it too."""

from __future__ import annotations

from typing import Any


class TaskFailed(Exception):
    """A task failed; its attempt ends with this reason.

    Args:
        code: a stable name for programs.
        message: one or two sentences for whoever reads the run; never contains a secret.
        retry: whether another attempt may succeed.
        details: JSON-ready facts, such as the number of the cell that failed.
    """

    def __init__(self, code: str, message: str, *, retry: bool = True, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry
        self.details = details
