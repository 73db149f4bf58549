"""Translates errors of PostgreSQL and its driver to errors of the Workbench.

SQLSTATE decides if there is one: a server's messages come in its own language. A failed sign-in and a
failed dial carry none, so those are distinguished by libpq's English messages; anything else gets a
constant sentence, since a driver's message may quote the connection string.
"""

from __future__ import annotations

import re
from typing import Final, cast

import psycopg
from adbc_driver_manager import Error as AdbcError

from ...kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LimitReached,
    SourceFailed,
    Unprocessable,
    WorkbenchError,
)
from ..dialled import errors as dialled

# Queries use ADBC's driver, loads psycopg; both expose the server's error fields.
DriverError: Final = (AdbcError, psycopg.Error)

# The length of "COPY (", which the driver puts before a statement.
_COPY_PREFIX: Final = 6

_NAMED: Final = re.compile(r"[\"«„“]([^\"»“”]+)[\"»“”]")

_COPY_COLUMN: Final = re.compile(r"^COPY .+?, \S+ \d+, \S+ ([^:\n]+)(?::|$)", re.MULTILINE)

# (class, code) by SQLSTATE, or by SQLSTATE class (its first two characters).
_STATES: Final[dict[str, tuple[type[WorkbenchError], str]]] = {
    "42P01": (InvalidInput, "unknown_table"),
    "42703": (InvalidInput, "unknown_column"),
    "42883": (InvalidInput, "unknown_function"),
    "3F000": (InvalidInput, "unknown_schema"),
    "42601": (InvalidInput, "syntax_error"),
    "42501": (Forbidden, "source_refused"),
    "25006": (Forbidden, "not_a_read"),
    "28P01": (SourceFailed, "sign_in_failed"),
    "28000": (SourceFailed, "sign_in_failed"),
    "55P03": (Conflict, "source_locked"),
    "0A000": (InvalidInput, "not_supported"),
    "08": (SourceFailed, "unreachable"),
    "42": (InvalidInput, "bad_statement"),
    "22": (InvalidInput, "bad_value"),
    "23": (Conflict, "constraint"),
    "40": (Conflict, "conflicting_change"),
    "44": (Conflict, "constraint"),
    "53": (LimitReached, "source_busy"),
    "54": (InvalidInput, "bad_statement"),
    # The server ended the session: it stops, has crashed, or was told to.
    "57": (SourceFailed, "unreachable"),
    "P0": (InvalidInput, "source_raised"),
}


def statement_error(error: Exception, *, cancelled: bool, late: bool) -> WorkbenchError:
    """The error of a failed statement.

    Args:
        error: the driver's error.
        cancelled: True if the statement was cancelled from here.
        late: True if the time limit had passed.
    """
    if cancelled:
        return dialled.was_cancelled()
    if not isinstance(error, DriverError) or error.sqlstate is None:
        return _without_state(str(error))
    if "no binary output function" in str(error):
        return _without_state(str(error))
    state = error.sqlstate
    facts = _facts(error)
    # The broker suggests similar columns itself, from those that the actor may see.
    hint = "" if state == "42703" else facts.get("MESSAGE_HINT", "")
    message = dialled.sentence(facts.get("MESSAGE_PRIMARY", ""), hint)
    if state == "57014":
        if late:
            return dialled.timed_out()
        return dialled.cancelled_elsewhere()
    kind, code = _STATES.get(state) or _STATES.get(state[:2]) or (SourceFailed, "source_failed")
    if code == "sign_in_failed":
        return dialled.sign_in_failed()
    if code == "not_a_read":
        # No statement that changes data passes the gate as a read.
        return Forbidden(
            "The database accepts no changes: it is a standby, or the login's transactions are "
            "read-only (default_transaction_read_only). In a read, a view or a function tried to "
            "change data.",
            code=code,
        )
    if kind is SourceFailed:
        return SourceFailed(message, code=code, sqlstate=state)
    details: dict[str, object] = {"sqlstate": state}
    if code.startswith("unknown_"):
        named = _NAMED.search(facts.get("MESSAGE_PRIMARY", ""))
        details["name"] = named[1] if named else ""
    if "CONSTRAINT_NAME" in facts:
        details["constraint"] = facts["CONSTRAINT_NAME"]
    details |= _place(error, facts)
    return kind(message, code=code, **details)


