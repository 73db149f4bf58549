"""One use of MySQL or MariaDB: what queries and loads have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ...gate.permits import LoadPermit, Permit
from ...kit.errors import WorkbenchError
from ..dialled.calls import Ask
from ..dialled.use import DialledUse
from . import errors
from .connection import MySQLConnection, MySQLPool, NotAQuery
from .result import ResultRows

# Seconds after its own time limit that a silent server counts as gone.
_GRACE: Final = 10.0


class MySQLUse(DialledUse[MySQLConnection]):
    """Begins transactions, stops statements and translates errors.

    Args:
        dial: opens another connection like this one.
        database: the default schema of unqualified names.
    """

    failures = errors.FAILURES

    def __init__(
        self,
        permit: Permit | LoadPermit,
        pool: MySQLPool,
        connection: MySQLConnection,
        dial: Callable[[], MySQLConnection],
        database: str,
    ) -> None:
        super().__init__(pool, connection, permit.once)
        self._sql = permit.sql if isinstance(permit, Permit) else ""
        self._dial = dial
        self._database = database
        self._result: ResultRows | None = None

    @property
    def _open(self) -> bool:
        return self._result is not None

    @contextmanager
    def _stopping(self) -> Iterator[Ask]:
        """Stops the statement over a second connection.

        If that fails, or leads to another server, this connection is cut: the server notices when it
        next sends a row.
        """
        second: MySQLConnection | None = None

        def ask() -> None:
            nonlocal second
            try:
                second = second or self._dial()
                if second.is_same_server(self._connection):
                    second.command(f"KILL QUERY {self._connection.number}")
                    return
            except (*errors.FAILURES, WorkbenchError) as error:
                if errors.number_of(error) == 1094:  # the statement has already ended
                    return
            self._broken = True
            self._connection.cut()

        try:
            yield ask
        finally:
            if second is not None:
                second.drop()

    @contextmanager
    def _limited(self, timeout: float) -> Iterator[None]:
        """Stops a write when its time is up: MySQL's own limit applies to SELECT only."""
        watch = threading.Timer(timeout, self._calls.expire)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    @contextmanager
    def _call(self) -> Iterator[None]:
        with super()._call():
            try:
                yield
            except NotAQuery:
                raise errors.not_a_read() from None
            except WorkbenchError:
                self._broken = True  # in the middle of an answer
                raise

    def _is_broken(self, error: Exception) -> bool:
        return errors.is_broken(error)

    def _error_of(self, error: Exception) -> WorkbenchError:
        return errors.statement_error(
            error,
            self._sql,
            self._database,
            cancelled=self._calls.cancelled,
            late=self._is_late,
        )

    def _begin(self, timeout: float, *, read_only: bool) -> None:
        """Begins the transaction."""

        def start() -> None:
            self._connection.wait_at_most(timeout + _GRACE)
            self._connection.set_up(timeout, read_only=read_only)
            self._connection.command(f"START TRANSACTION{' READ ONLY' if read_only else ''}")

        self._begin_by(start, self._dial, timeout)
