"""A session whose statements each run in their own worker process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from ...gate.permits import Permit
from ...kit.errors import Forbidden, SourceFailed, SourceTimeout, WorkbenchError
from ...kit.forking import Forked
from ..base import Answer, Session
from .errors import was_cancelled, worker_bad_value, worker_error
from .workers import Workers

BROWSE_SECONDS: Final = 30.0


class WorkerSession(Session):
    """One use of a source that DuckDB reads: each statement runs in a new process.

    Args:
        workers: creates the processes.
        permit: what may be done.
        temp_bytes: the size of temporary files that a statement may write.
    """

    def __init__(self, workers: Workers, permit: Permit, temp_bytes: int = 0) -> None:
        self._workers = workers
        self._permit = permit
        self._temp_bytes = temp_bytes
        self._lock = threading.Lock()
        self._worker: Forked | None = None
        self._timer: threading.Timer | None = None
        self._cancelled = False
        self._timed_out = False
        self._closed = False

    def server_version(self) -> str | None:
        import duckdb

        return f"DuckDB {duckdb.__version__}"

    def cancel(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._cancelled = True
            if self._worker is not None:
                self._worker.kill()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
        if self._timer is not None:
            self._timer.cancel()
        if worker is not None:
            worker.discard()

    def _require_read(self) -> None:
        if self._permit.kind not in ("read", "test"):
            raise Forbidden("This connection is read-only.", code="read_only_connection")

    def _require_browse(self) -> None:
        if self._permit.kind not in ("browse", "test"):
            raise Forbidden("The permit is for something else.", code="wrong_permit")

    def _explain(self, kind: str, message: str) -> WorkbenchError:
        """An error of DuckDB as one of the Workbench; connectors override it to say more.

        Args:
            kind: the name of its class, if known.
            message: its text.
        """
        return worker_error(kind, message, self._permit.sql)

    def _learn(self, path: str, profile: dict[str, Any]) -> None:
        """Stores the profile of a file that a process reported; for connectors with files."""

    def _keep(self, worker: Forked, word: dict[str, Any]) -> None:
        """Keeps what a process has reported and written; for connectors with workbooks."""

    def _check_unchanged(self) -> None:
        """Raises ``Conflict`` if a file has changed since its types were inferred."""

    def _ask(self, sql: str, source: dict[str, Any], timeout: float) -> Answer:
        """Runs a statement on a source (defined in ``process.py``) in a new process."""
        try:
            worker = self._workers.take()
        except OSError:
            raise SourceFailed(
                "No process could be started to read the data.", code="source_failed"
            ) from None
        with self._lock:
            previous, self._worker = self._worker, worker
            stopped = self._cancelled or self._closed
        if previous is not None:
            previous.discard()
        if stopped:
            raise was_cancelled()
        self._timed_out = False
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(timeout, self._time_up, [worker])
        self._timer.daemon = True
        self._timer.start()
        try:
            self._workers.send(worker, sql, source, self._temp_bytes)
            for _ in range(_unknown_files(source)):
                word = worker.said()
                if word is None or "profile" not in word:
                    raise self._failure(worker, word)
                self._learn(word["path"], word["profile"])
                self._keep(worker, word)
            reader = pa.ipc.open_stream(worker.output)
        except (OSError, ValueError, pa.ArrowException):
            raise self._failure(worker) from None
        return _Stream(self, worker, reader)

    def _rows(self, sql: str, source: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows of one of the connector's own statements."""
        return [
            row for batch in self._ask(sql, source, BROWSE_SECONDS) for row in batch.to_pylist()
        ]

    def _time_up(self, worker: Forked) -> None:
        self._timed_out = True
        worker.kill()

    def _failure(self, worker: Forked, ending: dict[str, Any] | None = None) -> WorkbenchError:
        """The error for a stream that ended early.

        Args:
            worker: the process.
            ending: its last line, if it was already read.
        """
        ending = ending or worker.ending()
        if self._cancelled:
            return was_cancelled()
        if self._timed_out:
            return SourceTimeout("Reading exceeded the statement's time limit.", code="timeout")
        if ending is None or "error" not in ending:
            return SourceFailed("The process that reads the data ended.", code="source_failed")
        error = ending["error"]
        if "code" in error:
            return worker_bad_value(error)
        return self._explain(error["class"], error["message"])


def _unknown_files(source: dict[str, Any]) -> int:
    """How many files a process has to profile first."""
    tables = filter(None, source.get("tables", {}).values())
    return (
        len(source.get("workbooks", ()))
        + len(source.get("sheets", ()))
        + sum(it is None for table in tables for it in table.get("profiles", {}).values())
    )


class _Stream(Answer):
    """The worker's rows, as it produces them."""

    def __init__(
        self, session: WorkerSession, worker: Forked, reader: pa.RecordBatchStreamReader
    ) -> None:
        self.schema = reader.schema
        self._session = session
        self._worker = worker
        self._reader = reader

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows = 0
        while True:
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                break
            except (OSError, ValueError, pa.ArrowException):
                raise self._session._failure(self._worker) from None
            rows += batch.num_rows
            yield batch
        # A complete stream and one that was cut off look the same: the last line tells them apart.
        ending = self._worker.ending()
        if ending != {"rows": rows}:
            raise self._session._failure(self._worker, ending)
        self._session._check_unchanged()
