"""The rows of an uploaded file, read when a load asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

import pyarrow as pa

from ...connectors.base import Answer, UploadSession
from ...kit.errors import Cancelled


class UploadRows:
    """The rows of a file; a ``gate.loads.Batches``. A context manager.

    Args:
        open_: opens a session; called when the load has its place and its permit.
        sheet: the sheet of a workbook.
        columns: each column's name in the file, and in the table.
        title: of the file, for the audit log.
    """

    def __init__(
        self,
        open_: Callable[[], UploadSession],
        sheet: str | None,
        columns: Sequence[tuple[str, str]],
        title: str,
    ) -> None:
        self.title = title
        self._open = open_
        self._sheet = sheet
        self._columns = columns
        self._lock = threading.Lock()
        self._session: UploadSession | None = None
        self._answer: Answer | None = None
        self._cancelled = False

    @property
    def schema(self) -> pa.Schema:
        return self._opened().schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self._opened()

    def cancel(self) -> None:
        """Stops reading."""
        with self._lock:
            self._cancelled = True
            session = self._session
        if session is not None:
            session.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.close()

    def _opened(self) -> Answer:
        if self._answer is None:
            session = self._open()
            with self._lock:
                self._session = session
                stopped = self._cancelled
            if stopped:
                raise Cancelled("The load was cancelled.")
            self._answer = session.read(self._sheet, self._columns)
        return self._answer
