"""The process in which DuckDB reads files: used for one statement, then killed.

It is started ahead, with its imports done, and waits for one line of JSON on its standard input::

    {"folder": "/data/sales", "tables": {"orders": {"kind": "parquet", "paths": [...]}},
     "sql": "SELECT …", "memory_limit": "1GB", "threads": 2}

The answer is an Arrow IPC stream on standard output. How it ended comes last, as one line of JSON
on the descriptor named by the only argument: ``{"rows": n}`` or ``{"error": {"class", "message"}}``.
A stream without that line was cut.

What keeps a statement from doing more than reading these files, each layer by itself: it must be
one ``SELECT``; DuckDB's configuration allows these paths only and is locked; the process can make
no file grow; and, where the kernel has Landlock, it can open nothing for writing, read nothing
outside of the folder and the libraries, and connect to nothing. It holds no secret.

This file imports nothing of the Workbench, so that it starts fast and with an empty environment.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

BATCH_BYTES = 1 << 20

_READERS = {
    "parquet": "read_parquet({}, union_by_name = true)",
    "csv": "read_csv({}, union_by_name = true)",
    "tsv": "read_csv({}, delim = '\\t', union_by_name = true)",
    "json": "read_json({}, union_by_name = true)",
}

# Types whose Arrow form loses something or that readers don't know.
_AS_TEXT = ("BIT", "TIME WITH TIME ZONE", "ENUM(", "UNION(", "UUID", "BIGNUM", "VARIANT")
_WHOLE = ("HUGEINT", "UHUGEINT")

# linux/landlock.h; the numbers are the same on all 64-bit architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_NO_NEW_PRIVILEGES = 38


class BadValue(Exception):
    """A value that has no place in its column's type."""


def main() -> None:
    endings = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    # What a library prints must not get into the stream.
    answer = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    line = sys.stdin.buffer.readline()
    if not line:
        return
    # The service holds the other end open as long as it lives and wants the answer.
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    request = json.loads(line)
    try:
        ending: dict[str, Any] = {"rows": _answer(request, answer)}
    except BrokenPipeError:
        return
    except Exception as error:
        ending = {"error": {"class": type(error).__name__, "message": str(error)}}
    endings.write(json.dumps(ending) + "\n")
    endings.flush()
    # Without a word to DuckDB: there is nothing to keep, and its threads may still run.
    os._exit(0)


def _leave_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def _answer(request: dict[str, Any], out: BinaryIO) -> int:
    _confine(request["folder"])
    connection = _connect(request)
    statements = connection.extract_statements(request["sql"])
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.PermissionException("Permission Error: only one SELECT may run here")
    relation = connection.sql(request["sql"])
    relation, whole = _plain(relation)
    reader = relation.to_arrow_reader(_batch_rows(relation))
    schema = pa.schema(
        [
            pa.field(field.name, pa.int64() if index in whole else _storage(field.type))
            for index, field in enumerate(reader.schema)
        ]
    )
    rows = 0
    with pa.ipc.new_stream(out, schema) as writer:
        out.flush()
        for batch in reader:
            arrays = [
                _column(schema.field(index), values, index in whole)
                for index, values in enumerate(batch.columns)
            ]
            rows += batch.num_rows
            for part in _parts(pa.RecordBatch.from_arrays(arrays, schema=schema)):
                writer.write_batch(part)
                out.flush()
    out.close()
    return rows


def _connect(request: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "memory_limit": request["memory_limit"],
            "threads": str(request["threads"]),
            "temp_directory": "",
        },
    )
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    connection.execute("CREATE SCHEMA files; SET schema = 'files'")
    allowed = []
    for name, table in request["tables"].items():
        paths = ", ".join(_literal(path) for path in table["paths"])
        source = _READERS[table["kind"]].format(f"[{paths}]")
        # The name is of a to z, digits and underscores; the paths are quoted above.
        connection.execute(f'CREATE VIEW files."{name}" AS SELECT * FROM {source}')  # noqa: S608
        allowed += table["paths"]
    connection.execute(f"SET allowed_paths = [{', '.join(map(_literal, allowed))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _plain(relation: duckdb.DuckDBPyRelation) -> tuple[duckdb.DuckDBPyRelation, set[int]]:
    """The relation with awkward types as text, and the places of its huge integers."""
    types = [str(kind) for kind in relation.types]
    whole = {index for index, kind in enumerate(types) if kind in _WHOLE}
    if any(kind.startswith(_AS_TEXT) for kind in types):
        parts = []
        for index, (name, kind) in enumerate(zip(relation.columns, types, strict=True)):
            place = f"#{index + 1}"
            quoted = '"' + name.replace('"', '""') + '"'
            value = f"CAST({place} AS VARCHAR)" if kind.startswith(_AS_TEXT) else place
            parts.append(f"{value} AS {quoted}")
        relation = relation.project(", ".join(parts))
    return relation, whole


def _batch_rows(relation: duckdb.DuckDBPyRelation) -> int:
    """How many rows are about one MiB: wide types are guessed, and cut again when too big."""
    narrow = ("BOOL", "TINY", "SMALL", "INT", "BIG", "FLOAT", "DOUBLE", "DATE", "TIME", "U")
    size = sum(8 if str(kind).startswith(narrow) else 40 for kind in relation.types)
    return max(2048, min(122_880, BATCH_BYTES // max(size, 1)) // 2048 * 2048)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    count = max(1, -(-batch.nbytes // (2 * BATCH_BYTES)))
    step = max(1, -(-batch.num_rows // count))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _column(field: pa.Field, values: pa.Array, whole: bool) -> pa.Array:
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if whole:
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            raise BadValue(f"numeric_overflow:{field.name}") from None
    if pa.types.is_timestamp(field.type) or pa.types.is_date32(field.type):
        bits = field.type.bit_width
        numbers = values.view(pa.int64() if bits == 64 else pa.int32())
        ends = pc.min_max(numbers).as_py()
        # DuckDB keeps infinity as the highest number, and minus infinity as its negative.
        if ends["max"] == 2 ** (bits - 1) - 1 or (ends["min"] or 0) <= -(2 ** (bits - 1)) + 1:
            raise BadValue(f"infinite:{field.name}")
    return values


def _confine(folder: str) -> None:
    """Takes from this process, by Landlock, what it doesn't need. Does nothing on old kernels."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return
    handled = (1 << (15 if version >= 3 else 14 if version == 2 else 13)) - 1
    network = 3 if version >= 4 else 0
    rules = (ctypes.c_uint64 * 2)(handled, network)
    size = ctypes.c_size_t(16 if version >= 4 else 8)
    ruleset = libc.syscall(_CREATE_RULESET, rules, size, ctypes.c_uint32(0))
    if ruleset < 0:
        return
    system = ("/usr", "/lib", "/lib64", "/proc/self", "/sys/fs/cgroup", "/dev/urandom")
    for path in (folder, sys.prefix, sys.base_prefix, *system):
        try:
            opened = os.open(path, os.O_PATH)
        except OSError:
            continue
        access = _READ_FILE | _EXECUTE | (_READ_DIR if os.path.isdir(path) else 0)
        rule = access.to_bytes(8, sys.byteorder) + opened.to_bytes(4, sys.byteorder)
        libc.syscall(_ADD_RULE, ruleset, 1, ctypes.c_char_p(rule), ctypes.c_uint32(0))
        os.close(opened)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)


if __name__ == "__main__":
    main()
