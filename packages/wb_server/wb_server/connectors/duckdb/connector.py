"""DuckDB database files, read by DuckDB in a separate process.

A file is checked at every use: it must be in a folder that the administrator allows, and be a regular
file. It is attached ``READ_ONLY`` in a worker's process (``embedded/process.py``), which may open
nothing else: a view in the file that reads other files or URLs fails. DuckDB locks a file that is
open for writing, so it can't be read while another process writes it, and can't be opened for writing
while a query reads it.

A statement can't call macros of the file, since the gate only allows DuckDB's built-in functions, and
these come first even if the file has a macro with the same name. A view calls the macros that it was
written with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, Field

from ...gate.models import DialectName
from ...gate.permits import Permit
from ...kit.errors import Conflict, Forbidden, NotFound, SourceFailed, Unprocessable, WorkbenchError
from ..base import Answer, Connector, ConnectorConfig, Session, Target, require_fit
from ..embedded.errors import split_class
from ..embedded.roots import allowed
from ..embedded.session import WorkerSession
from ..embedded.workers import Workers
from ..models import CatalogMatch, ColumnInfo, SchemaInfo, TableDefinition, TableInfo, TableKey

ENDINGS: Final = (".duckdb", ".ddb", ".db")
# Suffixes of the files in which DuckDB keeps changes until they are in the database file. It
# reads them too.
LOGS: Final = (".wal", ".wal.checkpoint", ".wal.recovery")
DEFAULT_SCHEMA: Final = "main"

_OF_THE_FILE: Final = "database_name NOT IN ('system', 'temp', 'memory')"
_SCHEMAS: Final = f"""
    SELECT schema_name AS name, count(DISTINCT entry) AS entries FROM (
        SELECT schema_name, NULL AS entry FROM duckdb_schemas()
        WHERE {_OF_THE_FILE} AND schema_name NOT IN ('information_schema', 'pg_catalog')
        UNION ALL SELECT schema_name, table_name FROM duckdb_tables() WHERE {_OF_THE_FILE}
        UNION ALL SELECT schema_name, view_name FROM duckdb_views()
        WHERE {_OF_THE_FILE} AND NOT internal
    ) GROUP BY schema_name ORDER BY schema_name
"""  # noqa: S608  built from constants
_TABLES: Final = f"""
    SELECT schema_name, table_name AS name, 'table' AS kind, comment FROM duckdb_tables()
    WHERE {_OF_THE_FILE}
    UNION ALL SELECT schema_name, view_name, 'view', comment FROM duckdb_views()
    WHERE {_OF_THE_FILE} AND NOT internal
    ORDER BY 1, 2
"""  # noqa: S608
_COLUMNS: Final = f"""
    SELECT column_name AS name, data_type AS type, is_nullable AS nullable, comment
    FROM duckdb_columns() WHERE {_OF_THE_FILE}
"""  # noqa: S608
_DEFINITION: Final = f"SELECT sql FROM duckdb_tables() WHERE {_OF_THE_FILE}"  # noqa: S608
_CONSTRAINTS: Final = f"""
    SELECT constraint_text FROM duckdb_constraints()
    WHERE {_OF_THE_FILE} AND constraint_type <> 'NOT NULL'
"""  # noqa: S608
_SEARCH: Final = f"""
    SELECT * FROM (
        SELECT schema_name AS "schema", NULL AS "table", NULL AS kind, NULL AS "column",
               NULL AS "type"
        FROM duckdb_schemas()
        WHERE {_OF_THE_FILE} AND schema_name NOT IN ('information_schema', 'pg_catalog')
        AND contains(lower(schema_name), {{wanted}})
        UNION ALL SELECT schema_name, name, kind, NULL, NULL FROM ({_TABLES})
        WHERE contains(lower(name), {{wanted}})
        UNION ALL SELECT schema_name, table_name, 'table', column_name, data_type
        FROM duckdb_columns() WHERE {_OF_THE_FILE} AND NOT internal
        AND contains(lower(column_name), {{wanted}})
    ) ORDER BY "column" IS NOT NULL, "table" IS NOT NULL, 1, 2, 4 LIMIT {{limit}}
