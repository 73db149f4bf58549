"""Translates DuckDB's errors in a worker's process to errors of the Workbench."""

from __future__ import annotations

import re
from typing import Any, Final

from ...gate.dialects.explain import explains_a_view
from ...kit.duckdb_errors import place_of
from ...kit.errors import (
    Cancelled,
    Forbidden,
    InvalidInput,
    SourceFailed,
    TooLarge,
    Unavailable,
    WorkbenchError,
)


def split_class(kind: str, message: str) -> tuple[str, str]:
    """DuckDB's error class in lower case (``binder``, ``io``), and the first line of the message.

    An error in mid-stream comes through Arrow, which keeps DuckDB's message but not its class.
    """
    first = message.strip().split("\n", 1)[0]
    prefix, _, text = first.partition(" Error: ")
    if text:
        kind = prefix.replace(" ", "")
    return kind.lower().removesuffix("exception"), text or first


def worker_bad_value(error: dict[str, Any]) -> WorkbenchError:
    """A worker's own refusal (``BadValue``) as an error of the Workbench."""
    code, details = error["code"], error["details"]
    if code == "explains_view":
        return explains_a_view(details["name"])
    kind = TooLarge if code == "too_large" else InvalidInput
    return kind(error["message"], code=code, **details)


def worker_error(kind: str, message: str, sql: str = "") -> WorkbenchError:
    """DuckDB's error as one of the Workbench, by its class; paths and URLs are removed.

    Args:
        kind: the name of its class.
        message: its text.
        sql: the statement, for the position in a long line.
    """
    kind, text = split_class(kind, message)
    if found := _in_file(kind, message):
        return found
    text = re.sub(r"https?://[^\s\"']+|(?<![\w.])/[^\s\"']+", "…", text)
    sentence = (text[:1].upper() + text[1:500]).rstrip(".!") + "."
    if kind == "catalog":
        return _unknown(text, sentence)
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
        return InvalidInput(sentence, code="bad_statement")
    if kind in ("parser", "syntax"):
        return InvalidInput(sentence, code="syntax_error", **place_of(message, sql))
    if kind in ("conversion", "outofrange", "invalidinput", "typemismatch", "mismatchtype"):
        named = re.search(r"The column “(.+)” holds", sentence)
        return InvalidInput(sentence, code="bad_value", **({"column": named[1]} if named else {}))
    if kind == "notimplemented":
        return InvalidInput(sentence, code="not_supported")
    if kind == "permission":
        return Forbidden(
            "This statement does more than read the tables of this connection.",
            code="source_refused",
        )
    # Compression decides whether temporary files reach the system's limit before DuckDB's own.
    if (
        kind in ("outofmemory", "memory")
        or "bad_alloc" in text
        or (kind == "io" and "File too large" in text)
    ):
        return SourceFailed(
            "The statement exceeds its limits for memory and temporary files: read fewer columns "
            "or rows, or group earlier.",
            code="out_of_memory",
        )
    if kind == "io" and "No space left" in text:
        return no_temporary_files()
    return SourceFailed(sentence, code="source_failed")


def no_temporary_files() -> WorkbenchError:
    return Unavailable(
        "The service can't write temporary files: ask an administrator to check the free space and "
        "the permissions of its data folder.",
        code="storage_full",
    )


def was_cancelled() -> WorkbenchError:
    return Cancelled("The query was cancelled.")


def _unknown(text: str, sentence: str) -> WorkbenchError:
    named = re.search(r"(Table|Schema|Function).*? with name (.+?) (?:does|is) not", text)
    named = named or re.search(r"(Table|Schema|Function).*? with name \"?([^\s\"!]+)", text)
    if named is None:
        return InvalidInput(sentence, code="bad_statement", name="")
    what, name = named[1], named[2].strip('"')
    if what == "Table":
        return InvalidInput(f"There is no table “{name}” here.", code="unknown_table", name=name)
    code = "unknown_function" if what == "Function" else "unknown_schema"
    return InvalidInput(sentence, code=code, name=name)


def _in_file(kind: str, message: str) -> WorkbenchError | None:
    """The error of a bad line or value in a file, with its position; ``None`` for other errors."""
    if kind not in ("invalidinput", "conversion", "io", "error"):
        return None
    for pattern, template, cure in _OF_FILES:
        if found := re.search(pattern, message):
            parts = {key: it for key, it in found.groupdict().items() if it is not None}
            details: dict[str, Any] = {
                key: int(it) if it.isdigit() and key != "value" else it[:200]
                for key, it in parts.items()
                if key in ("line", "column", "value", "byte")
            }
            path = parts.get("path") or (re.findall(r"\n  file = (.+)", message) or [""])[0]
            if path:
                details["file"] = path.rsplit("/", 1)[-1]
            where = f"Line {details['line']}" if "line" in details else "A line"
            of = f" of “{details['file']}”" if path else ""
            value = details.get("value", "")
            problem = template.format(**{"expected": "", "found": "", "why": "", **parts})
            ends = f": “{value[:100]}”." if value else "."
            return InvalidInput(f"{where}{of} {problem}{ends} {cure}", code="bad_value", **details)
    return None


_LINE = r"CSV Error on Line: (?P<line>\d+)\n(?:Original Line: ?(?P<value>(?s:.*?))\n)?\s*"
_OF_FILES: Final = (
    (
        _LINE + r"Expected Number of Columns: (?P<expected>\d+) Found: (?P<found>\d+)",
        "has {found} values, and the file has {expected} columns",
        "Correct the line, or set the delimiter or the quote.",
    ),
    (
        _LINE + r"Value with unterminated quote",
        "has a quote that isn't closed, or text after a closed one",
        "Correct the line, or set the quote to none.",
    ),
    # DuckDB quotes the line before, so the value is left out.
    (
        r"CSV Error on Line: (?P<line>\d+)\n(?:Original Line:.*\n)?\s*Invalid unicode",
        "isn't UTF-8",
        "Set its encoding, or save it as UTF-8.",
    ),
    (
        _LINE + r"Maximum line size",
        "is longer than 2,000,000 bytes",
        "Correct the line: a quote may be open. If it isn't, save the file as Parquet.",
    ),
    (_LINE + r"(?P<why>[^\n]*)", "can't be read ({why})", "Correct the line."),
    (
        r"CSV Parser state machine reached an invalid state",
        "ends differently from those before it: LF and CRLF are mixed, or quotes are wrong",
        "Save the file with one kind of line ends, or set the quote.",
    ),
    (
        r"Error when sniffing file \"(?P<path>[^\"]+)\"",
        "doesn't match the others: no separator gives each line the same number of values, or LF "
        "and CRLF are mixed",
        "Set the delimiter, the quote or the number of skipped lines.",
    ),
    (
        r"JSON transform error in file \"(?P<path>[^\"]+)\", in (?:line|record/value) (?P<line>\d+): "
        r"(?P<value>[^\n]*?) has duplicate key",
        "has a key twice",
        "Correct the file.",
    ),
    (
        r"Malformed JSON in file \"(?P<path>[^\"]+)\", at byte (?P<byte>\d+) in (?:line|record/value) "
        r"(?P<line>\d+): (?P<why>[^\n]*\w)",
        "or one next to it isn't valid JSON ({why})",
        "Correct the file.",
    ),
    (
        r"\"maximum_object_size\" of \d+ bytes exceeded while reading file \"(?P<path>[^\"]+)\"",
        "has an object of more than 16 MiB",
        "Write one object a line.",
    ),
)
