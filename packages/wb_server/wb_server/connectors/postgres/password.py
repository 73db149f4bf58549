"""Sets a new password for a PostgreSQL login.

The server receives a SCRAM verifier that libpq computes here, so the password itself can't get into
the server's log.
"""

from __future__ import annotations

from typing import Final

import adbc_driver_manager as adbc
from psycopg import pq

from ...kit.errors import Forbidden, SourceFailed, WorkbenchError
from . import errors
from .connection import PostgresConnection

_SECONDS: Final = 30


def verifier(password: str) -> str:
    """The SCRAM verifier that PostgreSQL stores for a password, with a random salt."""
    # libpq needs a connection object only to store an error message; this one can't connect.
    connection = pq.PGconn.connect_start(b"=")
    try:
        return connection.encrypt_password(password.encode(), b"", b"scram-sha-256").decode()
    finally:
        connection.finish()


def set_password(connection: PostgresConnection, password: str) -> None:
    """Sets a new password for the login that a connection is signed in with; committed at return.

    Raises:
        Forbidden: the database refuses it (``password_refused``).
        SourceFailed: it failed; the password may or may not have been set.
    """
    # A login for readers is often read-only by default, and may assume another role when it signs in;
    # the password is that of the login itself.
    statements = (
        "BEGIN READ WRITE",
        f"SET LOCAL statement_timeout = '{_SECONDS}s'",
        "SET LOCAL synchronous_commit = on",
        "SET LOCAL ROLE NONE",
        f"ALTER ROLE CURRENT_USER PASSWORD '{verifier(password)}'",
        "COMMIT",
    )
    try:
        connection.command("; ".join(statements))
    except adbc.Error as error:
        raise _failed(error) from None


def _failed(error: adbc.Error) -> WorkbenchError:
    cause = errors.statement_error(error, cancelled=False, late=True)
    state = error.sqlstate or ""
    if state.startswith("42") or state in ("25006", "0A000"):
        where = " It is a standby: name the primary." if state == "25006" else ""
        return Forbidden(
            f"The database doesn't allow this login to change its password: {cause.message}{where}",
            code="password_refused",
        )
    return SourceFailed(
        f"The database didn't set the password: {cause.message}", code="password_not_set"
    )
