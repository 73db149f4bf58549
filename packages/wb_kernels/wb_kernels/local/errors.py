"""DuckDB's errors as those of the client: one sentence, what to do, and the place."""

from __future__ import annotations

import re
from typing import Any, Final

import duckdb

from wb_kernels.refusals import invalid_input, source_failed
from wb_server.client import QueryError
from wb_server.kit.duckdb_errors import place_of

_MISSING_TABLE: Final = re.compile(r"Table with name (.+?) does not exist")


def missing_table(error: duckdb.Error) -> str | None:
    """The table that a statement names and DuckDB doesn't know."""
    found = (
        _MISSING_TABLE.search(str(error)) if isinstance(error, duckdb.CatalogException) else None
    )
    return found[1].strip('"') if found else None


def translated(error: Exception, memory: str, sql: str) -> QueryError:
    """An error of DuckDB as one of the client.

    Args:
        memory: DuckDB's memory limit, for the error of reaching it.
        sql: the statement.
    """
    text = str(error).strip()
    kind, _, message = text.partition(" Error: ")
    message = message or kind
    if "extension" in text and ("install" in text or "download" in text):
        return _needs_extension(text)
    if kind == "Out of Memory" or "max_temp_directory_size" in text:
        return source_failed(
            f"The statement needs more than its {memory} of memory and its room for temporary files: "
            "read fewer columns or rows, or group earlier. %config WorkbenchSql.local_memory sets the "
            "memory.",
            "out_of_memory",
        )
    if missing := re.search(r'No files found that match the pattern "(.+)"', text):
        return invalid_input(
            f"There is no file “{missing[1]}”, neither from this notebook's folder nor from your home.",
            "unknown_file",
        )
    details: dict[str, Any] = place_of(text, sql)
    if csv := re.search(
        r"CSV Error on Line: (\d+)\n(?:Original Line: ?(.*)\n)?\s*([^\n]*)", message
    ):
        sentence = f"Line {csv[1]} of the CSV file: {csv[3].rstrip('.')}: {(csv[2] or '')[:100]}"
        return invalid_input(
            f"{sentence}. Say how to read it: from read_csv('…', all_varchar = true).", "bad_value"
        )
    lines = [line for line in message.splitlines() if line.strip()]
    sentence = lines[0][:500] if lines else kind
    near = re.search(r'Did you mean "([^"\n]+)"', message)
    candidates = re.search(r"Candidate bindings: (.+)", message)
    if candidates:
        details["near"] = re.findall(r'"([^"]+)"', candidates[1])[:3]
    elif near and not near[1].startswith(("sqlite_", "duckdb_", "pragma_")):
        details["near"] = [near[1]]
    sentence = (sentence[:1].upper() + sentence[1:]).rstrip("!. ") + "."
    return invalid_input(sentence, "bad_statement", **details)


def _needs_extension(text: str) -> QueryError:
    found = re.search(r'extension "?\'?(\w+)', text)
    name = found[1] if found else ""
    cure = {
        "httpfs": "Files are read from the disk: download it first, or ask for an S3 connection.",
        "excel": "Read the sheet into a frame: df = pd.read_excel('…'), and query df.",
    }.get(name, "It isn't installed here.")
    return invalid_input(f"This needs DuckDB's extension {name}. {cure}", "not_supported")
