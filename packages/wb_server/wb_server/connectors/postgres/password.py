"""Gives a PostgreSQL login another password.

The server is sent a SCRAM verifier that is computed here, so the password itself can't come into the
server's log. https://www.postgresql.org/docs/current/catalog-pg-authid.html has its form, RFC 5802
and RFC 7677 how it is computed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

import adbc_driver_manager as adbc

from ...kit.errors import Forbidden, SourceFailed, WorkbenchError
from . import errors
from .connection import PostgresConnection

# What PostgreSQL itself uses.
_ITERATIONS: Final = 4096
_SALT_BYTES: Final = 16
_SECONDS: Final = 30


def verifier(password: str, salt: bytes | None = None) -> str:
    """What PostgreSQL stores for a password.

    Args:
        password: of ASCII letters, digits and signs, which SASLprep leaves as they are.
        salt: for tests; a random one without it.
    """
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    texts = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{texts[0]}${texts[1]}:{texts[2]}"


def set_password(connection: PostgresConnection, password: str) -> None:
    """Gives the login that a connection was signed in with another password; committed at return.

    Raises:
        Forbidden: the database refuses it (``password_refused``).
        SourceFailed: it failed; whether the password is set can't be known from here.
    """
    # A login for readers is often read-only by default, and may become another role when it
    # signs in; the password is that of the login itself.
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
    said = errors.statement_error(error, cancelled=False, late=True)
    state = error.sqlstate or ""
    if state.startswith("42") or state in ("25006", "0A000"):
        where = " It is a standby: name the primary." if state == "25006" else ""
        return Forbidden(
            f"The database doesn't let this login change its password: {said.message}{where}",
            code="password_refused",
        )
    return SourceFailed(
        f"The database didn't set the password: {said.message}", code="password_not_set"
    )
