"""One use of MySQL or MariaDB: a link, its transaction, and how it is stopped and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pymysql

from ...gate.permits import LoadPermit, Permit
from ...kit.errors import Conflict, WorkbenchError
from ..base import Use
from . import errors
from .link import Answered, Link, NotAQuery, Pool

# So long after its own limit a server that says nothing counts as gone.
_GRACE: Final = 10.0


class MySQLUse(Use):
    """What queries and loads share.

    The link is used under ``_io``, by one at a time. ``cancel`` doesn't take it: it comes while such
    a call waits for the database.

    Args:
        dial: makes another connection like ``link``.
        database: where a name without a schema is looked for.
    """

    def __init__(
        self,
        permit: Permit | LoadPermit,
        pool: Pool,
        link: Link,
        dial: Callable[[], Link],
        database: str,
    ) -> None:
        self._once = permit.once
        self._sql = permit.sql if isinstance(permit, Permit) else ""
        self._pool = pool
        self._link = link
        self._dial = dial
        self._database = database
        self._io = threading.RLock()
        self._state = threading.Condition()
        self._calling = False
        self._cancelled = False
        self._late = False
        self._closed = False
        self._linked = threading.Lock()
        self._begun = False
        self._broken = False
        self._answered: Answered | None = None
        self._deadline = float("inf")

    def cancel(self) -> None:
        with self._state:
            if self._cancelled or self._closed:
                return
            self._cancelled = True
        # In a thread: asking the database opens a connection of its own, which may take a while.
        threading.Thread(target=self._keep_stopping, daemon=True, name="cancel").start()

    def close(self) -> None:
        with self._state:
            calling = self._calling and not self._closed
        if calling:
            self.cancel()
        with self._io:
            with self._state:
                again, self._closed = self._closed, True
            if not again:
                # Whoever is asking the database to stop holds this until it has answered.
                with self._linked:
                    self._end()

    def _end(self) -> None:
        """Gives the connection back if nothing is left of this use, else drops it."""
        if self._broken or self._answered is not None or self._cancelled or self._late:
            self._link.drop()
            return
        try:
            self._link.reset()
        except Exception:
            self._link.drop()
        else:
            self._pool.give(self._link)

    def _expire(self) -> None:
        """The time of a write is up: MySQL's own limit is for SELECT only."""
        with self._state:
            if not self._calling:
                return
            self._late = True
        self._keep_stopping()

    def _keep_stopping(self) -> None:
        """Asks until the call has returned: a request that comes too early has no effect."""
        beside: Link | None = None
        try:
            while True:
                with self._linked:
                    if self._closed:
                        return
                    beside = self._stop_once(beside)
                with self._state:
                    if not self._calling or self._state.wait_for(lambda: not self._calling, 0.1):
                        return
        finally:
            if beside is not None:
                beside.drop()

    def _stop_once(self, beside: Link | None) -> Link | None:
        """Stops the statement over a second connection. Where that can't be had, or leads to
        another server, this one is cut: the server notices when it next sends a row."""
        try:
            beside = beside or self._dial()
            if beside.is_same_server(self._link):
                beside.command(f"KILL QUERY {self._link.number}")
                return beside
        except (*errors.FAILURES, WorkbenchError) as error:
            if errors.number_of(error) == 1094:  # it has ended already
                return beside
        self._broken = True
        self._link.cut()
        return beside

    @contextmanager
    def _call(self) -> Iterator[None]:
        """A call that may wait for the database."""
        with self._state:
            if self._cancelled:
                raise errors.was_cancelled()
            if self._closed:
                raise Conflict("This session is closed.", code="session_closed")
            self._calling = True
        try:
            yield
        except errors.FAILURES as error:
            self._broken = self._broken or errors.is_broken(error)
            late = self._late or time.monotonic() >= self._deadline
            raise errors.statement_error(
                error,
                self._sql,
                self._database,
                cancelled=self._cancelled,
                late=late,
            ) from None
        except NotAQuery:
            raise errors.not_a_read() from None
        except WorkbenchError:
            self._broken = True  # in the middle of an answer
            raise
        finally:
            with self._state:
                self._calling = False
                self._state.notify_all()

    def _begin(self, timeout: float, *, read_only: bool) -> None:
        """Begins the transaction; a pooled connection that turns out dead is replaced, once."""
        # The database's clock decides; ours only tells a timeout from an outsider's stop.
        self._deadline = time.monotonic() + timeout * 0.9
        with self._call():
            try:
                self._set_up(timeout, read_only=read_only)
            except (pymysql.Error, OSError) as error:
                if not (self._link.reused and errors.is_broken(error)) or self._cancelled:
                    raise
                self._replace_link()
                self._set_up(timeout, read_only=read_only)
            self._link.command(f"START TRANSACTION{' READ ONLY' if read_only else ''}")
        self._begun = True

    def _set_up(self, timeout: float, *, read_only: bool) -> None:
        self._link.wait_at_most(timeout + _GRACE)
        self._link.set_up(timeout, read_only=read_only)

    def _replace_link(self) -> None:
        with self._linked:
            self._link.drop()
            try:
                self._link = self._dial()
            except WorkbenchError:
                self._broken = True
                raise

    def _commit(self) -> None:
        with self._state:
            if self._cancelled:
                raise errors.was_cancelled()
        lost = False
        with self._call():
            try:
                self._link.command("COMMIT")
            except (pymysql.Error, OSError) as error:
                # With a number of its own the server itself said no, and rolled back.
                lost = errors.is_broken(error)
                self._broken = True
                if not lost:
                    raise
        if lost:
            raise errors.unknown_but_kept() if self._once else errors.outcome_unknown()
