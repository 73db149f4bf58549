"""A folder of files and a DuckDB database file, with something to steal and something to break."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import itertools
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from .attempt import Seen

_numbers = itertools.count()

# The tables that a program would create which doesn't check what a file name refers to.
_TABLES = {"canary": "canary.csv", "link": "link.csv", "hidden": "[_]hidden.csv"}

# What someone may have left in a database file that others read.
_DATABASE = """
create table canary as select n as id, 'row ' || n as note from range(1, 4) t(n);
create sequence numbers;
create view drawing_view as select nextval('numbers') as n;
create view file_view as select content::varchar as note from read_blob('{secret_file}');
create view secret_view as select '{secret}' as note;
create table with_default (note varchar default '{secret}');
create macro secret_macro() as '{secret}';
create macro wipe() as nextval('numbers');
create macro md5(x) as '{secret}';
create macro "+"(a, b) as '{secret}';
create macro "coalesce"(a, b) as '{secret}';
create macro text(x) as '{secret}';
create macro "overlay"(a, b, c) as '{secret}';
create macro range(x) as table select '{secret}' as note;
create schema evil;
create macro evil.md5(x) as '{secret}';
create macro evil.range(x) as table select '{secret}' as note;
create schema note;
create macro note.upper() as '{secret}';
"""

_CONTENT = """
select list(line order by line) from (
    select concat(database_name, schema_name, table_name, estimated_size, sql) as line
    from duckdb_tables()
    union all select concat(schema_name, view_name, sql) from duckdb_views() where not internal
    union all select concat(schema_name, function_name, macro_definition) from duckdb_functions()
        where not internal
    union all select concat(schema_name, sequence_name, last_value) from duckdb_sequences()
    union all select concat(schema_name, index_name, sql) from duckdb_indexes()
    union all select schema_name from duckdb_schemas()
    union all select concat(schema_name, type_name) from duckdb_types() where not internal
    union all select concat(table_name, comment) from duckdb_tables() where comment is not null
)
"""

_SESSION = """
select list(line order by line) from (
    select concat(name, '=', value) as line from duckdb_settings()
    union all select concat(name, value) from duckdb_variables()
    union all select concat(database_name, path) from duckdb_databases()
    union all select concat(name, type) from duckdb_secrets()
    union all select concat(database_name, schema_name, table_name) from duckdb_tables()
        where temporary
    union all select concat(extension_name, loaded) from duckdb_extensions()
    union all select name from pg_catalog.pg_prepared_statements
)
"""


class Web:
    """A web server on a loopback port that answers 404, and counts its requests."""

    def __init__(self) -> None:
        self.asked = 0
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked += 1
                self.send_error(404)

            do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class DuckdbPlace:
    """One attempt's folder, as one kind of connection reads it."""

    connector: str
    root: Path
    secret: str
    words: dict[str, str]
    secrets: list[str]
    web: Web

    @property
    def config(self) -> dict[str, Any]:
        if self.connector == "files":
            return {"folder": self.words["folder"]}
        return {"path": self.words["database"]}

    def prepare(self, sql: str) -> None:
        with duckdb.connect(self.words["database"]) as connection:
            connection.execute(sql)

    def state(self) -> str:
        found = [f"{self.web.asked} requests"]
        for path in sorted(self.root.rglob("*")):
            if path.suffix == ".duckdb":
                found.append(f"{path}: {_content(path)}")
            elif path.suffix != ".wal":
                found.append(f"{path} {_digest(path)}")
        return "\n".join(found)

    def run_directly(self, sql: str) -> Seen:
        """Runs it with the plain module, as a program with these files would."""
        seen = Seen()
        stash = pa.table({"note": [self.secret]})
        file = self.words["database"] if self.connector == "duckdb" else ":memory:"
        with duckdb.connect(file) as connection:
            connection.execute(f"set custom_extension_repository = '{self.web.address}'")
            connection.execute(f"set variable stash = '{self.secret}'")
            connection.execute(f"create secret {self.secret} (type http, bearer_token 'x')")
            connection.execute(f"set extension_directory = '{self.root}/{self.secret}'")
            if self.connector == "files":
                connection.execute("create schema files; set schema = 'files'")
                for name, path in _TABLES.items():
                    path = f"{self.words['folder']}/{path}"
                    connection.execute(f"create view {name} as from read_csv('{path}')")
            before = connection.execute(_SESSION).fetchone()
            began = time.monotonic()
            try:
                result = connection.execute(sql)
                if result.description:
                    seen.output = "\n".join(map(str, result.to_arrow_table().to_pylist()))
            except duckdb.Error as error:
                seen.failed, seen.output = True, str(error)
            seen.seconds = time.monotonic() - began
            with contextlib.suppress(duckdb.Error):
                seen.session_changed = connection.execute(_SESSION).fetchone() != before
        del stash
        return seen


