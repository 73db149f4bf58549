"""One use of a database over a socket: a connection, its transaction, and how both end."""

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
        """Runs a statement of our own."""

    def reset(self) -> None:
        """Leaves nothing of this use behind; ends the transaction too."""


C = TypeVar("C", bound=Usable)


class DialledUse(Use, Generic[C]):
    """What every use of a database over a socket does in the same way.

    The connection is used under ``_io``, by one at a time. ``cancel`` doesn't take it: it comes while
    such a call waits for the database.

    Args:
        pool: where the connection goes back to.
        once: the key of a write that is made once.
    """

    failures: ClassVar[tuple[type[Exception], ...]]
    """What the driver raises."""

    def __init__(self, pool: IdlePool[C], connection: C, once: str | None) -> None:
        self._pool = pool
        self._connection = connection
        self._once = once
        self._io = threading.RLock()
        self._calls = Calls(self._stopping)
        self._begun = False
        self._broken = False
        self._deadline = float("inf")

    # --- what is the protocol's -------------------------------------------------------------

    @abstractmethod
    def _stopping(self) -> AbstractContextManager[Ask]:
        """Gives what asks the database to stop what runs."""

    @abstractmethod
    def _is_broken(self, error: Exception) -> bool:
        """Whether the connection, not the statement, failed."""

    @abstractmethod
    def _error_of(self, error: Exception) -> WorkbenchError:
        """A failure of the driver as an error of the Workbench."""

    @property
    @abstractmethod
    def _open(self) -> bool:
        """Whether rows are still to come."""

    # --- what is the same -------------------------------------------------------------------

    def cancel(self) -> None:
        self._calls.cancel()

    def close(self) -> None:
        self._calls.cancel_waiting()
        with self._io:
            if self._calls.close():
                with self._calls.asking:
                    self._end()

    def _end(self) -> None:
        """Gives the connection back if nothing is left of this use, else drops it."""
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
        """A call that may wait for the database."""
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
        """Begins the transaction; a pooled connection that turns out dead is replaced, once."""
        # The database's clock decides; ours only tells a timeout from an outsider's cancel.
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
        """Drops the connection and makes another one."""
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
                # Where the server itself said no, it has rolled back.
                lost = self._is_broken(error)
                self._broken = True
                if not lost:
                    raise
        if lost:
            raise errors.outcome_unknown(once=self._once is not None)
