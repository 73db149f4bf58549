"""One use of a bucket: its objects as tables, read by a DuckDB process through a gateway."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Hashable, Sequence
from typing import Any

from ...gate.permits import Permit
from ...kit.errors import WorkbenchError
from ..base import Answer, Target
from ..embedded.errors import split_class, was_cancelled
from ..embedded.file_session import FileSession
from ..embedded.file_tables import FileTable, FileTables, is_hidden, name_tables
from ..embedded.options import Reading
from ..embedded.profiles import Profiles
from ..embedded.workers import Workers
from .client import Store, StoredObject
from .gateway import Gateway


class S3Session(FileSession):
    """One use of a bucket.

    Args:
        store: the bucket.
        prefix: of the keys to read; empty, or ends with ``/``.
        httpfs: the file of DuckDB's extension.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        target: Target,
        store: Store,
        prefix: str,
        httpfs: str,
        reading: Reading,
        profiles: Profiles,
    ) -> None:
        super().__init__(workers, permit, target, reading, profiles)
        self._store = store
        self._prefix = prefix
        self._httpfs = httpfs
        self._objects: dict[str, StoredObject] = {}
        self._gateway: Gateway | None = None
        self._guard = threading.Lock()

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require_read()
        end = time.monotonic() + timeout
        if self._permit.kind == "test":
            self._list(timeout, limit=1)
        left = max(end - time.monotonic(), 0.1)
        return super().run(timeout=left, max_write_rows=max_write_rows)

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
            if self._reading.concerns(path) and not any(map(is_hidden, (*folders, name))):
                objects[path] = it
        return objects

    def _find(self, seconds: float) -> FileTables:
        self._objects = self._list(seconds)
        return name_tables(((path, path) for path in self._objects), self._reading.kind_of)

    def _place(self, tables: Sequence[FileTable]) -> tuple[dict[str, Any], dict[str, str]]:
        """The addresses of a new gateway."""
        paths = [path for table in tables for path in table.paths]
        if not paths:
            return {"reads": []}, {}
        gateway = Gateway(self._store, [self._objects[path] for path in paths], paths)
        with self._guard:
            previous, self._gateway = self._gateway, gateway
        if previous is not None:
            previous.close()
        source = {"reads": [self._httpfs], "port": gateway.port, "extension": self._httpfs}
        return source, {path: gateway.address(number) for number, path in enumerate(paths)}

    def _state(self, path: str) -> Hashable:
        place, it = self._store.place, self._objects[path]
        return place.authority, place.bucket, it.key, it.etag, it.size

    def _is_settled(self, state: tuple[str, ...]) -> bool:
        # Without a version (ETag), an object may have changed unnoticed.
        return bool(state[-2])

    def _explain(self, kind: str, message: str) -> WorkbenchError:
        gateway = self._gateway
        said, _ = split_class(kind, message)
        if gateway is not None and said in ("io", "http", "error") and gateway.failure is not None:
            return gateway.failure
        shown = re.sub(r"http://127\.0\.0\.1:\d+/[\w-]+/\d+/", "", message)
        return super()._explain(kind, shown)
