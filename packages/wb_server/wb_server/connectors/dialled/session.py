"""A session on a database over a socket: one statement, or looks into the catalog."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import pyarrow as pa

from ...gate.permits import Permit
from ...kit.errors import Forbidden
from ..base import Answer, Session
from . import errors
from .answers import KeptAnswer, rows_affected
from .use import C, DialledUse

BATCH_BYTES: Final = 1 << 20
BROWSE_SECONDS: Final = 30.0
LARGE_BYTES: Final = 4 << 20
"""What one batch may have before the session gives its memory back."""


class DialledSession(DialledUse[C], Session):
    """What a session of every such database does in the same way."""

    _permit: Permit
    _large = False
    """Whether a batch had more than ``LARGE_BYTES``."""

    # --- what is the protocol's -------------------------------------------------------------

    @abstractmethod
    def _begin(self, timeout: float, *, read_only: bool) -> None:
        """Begins the transaction."""

    @abstractmethod
    def _read(self, timeout: float) -> Answer:
        """Runs a read in a transaction that it begins."""

    @abstractmethod
    def _next(self) -> pa.RecordBatch | None:
        """The next batch as the driver has it, or ``None`` at the end."""

    @abstractmethod
    def _enter(self, key: str, timeout: float) -> int | None:
        """Writes the ledger's row; ``None``: go on. Else an earlier try changed so many rows."""

    @abstractmethod
    def _change(self, max_write_rows: int) -> tuple[KeptAnswer, int]:
        """Runs a write; its answer, and how many rows it changed."""

    @abstractmethod
    def _note(self, key: str, rows: int) -> None:
        """Writes into the ledger's row how many rows it were."""

    def _limited(self, timeout: float) -> AbstractContextManager[object]:
        """Ends a write whose time is up, where the database doesn't."""
        return nullcontext()

    # --- what is the same -------------------------------------------------------------------

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require("read", "write", "test")
        with self._io:
            if self._begun:
                raise errors.already_run()
            if self._permit.kind == "write":
                return self._write(timeout, max_write_rows)
            return self._read(timeout)

    def _write(self, timeout: float, max_write_rows: int) -> Answer:
        self._begin(timeout, read_only=False)
        with self._limited(timeout):
            if self._once is not None:
                before = self._enter(self._once, timeout)
                if before is not None:
                    return rows_affected(before, already=True)
            answer, changed = self._change(max_write_rows)
            if self._once is not None:
                self._note(self._once, changed)
        self._commit()
        return answer

    def _require(self, *kinds: str) -> None:
        if self._permit.kind not in kinds:
            raise Forbidden("The permit is for something else.", code="wrong_permit")

    def _begin_browsing(self) -> None:
        """A transaction of its own for one of the catalog's queries. Holds ``_io``."""
        self._require("browse", "test")
        if self._open:
            raise errors.already_run()
        if self._begun:
            with self._call():
                self._connection.command("ROLLBACK")
