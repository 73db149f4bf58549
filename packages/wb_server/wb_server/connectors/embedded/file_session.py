"""One use of a source of files, wherever they are: its tables, their options and profiles."""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from ...gate.permits import Permit
from ...kit.errors import NotFound
from ...kit.forking import Forked
from ..base import Answer, Target
from ..models import ColumnInfo, Preview, SchemaInfo, TableInfo
from .browsing import as_source, asked_names, chosen, described, list_tables, quoted
from .file_tables import SCHEMA, FileTable, FileTables
from .options import Reading
from .profiles import Profiles
from .session import BROWSE_SECONDS, WorkerSession
from .workers import Workers

_TEXTS: Final = ("csv", "tsv", "json")
_PREVIEW_LETTERS: Final = 300


class FileSession(WorkerSession):
    """One use of files.

    Args:
        target: what the session is opened on.
        reading: how they are read.
        profiles: what earlier sessions learned about files.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        target: Target,
        reading: Reading,
        profiles: Profiles,
    ) -> None:
        super().__init__(workers, permit, target.temp_bytes)
        self._sheets = workers.sheets
        # What is kept belongs to one state of a connection; a draft keeps nothing.
        self._owner = (target.connection_id, target.version, target.user)
        self._to_keep: list[Hashable] = []
        self._kept = 0
        self._reading = reading
        self._profiles = profiles
        # The key of each file's profile, by where the process reads it; and what it has reported.
        self._keys: dict[str, tuple[str, str, Hashable]] = {}
        self._reported: dict[str, dict[str, Any]] = {}

    @abstractmethod
    def _find(self, seconds: float) -> FileTables:
        """The tables, without the sheets of workbooks."""

    @abstractmethod
    def _place(self, tables: Sequence[FileTable]) -> tuple[dict[str, Any], dict[str, str]]:
        """What a process needs to read tables, and where it reads each of their files."""

    @abstractmethod
    def _state(self, path: str) -> Hashable:
        """The state of a file, which changes with it."""

    @abstractmethod
    def _is_settled(self, state: Any) -> bool:
        """Whether any change of a file will change its state."""

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require_read()
        end = time.monotonic() + timeout
        found = FileTables()
        if self._permit.tables:
            found = self._tables(asked_names(self._permit), timeout)
        tables = chosen(found, self._permit)
        self._keep_sheets(tables, max(end - time.monotonic(), 0.1))
        source = self._source(tables)
        return self._ask(self._permit.sql, source, max(end - time.monotonic(), 0.1))

    def schemas(self) -> list[SchemaInfo]:
        self._require_browse()
        return [SchemaInfo(name=SCHEMA, tables=len(self._tables()))]

    def tables(self, schema: str | None) -> list[TableInfo]:
        self._require_browse()
        return list_tables(self._tables()) if schema in (None, SCHEMA) else []

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        return described(self._rows(f"DESCRIBE {quoted(table)}", self._one(schema, table)))

    def preview(self, table: str, rows: int) -> Preview:
        source = self._one(None, table)
        columns = described(self._rows(f"DESCRIBE {quoted(table)}", source))
        # What was learned about a file that has just been written isn't kept.
        source["tables"][table]["profiles"].update(self._reported)
        texts = ", ".join(
            f"left(CAST({quoted(it.name)} AS VARCHAR), {_PREVIEW_LETTERS})" for it in columns
        )
        sql = f"SELECT [{texts}] AS texts FROM {quoted(table)} LIMIT {rows}"  # noqa: S608
        return Preview(
            table=table, columns=columns, rows=[row["texts"] for row in self._rows(sql, source)]
        )

    def _one(self, schema: str | None, table: str) -> dict[str, Any]:
        self._require_browse()
        tables = self._tables([table]) if schema in (None, SCHEMA) else FileTables()
        if (found := tables.find(table)) is None:
            raise NotFound(f"There is no table “{table}” here.", code="unknown_table", name=table)
        self._keep_sheets({table: found}, BROWSE_SECONDS)
        return self._source({table: found})

    def _tables(
        self, names: Sequence[str] | None = None, seconds: float = BROWSE_SECONDS
    ) -> FileTables:
        """The tables, with the sheets of the workbooks that may have such names.

        Args:
            names: the names that matter; ``None`` for all.
            seconds: how long it may take.
        """
        found = self._find(seconds)
        workbooks = found.workbooks(names)
        if not workbooks:
            return found
        sheets = self._sheet_names(workbooks, seconds)
        for name, table in workbooks.items():
            found.add_sheets(name, table, sheets[name])
        return found

    def _sheet_names(
        self, workbooks: Mapping[str, FileTable], seconds: float
    ) -> dict[str, Sequence[str]]:
        """The sheets of each workbook; none of one that can't be read."""
        keys = {name: self._key("xlsx", it.paths[0], {}) for name, it in workbooks.items()}
        unknown = [name for name in workbooks if self._profiles.get(keys[name]) is None]
        learned: dict[Hashable, dict[str, Any]] = {}
        if unknown:
            tables = [workbooks[name] for name in unknown]
            source, places = self._place(tables)
            source["tables"] = {}
            source["workbooks"] = [places[it.paths[0]] for it in tables]
            self._keys = {places[workbooks[it].paths[0]]: keys[it] for it in unknown}
            self._reported = {}
            for _ in self._ask("SELECT 0 AS n", source, seconds):
                pass
            learned = {self._keys[path]: it for path, it in self._reported.items()}
        profiles = {
            name: learned.get(key) or self._profiles.get(key) or {} for name, key in keys.items()
        }
        return {name: profile.get("sheets", ()) for name, profile in profiles.items()}

    def _source(self, tables: Mapping[str, FileTable | None]) -> dict[str, Any]:
        """What the process may read."""
        used = [table for table in tables.values() if table]
        source, places = self._place(used)
        self._keys, self._reported = {}, {}
        source["tables"] = {
            name: table and self._table(table, places) for name, table in tables.items()
        }
        for it in source["tables"].values():
            source["reads"] += (it or {}).get("kept", {}).values()
        return source

    def _table(self, table: FileTable, places: Mapping[str, str]) -> dict[str, Any]:
        options = [self._reading.of(name) for name in table.names]
        paths = [places[path] for path in table.paths]
        keys: list[tuple[str, str, Hashable]] = []
        if table.kind != "parquet" or len(paths) > 1:
            keys = [
                self._key(table.kind, path, said)
                for path, said in zip(table.paths, options, strict=True)
            ]
            self._keys.update(zip(paths, keys, strict=True))
        made = as_source(table, paths, self._profiles.wanted(table.kind, paths, keys), options)
        if table.kind == "xlsx":
            kept = {
                path: str(found)
                for number, path in enumerate(paths)
                if (found := self._sheets.find(self._sheet_key(table, number))) is not None
            }
            made["kept"] = kept
        return made

    def _sheet_key(self, table: FileTable, number: int) -> Hashable:
        said = json.dumps(self._reading.of(table.names[number]), sort_keys=True)
        return self._owner, said, table.sheet, self._state(table.paths[number])

    def _keep_sheets(self, tables: Mapping[str, FileTable | None], seconds: float) -> None:
        """Has the sheets that aren't kept yet written by a process that runs no user's statement."""
        wanted = []
        for table in tables.values():
            if table is None or table.kind != "xlsx" or not (self._owner[0] and self._temp_bytes):
                continue
            for number in range(len(table.paths)):
                key = self._sheet_key(table, number)
                settled = self._is_settled(self._state(table.paths[number]))
                if settled and self._sheets.find(key) is None:
                    wanted.append((key, table, number))
        if not wanted:
            return
        source, places = self._place([table for _, table, _ in wanted])
        source["tables"] = {}
        source["sheets"] = [
            {
                "path": places[table.paths[number]],
                "sheet": table.sheet,
                "options": self._reading.of(table.names[number]),
            }
            for _, table, number in wanted
        ]
        self._to_keep, self._kept = [key for key, _, _ in wanted], 0
        self._keys, self._reported = {}, {}
        for _ in self._ask("SELECT 0 AS n", source, seconds):
            pass

    def _keep(self, worker: Forked, word: dict[str, Any]) -> None:
        if word["profile"].get("kind") != "sheet":
            return
        number, key = self._kept, self._to_keep[self._kept]
        self._kept += 1
        if word["profile"].get("kept") and worker.temporary is not None:
            self._sheets.put(key, worker.temporary / f"{number}.arrow")

    def _key(self, kind: str, path: str, options: Mapping[str, Any]) -> tuple[str, str, Hashable]:
        said = json.dumps(options, sort_keys=True) if kind in _TEXTS else ""
        return kind, said, self._state(path)

    def _learn(self, path: str, profile: dict[str, Any]) -> None:
        if profile.get("kind") == "sheet":
            return
        self._reported[path] = profile
        key = self._keys[path]
        if self._is_settled(key[-1]):
            self._profiles.put(key, profile)