"""  # noqa: S608

_DAMAGED: Final = (
    "corrupt",
    "checksum",
    "not read enough bytes",
    "wal",
    "deserializ",
    "serialization",
)


class DuckdbFileConfig(ConnectorConfig):
    """A DuckDB database file that the service can read."""

    model_config = ConfigDict(extra="forbid", title="DuckDB file")

    path: str = Field(
        title="File",
        description="An absolute path that ends in .duckdb, .ddb or .db, in one of the folders "
        "that the administrator allows.",
        min_length=1,
        max_length=1000,
        json_schema_extra={"examples": ["/srv/data/shop.duckdb"]},
    )


class DuckdbFileConnector(Connector):
    """Reads DuckDB database files.

    Args:
        roots: a file must be in one of these folders or below one.
        workers: creates the processes.
    """

    kind: ClassVar[str] = "duckdb"
    title: ClassVar[str] = "DuckDB file"
    description: ClassVar[str] = "A DuckDB database file of the server, to read."
    dialect: ClassVar[DialectName] = "duckdb"
    supports_writes: ClassVar[bool] = False
    local_path: ClassVar[str | None] = "path"
    Config: ClassVar[type[ConnectorConfig]] = DuckdbFileConfig

    def __init__(self, roots: Sequence[str | Path], workers: Workers) -> None:
        self._roots = [Path(root).resolve() for root in roots]
        self._workers = workers

    def check(self, config: ConnectorConfig) -> None:
        self._file(config)

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        path = self._file(target.config)
        return DuckdbFileSession(self._workers, permit, target.temp_bytes, path)

    def close(self) -> None:
        self._workers.close()

    def _file(self, config: ConnectorConfig) -> Path:
        """The real file, checked at every use: a link may have changed."""
        assert isinstance(config, DuckdbFileConfig)
        given = Path(config.path)
        if "\0" not in config.path and given.is_absolute():
            real = given.resolve()
            if (
                real.name.lower().endswith(ENDINGS)
                and real.is_file()
                and any(real.is_relative_to(root) for root in self._roots)
                and not any(Path(f"{real}{end}").is_symlink() for end in LOGS)
            ):
                return real
        raise Unprocessable(
            f"The file “{config.path}” may not be read here: it must exist, end in "
            f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, and be {allowed(self._roots)}.",
            code="file_not_allowed",
            field="path",
        )


class DuckdbFileSession(WorkerSession):
    """One use of a database file."""

    def __init__(self, workers: Workers, permit: Permit, temp_bytes: int, path: Path) -> None:
        super().__init__(workers, permit, temp_bytes)
        self._path = path

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require_read()
        return self._ask(self._permit.sql, self._source(), timeout)

    def schemas(self) -> list[SchemaInfo]:
        self._require_browse()
        return [
            SchemaInfo(name=row["name"], tables=row["entries"])
            for row in self._rows(_SCHEMAS, self._source())
        ]

    def tables(self, schema: str | None) -> list[TableInfo]:
        self._require_browse()
        return [
            TableInfo(
                schema=row["schema_name"],
                name=row["name"],
                kind=row["kind"],
                comment=row["comment"],
            )
            for row in self._rows(_TABLES, self._source())
            if schema in (None, row["schema_name"])
        ]

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        self._require_browse()
        names = (schema if schema is not None else DEFAULT_SCHEMA, table)
        place = " AND ".join(
            f"{column} = {_literal(name)}"
            for column, name in zip(("schema_name", "table_name"), names, strict=True)
        )
        rows = self._rows(f"{_COLUMNS} AND {place} ORDER BY column_index", self._source())
        if not rows:
            raise NotFound(f"There is no table “{table}” here.", code="unknown_table", name=table)
        return [ColumnInfo(**row) for row in rows]

    def search(self, text: str, limit: int) -> list[CatalogMatch]:
        self._require_browse()
        sql = _SEARCH.format(wanted=_literal(text.lower()), limit=limit)
        return [CatalogMatch.model_validate(row) for row in self._rows(sql, self._source())]

    def definition(self, schema: str | None, table: str) -> TableDefinition:
        self._require_browse()
        place = (
            f"AND schema_name = {_literal(schema or DEFAULT_SCHEMA)} "
            f"AND table_name = {_literal(table)}"
        )
        found = self._rows(f"{_DEFINITION} {place}", self._source())
        if not found:
            self.columns(schema, table)  # raises if there is no such view
            return TableDefinition()
        keys = self._rows(f"{_CONSTRAINTS} {place}", self._source())
        texts = [str(row["constraint_text"]) for row in keys]
        return TableDefinition(
            keys=[TableKey(name=text.partition("(")[0].strip(), definition=text) for text in texts],
            ddl=f"{found[0]['sql']}\n",
        )

    def _source(self) -> dict[str, Any]:
        tables = self._permit.tables
        return {
            "reads": [str(self._path), *(f"{self._path}{end}" for end in LOGS)],
            "database": str(self._path),
            "schemas": sorted({table.schema for table in tables if table.schema}),
            "unqualified": sorted({table.name for table in tables if table.schema is None}),
        }

    def _explain(self, kind: str, message: str) -> WorkbenchError:
        kind_, text = split_class(kind, message)
        text = text.lower()
        if "could not set lock" in text:
            return Conflict(
                "Another process has the file open for writing, and DuckDB can't read it until that "
                "process closes it. Try again then.",
                code="source_locked",
            )
        if "encrypted database" in text:
            return _unreadable("The file is encrypted, and encrypted files can't be read here.")
        if "not a valid duckdb database file" in text:
            return _unreadable("The file is not a DuckDB database.")
        if "version number" in text:
            newer = "newer version of duckdb" in message.lower()
            return _unreadable(
                f"The file was written by {'a newer' if newer else 'another'} version of DuckDB, "
                f"which {self.server_version()} can't read. Write it with a STORAGE_VERSION that "
                "this one reads."
            )
        if kind_ in ("io", "serialization", "fatal") and any(word in text for word in _DAMAGED):
            return _unreadable("The file is damaged: DuckDB can't read its contents.")
        if kind_ == "permission" and "disabled" in text:
            return Forbidden(
                "Only the contents of the file can be read: a view that reads other files or URLs "
                "doesn't work here.",
                code="source_refused",
            )
        return super()._explain(kind, message.replace(f"{self._path}", self._path.name))


def _unreadable(message: str) -> WorkbenchError:
    return SourceFailed(message, code="file_unreadable")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
