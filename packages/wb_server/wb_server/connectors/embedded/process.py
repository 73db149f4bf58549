"""The program of the processes in which DuckDB reads files: each runs one statement, then is killed.

It runs as the nursery that they are forked from: ``kit/forking.py``. The nursery does half a second
of imports once, and no statement ever reaches it. A new process receives one line of JSON::

    {"sql": "SELECT …", "memory_limit": "1GB", "threads": 2, "source": {...}}

A source is one of these::

    {"reads": ["/data/sales"], "tables": {"orders": {"kind": "parquet", "paths": [...]}}}
    {"reads": [], "port": 40123, "extension": "…/httpfs.duckdb_extension", "tables": {...}}
    {"reads": ["/data/shop.duckdb"], "database": "/data/shop.duckdb", "schemas": ["sales"],
     "unqualified": ["people"]}

``reads`` are the folders and files that the process may open, ``port`` the only local port that it
may connect to. With ``"temporary": {"folder", "bytes"}`` beside the source, it may spill that much to
its private temporary folder if a statement exceeds its memory. ``schemas`` and ``unqualified`` are
the schemas that the statement names, and the tables that it names without a schema.

A table of CSV or JSON has ``"profiles"`` by path: the known profile of each file, or ``null``. The
process first reports each profile that it creates, as a line of JSON: ``{"path", "profile"}``. With
``"workbooks": [...]`` in the source it reports their sheets before that. With ``"sheets": [{"path",
"sheet", "options"}]`` it writes each of these to its temporary folder, as ``0.arrow`` and so on, and
reports it; a table's ``"kept"`` has such files by path. ``"options"`` has what is said
about each file (``options.py``), ``"sheet"`` a workbook's sheet.

The answer is an Arrow IPC stream. Its outcome comes last, as one line of JSON: ``{"rows": n}`` or
``{"error": {"class", "message"}}``. A stream without that line was cut off.

Several independent layers keep a statement from doing more than reading its source: it must be one
``SELECT``; DuckDB's configuration allows only these paths and is locked; the process can't grow any
file beyond its temporary bytes; and, if the kernel has Landlock, it can write only in its temporary
folder, read only its source and the libraries, and connect only to that port. It holds no secret.

Of the Workbench it imports only ``kit/forking.py`` and the modules beside it.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import sys
import threading
import time
from functools import partial
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from wb_server.connectors.embedded.bad_value import BadValue
from wb_server.connectors.embedded.output import write_answer
from wb_server.connectors.embedded.views import Learned, Views
from wb_server.kit import forking
from wb_server.kit.duckdb_sql import literal, plain_pattern, quoted

# Suffixes of the files in which DuckDB keeps changes until they are in the database file.
_LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")

# For memory that libraries hold in reserve.
_HEADROOM = 256 << 20
_POLL_SECONDS = 0.01
_ALLOWED = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)

# linux/landlock.h; the numbers are the same on all 64-bit architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
# Writing, truncating, creating and removing files and folders.
_CHANGE = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14
_CONNECT_TCP = 1 << 1
_NO_NEW_PRIVILEGES = 38


class _WithoutPandas:
    """Hides pandas from pyarrow and DuckDB.

    They import it, where it is installed, to recognise its values: a fifth of a second of CPU in each
    process, for values that it never sees.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main() -> None:
    """Runs the nursery: forks processes until the service closes the socket."""
    sys.meta_path.insert(0, _WithoutPandas())
    # The import opens a database with threads, which a fork wouldn't copy.
    duckdb.default_connection().close()
    forking.serve(int(sys.argv[1]), _work)


def _work(asked: int, output: int, ended: int) -> None:
    request = forking.request_of(asked)
    if request is None:
        return
    try:
        with os.fdopen(output, "wb", buffering=1 << 16) as answer:
            ending: dict[str, Any] = {"rows": _answer(request, answer, ended)}
    except BrokenPipeError:
        return
    except BadValue as error:
        ending = {"error": error.to_wire()}
    except Exception as error:
        ending = {"error": {"class": type(error).__name__, "message": str(error)}}
    forking.end_with(ended, ending)


