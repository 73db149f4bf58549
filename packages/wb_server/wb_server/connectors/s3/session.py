"""One use of a bucket: its objects as tables, read by a DuckDB process through a gateway."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Hashable, Mapping
from typing import Any

from ...gate.permits import Permit
from ...kit.errors import NotFound, WorkbenchError
from ..base import Answer
from ..embedded.browsing import as_source, chosen, described, list_tables, quoted
from ..embedded.errors import split_class, was_cancelled
from ..embedded.file_tables import SCHEMA, FileTable, FileTables, is_hidden, kind_of, name_tables
from ..embedded.profiles import Profiles
from ..embedded.session import BROWSE_SECONDS, WorkerSession
from ..embedded.workers import Workers
from ..models import ColumnInfo, SchemaInfo, TableInfo
from .client import Store, StoredObject
from .gateway import Gateway


class S3Session(WorkerSession):
    """One use of a bucket.

    Args:
        store: the bucket.
        prefix: of the keys to read; empty, or ends with ``/``.
        httpfs: the file of DuckDB's extension.
        profiles: what earlier sessions learned about objects.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        temp_bytes: int,
        store: Store,
        prefix: str,
        httpfs: str,
        profiles: Profiles,
    ) -> None:
        super().__init__(workers, permit, temp_bytes)
        self._store = store
        self._prefix = prefix
        self._httpfs = httpfs
        self._profiles = profiles
        self._states: dict[str, Hashable] = {}
        self._gateway: Gateway | None = None
        self._guard = threading.Lock()

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require_read()
        end = time.monotonic() + timeout
        if self._permit.kind == "test":
            self._list(timeout, limit=1)
        objects = self._list(timeout) if self._permit.tables else {}
        source = self._source(chosen(self._named(objects), self._permit), objects)
        return self._ask(self._permit.sql, source, max(end - time.monotonic(), 0.1))

    def schemas(self) -> list[SchemaInfo]:
        self._require_browse()
        return [SchemaInfo(name=SCHEMA, tables=len(self._named(self._list(BROWSE_SECONDS))))]

    def tables(self, schema: str | None) -> list[TableInfo]:
        self._require_browse()
        if schema not in (None, SCHEMA):
            return []
        return list_tables(self._named(self._list(BROWSE_SECONDS)))

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        self._require_browse()
        objects = self._list(BROWSE_SECONDS) if schema in (None, SCHEMA) else {}
        found = self._named(objects).find(table)
        if found is None:
            raise NotFound(f"There is no table “{table}” here.", code="unknown_table", name=table)
        source = self._source({table: found}, objects)
        return described(self._rows(f"DESCRIBE {quoted(table)}", source))

    def server_version(self) -> str | None:
        shown = re.sub(r"[^\w ./()-]", "", self._store.server or "")[:80].strip()
        return shown or "S3"

    def cancel(self) -> None:
        super().cancel()
        if self._cancelled:
            self._store.close()

    def close(self) -> None:
        self._store.close()
        with self._guard:
            gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()
        super().close()

    def _list(self, seconds: float, **limit: int) -> dict[str, StoredObject]:
        """The objects that contain data, by their paths below the prefix."""
        if self._cancelled or self._closed:
            raise was_cancelled()
        try:
            found = self._store.objects(self._prefix, seconds=seconds, **limit)
        except WorkbenchError:
            if self._cancelled:
                raise was_cancelled() from None
            raise
        objects = {}
        for it in found:
            path = it.key.removeprefix(self._prefix)
            *folders, name = path.split("/")
            if kind_of(name) and not any(map(is_hidden, (*folders, name))):
                objects[path] = it
        return objects

    @staticmethod
    def _named(objects: Mapping[str, StoredObject]) -> FileTables:
        return name_tables((path, path) for path in objects)

    def _source(
        self, tables: Mapping[str, FileTable | None], objects: Mapping[str, StoredObject]
    ) -> dict[str, Any]:
        """What the process may read: addresses of a new gateway."""
        paths = [path for table in tables.values() if table for path in table.paths]
        if not paths:
            return {"reads": [], "tables": dict.fromkeys(tables)}
        gateway = Gateway(self._store, [objects[path] for path in paths], paths)
        with self._guard:
            previous, self._gateway = self._gateway, gateway
        if previous is not None:
            previous.close()
        numbers = iter(range(len(paths)))
        place = self._store.place
        tables_by_name: dict[str, Any] = {}
        for name, table in tables.items():
            if table is None:
                tables_by_name[name] = None
                continue
            addresses = [gateway.address(next(numbers)) for _ in table.paths]
            states = [
                (place.authority, place.bucket, it.key, it.etag, it.size)
                for it in map(objects.__getitem__, table.paths)
            ]
            self._states.update(zip(addresses, states, strict=True))
            profiles = self._profiles.wanted(table.kind, addresses, states)
            tables_by_name[name] = as_source(table, addresses, profiles)
        return {
            "reads": [self._httpfs],
            "port": gateway.port,
            "extension": self._httpfs,
            "tables": tables_by_name,
        }

    def _learn(self, path: str, profile: dict[str, Any]) -> None:
        state = self._states[path]
        assert isinstance(state, tuple)
        # Without a version (ETag), an object may have changed unnoticed.
        if state[-2]:
            self._profiles.put((profile["kind"], state), profile)

    def _explain(self, kind: str, message: str) -> WorkbenchError:
        gateway = self._gateway
        said, _ = split_class(kind, message)
        if gateway is not None and said in ("io", "http", "error") and gateway.failure is not None:
            return gateway.failure
        shown = re.sub(r"http://127\.0\.0\.1:\d+/[\w-]+/\d+/", "", message)
        return super()._explain(kind, shown)
