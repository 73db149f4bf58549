"""Errors of any database over a socket, independent of the driver."""

from __future__ import annotations

import re

from ...gate.loads import LEDGER
from ...kit.errors import (
    Cancelled,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    SourceFailed,
    SourceTimeout,
    WorkbenchError,
)


def sign_in_failed() -> WorkbenchError:
    """A constant text: a driver's message may quote the address that it connects to."""
    return SourceFailed(
        "The database refused the user name or the password.", code="sign_in_failed"
    )


def unreachable(where: str) -> WorkbenchError:
    return SourceFailed(f"The database at {where} can't be reached.", code="unreachable")


def busy(where: str) -> WorkbenchError:
    return LimitReached(f"The database at {where} has no free connection.", code="source_busy")


def no_tls(where: str) -> WorkbenchError:
    return SourceFailed(
        f"The database at {where} has no TLS, which this connection requires.", code="tls_failed"
    )


def untrusted(where: str) -> WorkbenchError:
    return SourceFailed(
        f"No trusted TLS connection to {where}: its certificate could not be verified, or "
        "the two sides agree on no protocol.",
        code="tls_failed",
    )


def connection_lost() -> WorkbenchError:
    return SourceFailed(
        "The connection to the database was lost while the statement ran.", code="unreachable"
    )


def timed_out() -> WorkbenchError:
    return SourceTimeout("The statement exceeded its time limit.", code="timeout")


def load_timed_out() -> WorkbenchError:
    return SourceTimeout("The load exceeded its time limit.", code="timeout")


def was_cancelled() -> WorkbenchError:
    return Cancelled("The query was cancelled.")


def cancelled_elsewhere() -> WorkbenchError:
    """The statement was stopped from elsewhere, neither by the Workbench nor by its time limit."""
    return Cancelled("The database cancelled the statement.")


def already_run() -> WorkbenchError:
    return Conflict("A session runs one statement.", code="already_run")


def outcome_unknown(*, once: bool) -> WorkbenchError:
    """The connection was lost during the commit.

    Args:
        once: True for a write that happens once: then the ledger tells the next attempt.
    """
    if once:
        return SourceFailed(
            "The connection was lost while the change was being committed. Run it again: the "
            "ledger says whether it was made.",
            code="unreachable",
        )
    return SourceFailed(
        "The connection was lost while the change was being committed: whether it was made is "
        "unknown. Check before you repeat it.",
        code="outcome_unknown",
    )


def unknown_table(schema: str | None, table: str) -> WorkbenchError:
    named = table if schema is None else f"{schema}.{table}"
    return NotFound(f"There is no table “{named}” here.", code="unknown_table", name=named)


def no_ledger(schema: str, *, called: str = "schema") -> WorkbenchError:
    """The login may not create the ledger.

    Args:
        schema: the schema that should have it.
        called: what this database calls a schema.
    """
    return Forbidden(
        f"The login may not create the table {LEDGER} in the {called} {schema}, which exactly-once "
        "writes need. Have its owner create it, and grant the login SELECT, INSERT and UPDATE on it.",
        code="no_ledger",
        schema=schema,
    )


def sentence(message: str, hint: str = "") -> str:
    """A server's message as one readable sentence, and its hint as a second one."""
    first, second = (" ".join(text.split())[:500].rstrip(".") for text in (message, hint))
    text = (first or "The database refused the statement") + "."
    # A name at the beginning stays as it is, such as etl.load(integer).
    if re.match(r"[a-z]+(?:[\s,:;]|\.$)", text):
        text = text[:1].upper() + text[1:]
    return text + (f" {second}." if second else "")


def position(sql: str, at: int) -> dict[str, object]:
    """The line and column of a position in a statement, from 1."""
    return {"line": sql.count("\n", 0, at) + 1, "column": at - sql.rfind("\n", 0, at)}