class DuckdbEngine:
    """Makes places in a folder.

    Args:
        folder: where file connections may lie.
    """

    dialect = "duckdb"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secret = f"kanari{secrets.token_hex(8)}"
        self._outside = folder / "outside"
        self._outside.mkdir(parents=True)
        (self._outside / "secret.txt").write_text(self._secret)
        (self._outside / f"{self._secret}.txt").write_text("")
        (self._outside / "secret.csv").write_text(f"note\n{self._secret}\n")
        (self._outside / "secret.json").write_text(f'{{"note": "{self._secret}"}}\n')
        with duckdb.connect(str(self._outside / "secret.duckdb")) as connection:
            connection.execute(f"create table hidden as select '{self._secret}' as note")
            connection.execute(
                f"copy (select '{self._secret}' as note) to '{self._outside}/secret.parquet'"
            )
        self._web = Web()
        self._template = folder / "template"
        self._fill(self._template)

    def _fill(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "canary.csv").write_text("id,note\n1,row 1\n2,row 2\n3,row 3\n")
        (folder / "orders.csv").write_text("id,note\n1,row 1\n")
        (folder / "notes.txt").write_text(self._secret)
        (folder / "_hidden.csv").write_text(f"note\n{self._secret}\n")
        # A name that DuckDB would take for a pattern, and a link that leads out of the folder.
        (folder / "[_]hidden.csv").write_text("note\nharmless\n")
        (folder / "link.csv").symlink_to(self._outside / "secret.csv")
        with duckdb.connect(str(folder / "shop.duckdb")) as connection:
            words = {"secret": self._secret, "secret_file": self._outside / "secret.txt"}
            connection.execute(_DATABASE.format(**words))

    @contextlib.contextmanager
    def place(self, connector: str) -> Iterator[DuckdbPlace]:
        """A copy of the files for one attempt."""
        root = self._folder / f"place_{next(_numbers)}"
        shutil.copytree(self._template, root, symlinks=True)
        words = {
            "folder": str(root),
            "outside": str(self._outside),
            "database": str(root / "shop.duckdb"),
            "web": self._web.address,
        }
        try:
            yield DuckdbPlace(connector, root, self._secret, words, [self._secret], self._web)
        finally:
            shutil.rmtree(root)

    def close(self) -> None:
        """Stops what it started."""
        self._web.close()


def _content(path: Path) -> str:
    """The content of a database file, cached by the hash of its bytes."""
    files = (path, path.with_name(f"{path.name}.wal"))
    return _content_of(path, *(_digest(each) for each in files))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


# Files with the same bytes have the same content.
_known: dict[tuple[str, ...], str] = {}


def _content_of(path: Path, *digests: str) -> str:
    if digests not in _known:
        _known[digests] = _read_all(path)
    return _known[digests]


def _read_all(path: Path) -> str:
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute(_CONTENT).fetchone()
        tables = connection.execute("select table_name from duckdb_tables() order by 1").fetchall()
        rows = [connection.table(name).fetchall() for (name,) in tables]
    return f"{row} {rows}"
