"""One use of a database over a socket: a connection and its transaction."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar, Generic, Protocol, TypeVar

from ...kit.errors import WorkbenchError
from ..base import Use
from . import errors
from .calls import Ask, Calls
from .idle import IdlePool, Pooled


class Usable(Pooled, Protocol):
    """A connection that a use sends statements over."""

    def command(self, sql: str) -> object:
        """Runs one of the connector's own statements."""

    def reset(self) -> None:
        """Clears the session's state and ends its transaction."""


C = TypeVar("C", bound=Usable)


class DialledUse(Use, Generic[C]):
    """What all uses of a database over a socket have in common.

    The connection is used under the lock ``_io``. ``cancel`` doesn't take it, since it has to work
    while a call waits for the database.

    Args:
        pool: takes the connection back.
        connection: the connection to use.
        once: the key of a write that happens once.
    """

    failures: ClassVar[tuple[type[Exception], ...]]
    """The exceptions that the driver raises."""

    def __init__(self, pool: IdlePool[C], connection: C, once: str | None) -> None:
        self._pool = pool
        self._connection = connection
        self._once = once
        self._io = threading.RLock()
        self._calls = Calls(self._stopping)
        self._begun = False
        self._broken = False
        self._deadline = float("inf")

    # --- specific to each database ----------------------------------------------------------

    @abstractmethod
    def _stopping(self) -> AbstractContextManager[Ask]:
        """Yields a function that asks the database to stop the running call."""

    @abstractmethod
    def _is_broken(self, error: Exception) -> bool:
        """True if the connection, not the statement, failed."""

    @abstractmethod
    def _error_of(self, error: Exception) -> WorkbenchError:
        """A failure of the driver as an error of the Workbench."""

    @property
    @abstractmethod
    def _open(self) -> bool:
        """True if rows are still to come."""

    # --- common -----------------------------------------------------------------------------

    def cancel(self) -> None:
        self._calls.cancel()

    def close(self) -> None:
        self._calls.cancel_waiting()
        with self._io:
            if self._calls.close():
                with self._calls.asking:
                    self._end()

    def _end(self) -> None:
        """Gives the connection back if it can be reset, else drops it."""
        if self._broken or self._open or self._calls.cancelled or self._calls.late:
            self._connection.drop()
            return
        try:
            self._connection.reset()
        except Exception:
            self._connection.drop()
        else:
            self._pool.give(self._connection)

    @contextmanager
    def _call(self) -> Iterator[None]:
        """The context of a call that may wait for the database."""
        with self._calls.call():
            try:
                yield
            except self.failures as error:
                self._broken = self._broken or self._is_broken(error)
                raise self._error_of(error) from None

    @property
    def _is_late(self) -> bool:
        return self._calls.late or time.monotonic() >= self._deadline

    def _begin_by(self, start: Callable[[], None], dial: Callable[[], C], timeout: float) -> None:
        """Begins the transaction; a pooled connection that turns out to be dead is replaced, once."""
        # The database enforces the timeout; the deadline only tells it from a cancel from elsewhere.
        self._deadline = time.monotonic() + timeout * 0.9
        with self._call():
            try:
                start()
            except self.failures as error:
                dead = self._connection.reused and self._is_broken(error)
                if not dead or self._calls.cancelled:
                    raise
                self._replace(dial)
                start()
        self._begun = True

    def _replace(self, dial: Callable[[], C]) -> None:
        """Drops the connection and dials another one."""
        with self._calls.asking:
            self._connection.drop()
            try:
                self._connection = dial()
            except WorkbenchError:
                self._broken = True
                raise

    def _commit(self) -> None:
        self._calls.require()
        lost = False
        with self._call():
            try:
                self._connection.command("COMMIT")
            except self.failures as error:
                # If the server refused the commit, it has rolled back.
                lost = self._is_broken(error)
                self._broken = True
                if not lost:
                    raise
        if lost:
            raise errors.outcome_unknown(once=self._once is not None)
