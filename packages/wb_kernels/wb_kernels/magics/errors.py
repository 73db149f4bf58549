"""How the magics fail: an expected error is one line without a traceback."""

from __future__ import annotations

from IPython.core.error import UsageError

from wb_kernels import session
from wb_server.client import QueryError


def usage_error(message: str, kind: str = "UsageError") -> UsageError:
    """An error that IPython shows as one line, under the name of a kind."""
    shown = UsageError(message)
    shown.error_type = kind  # type: ignore[attr-defined]  # what jupysql shows it as
    return shown


def interrupted(*, local: bool = False) -> UsageError:
    """The error of a query that the user interrupted; ``local`` if it ran in this kernel."""
    where = "." if local else "; it was stopped in the database."
    return usage_error(f"Query interrupted{where}", "Interrupted")


def one_line(error: QueryError) -> UsageError:
    """A failed query as one line."""
    return usage_error(session.one_line(error), type(error).__name__)


class Carried(BaseException):
    """Carries an error past jupysql's own handler, which would add advice for other databases."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
