"""A session on a database over a socket: one statement, or browsing the catalog."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import pyarrow as pa

from ...gate.permits import Permit
from ...gate.scripts import at_step
from ...kit.errors import Forbidden, WorkbenchError
from ..base import Answer, Session
from . import errors
from .answers import KeptAnswer, rows_affected
from .use import C, DialledUse

BATCH_BYTES: Final = 1 << 20
BROWSE_SECONDS: Final = 30.0
LARGE_BYTES: Final = 4 << 20
"""The size of a batch beyond which the session returns memory to the system at its end."""


class DialledSession(DialledUse[C], Session):
    """What the sessions of all such databases have in common."""

    _permit: Permit
    _large = False
    """True if a batch was larger than ``LARGE_BYTES``."""

    # --- specific to each database ----------------------------------------------------------

    @abstractmethod
    def _begin(self, timeout: float, *, read_only: bool) -> None:
        """Begins the transaction."""

    @abstractmethod
    def _read(self, timeout: float) -> Answer:
        """Begins a transaction and runs a read in it."""

    @abstractmethod
    def _next(self) -> pa.RecordBatch | None:
        """The driver's next batch, or ``None`` at the end."""

    @abstractmethod
    def _enter(self, key: str, timeout: float) -> int | None:
        """Writes the ledger's row. Not ``None`` if an earlier attempt changed this many rows."""

    @abstractmethod
    def _change(self, max_write_rows: int) -> tuple[KeptAnswer, int]:
        """Runs a write; returns its answer and the number of changed rows."""

    @abstractmethod
    def _before_step(self) -> None:
        """Makes sure, before one of several statements, that it means what the gate has checked."""

    def _after_step(self) -> None:
        """Releases what one of several statements has used."""

    @abstractmethod
    def _record(self, key: str, rows: int) -> None:
        """Records the number of rows in the ledger's row."""

    def _limited(self, timeout: float) -> AbstractContextManager[object]:
        """Stops a write when its time is up, if the database doesn't."""
        return nullcontext()

    # --- common -----------------------------------------------------------------------------

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
            if self._permit.steps:
                changed = self._change_all(max_write_rows)
                answer = rows_affected(changed)
            else:
                answer, changed = self._change(max_write_rows)
            if self._once is not None:
                self._record(self._once, changed)
        self._commit()
        return answer

    def _change_all(self, max_write_rows: int) -> int:
        """Runs the steps of the permit; returns the number of changed rows."""
        whole, total = self._permit, 0
        for number, step in enumerate(whole.steps, 1):
            self._permit = step
            try:
                self._calls.require()
                self._before_step()
                _, changed = self._change(max_write_rows)
                self._after_step()
            except WorkbenchError as error:
                raise at_step(error, number, step.line) from None
            total += changed if step.kind == "write" else 0
        self._permit = whole
        return total

    def _require(self, *kinds: str) -> None:
        if self._permit.kind not in kinds:
            raise Forbidden("The permit is for something else.", code="wrong_permit")

    def _begin_browsing(self) -> None:
        """Makes way for a new transaction for a catalog query. The caller holds ``_io``."""
        self._require("browse", "test")
        if self._open:
            raise errors.already_run()
        if self._begun:
            with self._call():
                self._connection.command("ROLLBACK")
