"""What goes wrong with any database over a socket, whatever its driver calls it."""

from __future__ import annotations

from ...gate.loads import LEDGER
from ...kit.errors import (
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    SourceFailed,
    SourceTimeout,
    WorkbenchError,
)


def sign_in_failed() -> WorkbenchError:
    """Always this text: a driver's may quote where it connects to."""
    return SourceFailed(
        "The database refused the user name or the password.", code="sign_in_failed"
    )


def unreachable(where: str) -> WorkbenchError:
    return SourceFailed(f"The database at {where} can't be reached.", code="unreachable")


def busy(where: str) -> WorkbenchError:
    return LimitReached(f"The database at {where} has no free connection.", code="source_busy")


def no_tls(where: str) -> WorkbenchError:
    return SourceFailed(
        f"The database at {where} has no TLS, which this connection asks for.", code="tls_failed"
    )


def untrusted(where: str) -> WorkbenchError:
    return SourceFailed(
        f"No trusted TLS connection to {where}: its certificate could not be verified, or "
        "the two sides agree on no protocol.",
        code="tls_failed",
    )


def broke() -> WorkbenchError:
    return SourceFailed(
        "The connection to the database broke while the statement ran.", code="unreachable"
    )


def timed_out() -> WorkbenchError:
    return SourceTimeout("The database took longer than the statement may take.", code="timeout")


def load_timed_out() -> WorkbenchError:
    return SourceTimeout("The load took longer than it may take.", code="timeout")


def was_cancelled() -> WorkbenchError:
    return Conflict("The query was cancelled.", code="cancelled")


def stopped_there() -> WorkbenchError:
    """Somebody else stopped it: neither we nor the time limit did."""
    return Conflict("The database cancelled the statement.", code="cancelled")


def already_run() -> WorkbenchError:
    return Conflict("A session runs one statement.", code="already_run")


def outcome_unknown(*, once: bool) -> WorkbenchError:
    """The connection broke in the commit.

    Args:
        once: whether the write is made once: then the ledger tells the next try.
    """
    if once:
        return SourceFailed(
            "The connection broke while the change was being committed. Run it again: the ledger "
            "says whether it was made.",
            code="unreachable",
        )
    return SourceFailed(
        "The connection broke while the change was being committed: whether it was made is "
        "unknown. Look before you repeat it.",
        code="outcome_unknown",
    )


def unknown_table(schema: str | None, table: str) -> WorkbenchError:
    named = table if schema is None else f"{schema}.{table}"
    return NotFound(f"There is no table “{named}” here.", code="unknown_table", name=named)


def no_ledger(schema: str, *, called: str = "schema") -> WorkbenchError:
    """The login may not make the ledger.

    Args:
        called: what this database calls a schema.
    """
    return Forbidden(
        f"The login may not make the table {LEDGER} in the {called} {schema}, by which a write is "
        "made once. Let its owner make it, and grant the login SELECT, INSERT and UPDATE on it.",
        code="no_ledger",
        schema=schema,
    )


def sentence(message: str, hint: str = "") -> str:
    """One readable sentence of a server's message, and its hint as a second one."""
    first, second = (" ".join(text.split())[:500].rstrip(".") for text in (message, hint))
    text = (first or "The database refused the statement") + "."
    return text[:1].upper() + text[1:] + (f" {second}." if second else "")


def position(sql: str, at: int) -> dict[str, object]:
    """Line and column of a place in a statement, from 1."""
    return {"line": sql.count("\n", 0, at) + 1, "column": at - sql.rfind("\n", 0, at)}
