"""Translates errors of MySQL, MariaDB and their driver to errors of the Workbench.

The server's error number decides. Names and positions come from its messages, which each session
requests in English. A failed sign-in has a constant text, and a driver's message is never passed on:
it may quote the address that it connects to.
"""

from __future__ import annotations

import re
import ssl
import struct
from typing import Final

import pymysql

from ...kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LimitReached,
    SourceFailed,
    WorkbenchError,
)
from ..dialled import errors as dialled

_Kind = tuple[type[WorkbenchError], str]

_NUMBERS: Final[dict[int, _Kind]] = {
    **dict.fromkeys((1051, 1109, 1146), (InvalidInput, "unknown_table")),
    1054: (InvalidInput, "unknown_column"),
    **dict.fromkeys((1128, 1305, 1630), (InvalidInput, "unknown_function")),
    1049: (InvalidInput, "unknown_schema"),
    **dict.fromkeys((1064, 1149), (InvalidInput, "syntax_error")),
    **dict.fromkeys(
        (1044, 1142, 1143, 1211, 1227, 1290, 1345, 1356, 1370, 1410),
        (Forbidden, "source_refused"),
    ),
    1792: (Forbidden, "not_a_read"),
    **dict.fromkeys((1045, 1698, 1820, 1862, 3118, 4151), (SourceFailed, "sign_in_failed")),
    **dict.fromkeys((1040, 1203, 1226), (LimitReached, "source_busy")),
    **dict.fromkeys((1099, 1100, 1205), (Conflict, "source_locked")),
    **dict.fromkeys((1020, 1213), (Conflict, "conflicting_change")),
    **dict.fromkeys(
        (1022, 1048, 1062, 1169, 1216, 1217, 1364, 1369, 1451, 1452, 1557, 1586, 3819, 4025),
        (Conflict, "constraint"),
    ),
    **dict.fromkeys((1264, 1690), (InvalidInput, "numeric_overflow")),
    **dict.fromkeys(
        (1265, 1292, 1300, 1365, 1366, 1367, 1406, 1411, 1441, 1525, 3140, 3141, 3143, 4036, 4038),
        (InvalidInput, "bad_value"),
    ),
    1094: (InvalidInput, "bad_statement"),
    **dict.fromkeys((1235, 1286, 1295, 1178), (InvalidInput, "not_supported")),
    **dict.fromkeys((1644,), (InvalidInput, "source_raised")),
}

# By SQLSTATE class (its first two characters), for numbers that aren't listed.
_CLASSES: Final[dict[str, _Kind]] = {
    "42": (InvalidInput, "bad_statement"),
    "3D": (InvalidInput, "bad_statement"),
    "21": (InvalidInput, "bad_statement"),
    "22": (InvalidInput, "bad_value"),
    "23": (Conflict, "constraint"),
    "40": (Conflict, "conflicting_change"),
    "45": (InvalidInput, "source_raised"),
}

_TIMEOUTS: Final = (1969, 3024)
_STOPPED: Final = (1317, 1028, 1030)
# The connection failed, not the statement: 1053 and 1927 come from the server, 2xxx from the driver.
_BROKEN: Final = (1053, 1077, 1080, 1152, 1153, 1156, 1158, 1159, 1160, 1161, 1184, 1927)
_NAMED: Final = re.compile(r"^(?:FUNCTION|PROCEDURE) (\S+) |['`]([^'`]+)['`]")
_NEAR: Final = re.compile(r" near '(.*)' at line (\d+)$", re.DOTALL)
_COLUMN: Final = re.compile(r"(?:for column|[Cc]olumn) (?:`[^`]*`\.`[^`]*`\.)?['`]([^'`]+)['`]")
_KEY: Final = re.compile(r"(?:for key|CONSTRAINT) ['`]([^'`]+)['`]")


# What the driver raises for an error reply, and for bytes that aren't a valid reply.
FAILURES: Final = (pymysql.Error, OSError, ValueError, IndexError, struct.error)