def load_error(error: Exception, *, cancelled: bool, late: bool) -> WorkbenchError:
    """The error of a failed load: as ``statement_error``, with the column if it is known."""
    found = statement_error(error, cancelled=cancelled, late=late)
    facts = _facts(error) if isinstance(error, psycopg.Error) else {}
    # "COPY orders, line 3, column amount: "x"", in any language.
    place = _COPY_COLUMN.search(facts.get("CONTEXT", ""))
    column = facts.get("COLUMN_NAME") or (place[1] if place else None)
    if column is None or found.code not in ("bad_value", "constraint"):
        return found
    found.details["column"] = column
    found.message = f"The column “{column}”: {found.message}"
    return found


def dial_error(error: Exception, host: str, port: int) -> WorkbenchError:
    """The error of a failed connection attempt; it names only the host and the port."""
    text = str(error)
    where = f"{host}:{port}"
    state = error.sqlstate if isinstance(error, DriverError) else None
    if (
        (state or "").startswith("28")
        or "authentication failed" in text
        or "no password supplied" in text
        or re.search(r'role ".*" does not exist', text)
        or "is not permitted to log in" in text
    ):
        return dialled.sign_in_failed()
    if "no pg_hba.conf entry" in text:
        return SourceFailed(
            f"The database at {where} doesn't allow this user to connect from here"
            + (" without encryption" if "no encryption" in text else "")
            + " (pg_hba.conf).",
            code="sign_in_failed",
        )
    if re.search(r'database ".*" does not exist', text):
        return SourceFailed(
            f"There is no database with that name at {where}.", code="unknown_database"
        )
    if "too many clients" in text or "connection slots" in text or "too many connections" in text:
        return dialled.busy(where)
    if "starting up" in text or "shutting down" in text or "recovery mode" in text:
        return SourceFailed(f"The database at {where} is starting or stopping.", code="unreachable")
    if "does not support SSL" in text:
        return dialled.no_tls(where)
    if re.search(r"certificate|SSL error|root\.crt|ssl", text, re.IGNORECASE):
        return dialled.untrusted(where)
    if re.search(r"invalid connection option|invalid \S+ value", text):
        return Unprocessable("An option of this connection is not valid.", code="bad_option")
    return dialled.unreachable(where)


def is_broken(error: Exception) -> bool:
    """True if the connection, not the statement, failed; such a connection is never reused."""
    if not isinstance(error, DriverError) or error.sqlstate is None:
        return True
    return error.sqlstate[:2] in ("08", "XX", "58") or error.sqlstate.startswith("57P")


def _without_state(text: str) -> WorkbenchError:
    if "nested record type" in text or "no binary output function" in text:
        return InvalidInput(
            "A column has a type that can't be read. Cast it in the query: column::text.",
            code="unsupported_type",
        )
    return dialled.connection_lost()


def _facts(error: AdbcError | psycopg.Error) -> dict[str, str]:
    """The fields that the server sent: PG_DIAG_MESSAGE_PRIMARY and so on."""
    facts: dict[str, str] = {}
    if isinstance(error, psycopg.Error):
        diag = error.diag
        fields = {
            "MESSAGE_PRIMARY": diag.message_primary,
            "MESSAGE_HINT": diag.message_hint,
            "CONSTRAINT_NAME": diag.constraint_name,
            "COLUMN_NAME": diag.column_name,
            "CONTEXT": diag.context,
        }
        return {name: text for name, text in fields.items() if text}
    for key, value in error.details or []:
        # Typed as text by the driver's stubs, but bytes.
        name, text = (
            part.decode("utf-8", "replace") if isinstance(part, bytes) else part
            for part in cast("tuple[str | bytes, str | bytes]", (key, value))
        )
        facts[name.removeprefix("PG_DIAG_")] = text
    return facts


def _place(error: AdbcError | psycopg.Error, facts: dict[str, str]) -> dict[str, object]:
    """The line and column in the statement that was sent, from 1."""
    try:
        position = int(facts["STATEMENT_POSITION"])
    except (KeyError, ValueError):
        return {}
    text = str(error)
    sent = text.partition("Query was: ")[2].rpartition(" SQLSTATE: ")[0].rstrip(".")
    if sent.startswith("COPY ("):
        sent, position = sent[_COPY_PREFIX:], position - _COPY_PREFIX
    if not sent or not 0 < position <= len(sent) + 1:
        return {}
    return dialled.position(sent, position - 1)
