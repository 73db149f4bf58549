"""What DuckDB says in a worker's process, as errors of the Workbench."""

from __future__ import annotations

import re
from typing import Any, Final

from ...gate.dialects.explain import explains_a_view
from ...kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    SourceFailed,
    TooLarge,
    Unavailable,
    WorkbenchError,
)


def split_class(kind: str, message: str) -> tuple[str, str]:
    """DuckDB's class of an error in lower case (``binder``, ``io``), and its first line.

    An error in mid-stream comes through Arrow, which keeps DuckDB's text but not its class.
    """
    first = message.strip().split("\n", 1)[0]
    prefix, _, text = first.partition(" Error: ")
    if text:
        kind = prefix.replace(" ", "")
    return kind.lower().removesuffix("exception"), text or first


def worker_bad_value(error: dict[str, Any]) -> WorkbenchError:
    """What a worker itself refuses (``duckdb_errors``) as an error of ours."""
    code, details = error["code"], error["details"]
    if code == "explains_view":
        return explains_a_view(details["name"])
    kind = TooLarge if code == "too_large" else InvalidInput
    return kind(error["message"], code=code, **details)


def worker_error(kind: str, message: str) -> WorkbenchError:
    """DuckDB's error as ours, by its class; places on this machine are not shown."""
    kind, text = split_class(kind, message)
    if found := _in_file(kind, message):
        return found
    text = re.sub(r"https?://[^\s\"']+|(?<![\w.])/[^\s\"']+", "…", text)
    said = (text[:1].upper() + text[1:500]).rstrip(".!") + "."
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
        named = re.search(r"The column “(.+)” holds", said)
        return InvalidInput(said, code="bad_value", **({"column": named[1]} if named else {}))
    if kind == "notimplemented":
        return InvalidInput(said, code="not_supported")
    if kind == "permission":
        return Forbidden(
            "This statement does more than read the tables of this connection.",
            code="source_refused",
        )
    # Compressed or not, its blocks meet the system's limit a little before or after DuckDB's own.
    if (
        kind in ("outofmemory", "memory")
        or "bad_alloc" in text
        or (kind == "io" and "File too large" in text)
    ):
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


def _place(message: str) -> dict[str, int]:
    """Line and column from DuckDB's picture: ``LINE 2: select …`` with a caret below."""
    found = re.search(r"LINE (\d+): (.*)\n( *)\^", message)
    if not found:
        return {}
    column = len(found[3]) - len(f"LINE {found[1]}: ") + 1
    return {"line": int(found[1]), "column": column} if column > 0 else {}


def _in_file(kind: str, message: str) -> WorkbenchError | None:
    """What is wrong in a file, with its place and its value; ``None``: something else is."""
    if kind not in ("invalidinput", "conversion", "io", "error"):
        return None
    for pattern, says in _OF_FILES:
        if found := re.search(pattern, message):
            said = {key: it for key, it in found.groupdict().items() if it is not None}
            details: dict[str, Any] = {
                key: int(it) if it.isdigit() and key != "value" else it[:200]
                for key, it in said.items()
                if key in ("line", "column", "value", "byte")
            }
            path = said.get("path") or (re.findall(r"\n  file = (.+)", message) or [""])[0]
            if path:
                details["file"] = path.rsplit("/", 1)[-1]
            where = f"Line {details['line']}" if "line" in details else "A line"
            of = f" of “{details['file']}”" if path else ""
            value = details.get("value", "")
            told = says.format(**{"expected": "", "found": "", "why": "", **said})
            ends = f": {value[:100]}" if value else "."
            return InvalidInput(f"{where}{of} {told}{ends}", code="bad_value", **details)
    return None


_LINE = r"CSV Error on Line: (?P<line>\d+)\n(?:Original Line: ?(?P<value>.*)\n)?\s*"
_OF_FILES: Final = (
    (
        _LINE + r"Expected Number of Columns: (?P<expected>\d+) Found: (?P<found>\d+)",
        "has {found} values, and the file has {expected} columns",
    ),
    (
        _LINE + r"Value with unterminated quote",
        "has a quote that isn't closed, or text after a closed one",
    ),
    # DuckDB shows the line before, so none is shown.
    (
        r"CSV Error on Line: (?P<line>\d+)\n(?:Original Line:.*\n)?\s*Invalid unicode",
        "isn't UTF-8. Save the file as UTF-8",
    ),
    (_LINE + r"Maximum line size", "is longer than 2,000,000 bytes"),
    (_LINE + r"(?P<why>[^\n]*)", "can't be read ({why})"),
    (
        r"CSV Parser state machine reached an invalid state",
        "ends otherwise than those before it: LF and CRLF are mixed, or quotes are wrong",
    ),
    (
        r"Error when sniffing file \"(?P<path>[^\"]+)\"",
        "is not like the others: no separator gives each line the same number of values, or LF and "
        "CRLF are mixed",
    ),
    (
        r"JSON transform error in file \"(?P<path>[^\"]+)\", in (?:line|record/value) (?P<line>\d+): "
        r"(?P<value>[^\n]*?) has duplicate key",
        "has a key twice",
    ),
    (
        r"Malformed JSON in file \"(?P<path>[^\"]+)\", at byte (?P<byte>\d+) in (?:line|record/value) "
        r"(?P<line>\d+): (?P<why>[^\n]*\w)",
        "or one beside it is no JSON ({why})",
    ),
    (
        r"\"maximum_object_size\" of \d+ bytes exceeded while reading file \"(?P<path>[^\"]+)\"",
        "has an object of more than 16 MiB",
    ),
)