def _report(descriptor: int, path: str, profile: dict[str, Any]) -> None:
    forking.say(descriptor, {"path": path, "profile": profile})


def _answer(request: dict[str, Any], out: BinaryIO, ended: int) -> int:
    source = request["source"]
    temporary = request.get("temporary", {"folder": "", "bytes": 0})
    resource.setrlimit(resource.RLIMIT_FSIZE, (temporary["bytes"], temporary["bytes"]))
    _bound_memory(request["memory_limit"], ended)
    _confine(source["reads"], source.get("port"), temporary["folder"])
    connection = _connect(request)
    views = _views(connection, request, partial(_report, ended))
    try:
        if views is not None:
            views.learn_sheets(source.get("workbooks", ()))
            views.keep_sheets(source.get("sheets", ()), temporary["folder"])
            views.make(source["tables"])
        connection.execute("SET lock_configuration = true")
        return _run(connection, request, out)
    except (duckdb.Error, pa.ArrowException, OSError) as error:  # in mid-stream through Arrow
        if views is not None and (explained := views.explain(error)):
            raise explained from None
        raise


def _run(connection: duckdb.DuckDBPyConnection, request: dict[str, Any], out: BinaryIO) -> int:
    statements = connection.extract_statements(request["sql"])
    # A PIVOT whose values aren't listed first creates a type for them, in a statement without text.
    implicit = [it.type == duckdb.StatementType.CREATE and not it.query for it in statements[:-1]]
    if not statements or not all(implicit) or statements[-1].type not in _ALLOWED:
        raise duckdb.PermissionException("Permission Error: only one SELECT may run here")
    if request["source"].get("database") and statements[-1].type == duckdb.StatementType.EXPLAIN:
        _refuse_views(connection, request["sql"])
    return write_answer(connection.sql(request["sql"]), out)


def _bound_memory(limit: str, ended: int) -> None:
    """Ends the process when it uses too much memory: DuckDB doesn't count all strings and lists.

    Resident memory is what counts. The system's limits apply to address space, and reading a file
    with many columns reserves gigabytes that it never touches.

    Args:
        limit: in DuckDB's notation; the process may use half as much again for these and for Arrow.
        ended: the descriptor for the last line.
    """
    found = re.fullmatch(r"([0-9.]+) *([KMGT]?)i?B?", limit.strip(), re.IGNORECASE)
    if found is None:
        return
    size = float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " ")
    pages = os.open("/proc/self/statm", os.O_RDONLY)

    def held() -> int:
        return int(os.pread(pages, 200, 0).split()[1]) * resource.getpagesize()

    maximum = int(held() + 1.5 * size) + _HEADROOM

    def watch() -> None:
        while held() < maximum:
            time.sleep(_POLL_SECONDS)
        os.write(ended, b'{"error": {"class": "OutOfMemoryException", "message": "memory"}}\n')
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _refuse_views(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuses a plan if the statement names any view, since it would show the view's definition."""
    rows = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    for (name,) in rows:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql.replace('""', '"'), re.IGNORECASE):
            raise BadValue("explains_view", name=name)


def _views(
    connection: duckdb.DuckDBPyConnection, request: dict[str, Any], learned: Learned
) -> Views | None:
    """The makers of the views of files; ``None`` for a database."""
    if request["source"].get("database"):
        return None
    temporary = request.get("temporary", {"folder": "", "bytes": 0})
    return Views(connection, learned, _copies_of(temporary), temporary["bytes"])


def _copies_of(temporary: dict[str, Any]) -> str:
    """The folder for copies of texts in UTF-8."""
    return os.path.join(temporary["folder"], "utf8") if temporary["folder"] else ""


