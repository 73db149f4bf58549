"""What DuckDB says in a worker's process, as errors of the Workbench."""

from __future__ import annotations

import re

from ...kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    SourceFailed,
    Unavailable,
    WorkbenchError,
)
from ..dialects.explain import explains_a_view


def split_class(kind: str, message: str) -> tuple[str, str]:
    """DuckDB's class of an error in lower case (``binder``, ``io``), and its first line.

    An error in mid-stream comes through Arrow, which keeps DuckDB's text but not its class.
    """
    first = message.strip().split("\n", 1)[0]
    prefix, _, text = first.partition(" Error: ")
    if text:
        kind = prefix.replace(" ", "")
    return kind.lower().removesuffix("exception"), text or first


def worker_error(kind: str, message: str) -> WorkbenchError:
    """DuckDB's error as ours, by its class; places on this machine are not shown."""
    kind, text = split_class(kind, message)
    text = re.sub(r"https?://[^\s\"']+|(?<![\w.])/[^\s\"']+", "…", text)
    said = (text[:1].upper() + text[1:500]).rstrip(".!") + "."
    if kind == "badvalue":
        reason, _, name = text.partition(":")
        if reason == "explains_view":
            return explains_a_view(name)
        return _bad_value(reason, name)
    if kind == "catalog":
        return _unknown(text, said)
    if kind == "binder":
        column = re.search(
            r"[Cc]olumn(?: named)? \"([^\"]+)\"(?= not found)|does not have a column named \"([^\"]+)",
            text,
        )
        if column:
            name = column[1] or column[2]
            return InvalidInput(
                f"There is no column “{name}” here.", code="unknown_column", name=name
            )
        return InvalidInput(said, code="bad_statement")
    if kind in ("parser", "syntax"):
        return InvalidInput(said, code="syntax_error", **_place(message))
    if kind in ("conversion", "outofrange", "invalidinput", "typemismatch", "mismatchtype"):
        return InvalidInput(said, code="bad_value")
    if kind == "notimplemented":
        return InvalidInput(said, code="not_supported")
    if kind == "permission":
        return Forbidden(
            "This statement does more than read the tables of this connection.",
            code="source_refused",
        )
    # Compressed or not, its blocks meet the system's limit a little before or after DuckDB's own.
    if kind == "outofmemory" or (kind == "io" and "File too large" in text):
        return SourceFailed(
            "The statement needs more memory, and more room for temporary files, than it may have: "
            "read fewer columns or rows, or group earlier.",
            code="out_of_memory",
        )
    if kind == "io" and "No space left" in text:
        return no_temporary_files()
    return SourceFailed(said, code="source_failed")


def no_temporary_files() -> WorkbenchError:
    return Unavailable(
        "The service can't write temporary files: an administrator has to look at the room and the "
        "rights in its data folder.",
        code="storage_full",
    )


def was_cancelled() -> WorkbenchError:
    return Conflict("The query was cancelled.", code="cancelled")


def _unknown(text: str, said: str) -> WorkbenchError:
    named = re.search(r"(Table|Schema|Function).*? with name (.+?) (?:does|is) not", text)
    named = named or re.search(r"(Table|Schema|Function).*? with name \"?([^\s\"!]+)", text)
    if named is None:
        return InvalidInput(said, code="bad_statement", name="")
    what, name = named[1], named[2].strip('"')
    if what == "Table":
        return InvalidInput(f"There is no table “{name}” here.", code="unknown_table", name=name)
    code = "unknown_function" if what == "Function" else "unknown_schema"
    return InvalidInput(said, code=code, name=name)


def _bad_value(reason: str, column: str) -> WorkbenchError:
    if reason == "numeric_overflow":
        return InvalidInput(
            f"The column “{column}” holds a whole number above 64 bits. Cast it in the query, for "
            f"example {column}::decimal(38, 0).",
            code="numeric_overflow",
            column=column,
        )
    return InvalidInput(
        f"The column “{column}” holds an infinite date or time, which has no exact value here. "
        f"Cast it in the query: {column}::varchar.",
        code="bad_value",
        column=column,
    )


def _place(message: str) -> dict[str, int]:
    """Line and column from DuckDB's picture: ``LINE 2: select …`` with a caret below."""
    found = re.search(r"LINE (\d+): (.*)\n( *)\^", message)
    if not found:
        return {}
    column = len(found[3]) - len(f"LINE {found[1]}: ") + 1
    return {"line": int(found[1]), "column": column} if column > 0 else {}