def number_of(error: Exception) -> int:
    """The server's or the driver's error number; 0 if there is none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(error, pymysql.Error) and isinstance(first, int) else 0


def is_broken(error: Exception) -> bool:
    """True if the connection, not the statement, failed; such a connection is never reused."""
    number = number_of(error)
    return number in _BROKEN or (not 1000 <= number < 2000 and not 3000 <= number < 10_000)


def statement_error(
    error: Exception, sql: str, database: str, *, cancelled: bool, late: bool
) -> WorkbenchError:
    """The error of a failed statement.

    Args:
        error: the driver's error.
        sql: the statement that was sent, to find the position.
        database: the default schema of unqualified names.
        cancelled: True if the statement was cancelled from here.
        late: True if the time limit had passed.
    """
    number = number_of(error)
    if cancelled:
        return dialled.was_cancelled()
    if number in _TIMEOUTS or (late and (number in _STOPPED or is_broken(error))):
        return dialled.timed_out()
    if number in _STOPPED:
        return dialled.cancelled_elsewhere()
    if is_broken(error):
        return dialled.connection_lost()
    text = str(error.args[1]) if len(error.args) > 1 else ""
    state = str(getattr(error, "sqlstate", "") or "")
    kind, code = _NUMBERS.get(number) or _CLASSES.get(state[:2]) or (SourceFailed, "source_failed")
    if code == "sign_in_failed":
        return dialled.sign_in_failed()
    if code == "not_a_read":
        return not_a_read()
    details: dict[str, object] = {"number": number}
    if code == "syntax_error":
        details |= _place(text, sql)
        return InvalidInput(_syntax(details), code=code, **details)
    if code.startswith("unknown_"):
        named = _NAMED.search(text)
        name = (named[1] or named[2]) if named else ""
        details["name"] = name.removeprefix(f"{database}.")
    if code in ("bad_value", "numeric_overflow") and (column := _COLUMN.search(text)):
        details["column"] = column[1]
    if code == "constraint" and (key := _KEY.search(text)):
        details["constraint"] = key[1].rpartition(".")[2]
    return kind(dialled.sentence(text), code=code, **details)


def dial_error(error: Exception, host: str, port: int) -> WorkbenchError:
    """The error of a failed connection attempt; it names only the host and the port."""
    where = f"{host}:{port}"
    number = number_of(error)
    cause = getattr(error, "original_exception", error)
    kind, code = _NUMBERS.get(number, (SourceFailed, "unreachable"))
    if code == "sign_in_failed":
        return dialled.sign_in_failed()
    if number in (1129, 1130):
        return SourceFailed(
            f"The database at {where} doesn't allow this user to connect from here.",
            code="sign_in_failed",
        )
    if number in (1044, 1049):
        return SourceFailed(
            f"There is no database with that name at {where}, or this user may not use it.",
            code="unknown_database",
        )
    if kind is LimitReached:
        return dialled.busy(where)
    if number in (2059, 2061) or isinstance(error, RuntimeError):
        return SourceFailed(
            f"The database at {where} requires an authentication method that isn't supported here. "
            "Without a verified certificate, the password is never sent in clear text.",
            code="sign_in_failed",
        )
    if isinstance(cause, ssl.SSLCertVerificationError) or (
        isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError)
    ):
        return dialled.untrusted(where)
    if number == 2026:
        return dialled.no_tls(where)
    if not isinstance(error, pymysql.Error | OSError):
        return SourceFailed(
            f"The server at {where} isn't a MySQL or MariaDB server.", code="unreachable"
        )
    return dialled.unreachable(where)


def not_a_read() -> WorkbenchError:
    return Forbidden("This statement changes data, but the request is a read.", code="not_a_read")


def _place(text: str, sql: str) -> dict[str, object]:
    """The line and column in the statement that was sent, from 1, and the text there."""
    found = _NEAR.search(text)
    if found is None:
        return {}
    near, line = found[1], int(found[2])
    # The server quotes the rest of the statement, up to 80 characters of it.
    at = len(sql) - len(near) if sql.endswith(near) else sql.find(near)
    if at < 0:
        return {"line": line}
    return {**dialled.position(sql, at), "near": near.split("\n")[0][:40]}


def _syntax(details: dict[str, object]) -> str:
    # Line and column are only in the details: they refer to the text that the gate rendered.
    if "near" not in details:
        return "The database can't parse the statement."
    near = f"near “{details['near']}”" if details["near"] else "at its end"
    return f"The database can't parse the statement {near}."