def _connect(request: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that can reach the source and nothing else."""
    source = request["source"]
    temporary = request.get("temporary", {"folder": "", "bytes": 0})
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
            "temp_directory": temporary["folder"],
            "max_temp_directory_size": f"{temporary['bytes']}B",
        },
    )
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    if source.get("extension"):
        connection.execute(f"LOAD {literal(source['extension'])}")
        connection.execute("SET http_timeout = 3600; SET enable_global_s3_configuration = false")
    if source.get("database"):
        _attach(connection, source)
    else:
        paths = [path for table in source["tables"].values() if table for path in table["paths"]]
        allowed = list(dict.fromkeys([*paths, *map(plain_pattern, paths)]))
        _close_off(connection, allowed, _copies_of(temporary))
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, source: dict[str, Any]) -> None:
    """Attaches a database file read-only.

    DuckDB's built-in functions come first in the search path. Otherwise a macro that is stored in the
    file under the name of one of them, or of an operator such as ``+``, would run instead.
    """
    path = source["database"]
    _close_off(connection, [path, *(f"{path}{it}" for it in _LOGS)])
    taken = {"", "temp", "system", "memory", "main"}
    # DuckDB's default name, since views may use it, unless a schema of that name makes it ambiguous.
    name = os.path.basename(path).split(".")[0]
    while name.casefold() in taken:
        name += "_"
    while True:
        place = quoted(name)
        connection.execute(f"ATTACH {literal(path)} AS {place} (TYPE duckdb, READ_ONLY)")
        found = connection.execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ? AND NOT internal",
            [name],
        ).fetchall()
        schemas = {row[0].casefold(): row[0] for row in found}
        if name.casefold() not in schemas:
            break
        connection.execute(f"DETACH {place}")
        name += "_"
    named = []
    for schema in source["schemas"]:
        if schema.casefold() in schemas:
            named.append(schemas[schema.casefold()])
        elif schema.casefold() not in ("main", "information_schema"):
            # A database's name before a table's would be taken for a schema.
            raise duckdb.CatalogException(
                f"Catalog Error: Schema with name {schema} does not exist!"
            )
    order = ["system.main", f"{place}.main"]
    order += [f"{place}.{quoted(schema)}" for schema in named]
    connection.execute(f"SET search_path = {literal(','.join(order))}")
    rows = connection.execute(
        "SELECT lower(table_name) FROM duckdb_tables() WHERE database_name = $1 AND schema_name = "
        "'main' UNION ALL SELECT lower(view_name) FROM duckdb_views() WHERE database_name = $1 AND "
        "schema_name = 'main'",
        [name],
    ).fetchall()
    # Through the search path, an unqualified name could mean a table of another schema.
    known = {row[0] for row in rows}
    for table in source["unqualified"]:
        if table.lower() not in known:
            raise duckdb.CatalogException(f"Catalog Error: Table with name {table} does not exist!")


def _close_off(connection: duckdb.DuckDBPyConnection, allowed: list[str], folder: str = "") -> None:
    if folder:
        connection.execute(f"SET allowed_directories = [{literal(folder)}]")
    connection.execute(f"SET allowed_paths = [{', '.join(map(literal, allowed))}]")
    connection.execute("SET enable_external_access = false")


def _confine(reads: list[str], port: int | None = None, writes: str = "") -> None:
    """Drops this process's unneeded access rights with Landlock. Does nothing on old kernels."""
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
    for path in (*reads, sys.prefix, sys.base_prefix, *system, *([writes] if writes else [])):
        try:
            opened = os.open(path, os.O_PATH)
        except OSError:
            continue
        access = _READ_FILE | _EXECUTE | (_READ_DIR if os.path.isdir(path) else 0)
        if path == writes:
            access = (_READ_FILE | _READ_DIR | _CHANGE) & handled
        rule = access.to_bytes(8, sys.byteorder) + opened.to_bytes(4, sys.byteorder)
        libc.syscall(_ADD_RULE, ruleset, 1, ctypes.c_char_p(rule), ctypes.c_uint32(0))
        os.close(opened)
    if port is not None and network:
        rule = _CONNECT_TCP.to_bytes(8, sys.byteorder) + port.to_bytes(8, sys.byteorder)
        libc.syscall(_ADD_RULE, ruleset, 2, ctypes.c_char_p(rule), ctypes.c_uint32(0))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)


if __name__ == "__main__":
    main()
