"""The calls of one use that wait for the database, which other threads can stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ...kit.errors import Conflict
from . import errors

Ask = Callable[[], None]


class Calls:
    """One call at a time, which any thread can stop.

    Args:
        stopping: a context manager that yields a function; each call of that asks the database once
            to stop. It exits when the call has stopped.
        longest_pause: the maximum number of seconds between two requests.

    Attributes:
        cancelled: True if the use was cancelled.
        late: True if its time was up.
        asking: a lock held while the database is asked to stop, and by code that replaces or drops
            the connection.
    """

    def __init__(
        self, stopping: Callable[[], AbstractContextManager[Ask]], *, longest_pause: float = 0.1
    ) -> None:
        self.cancelled = False
        self.late = False
        self.asking = threading.Lock()
        self._stopping = stopping
        self._longest_pause = longest_pause
        self._state = threading.Condition()
        self._waiting = False
        self._closed = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """The context of a call that may wait for the database.

        Raises:
            Conflict: the use was cancelled, or closed.
        """
        with self._state:
            if self.cancelled:
                raise errors.was_cancelled()
            if self._closed:
                raise Conflict("This session is closed.", code="session_closed")
            self._waiting = True
        try:
            yield
        finally:
            with self._state:
                self._waiting = False
                self._state.notify_all()

    def cancel(self) -> None:
        """Stops the running call, and allows no further ones."""
        with self._state:
            if self.cancelled or self._closed:
                return
            self.cancelled = True
        # In a thread: asking the database may open another connection, which takes a while.
        threading.Thread(target=self._keep_asking, daemon=True, name="cancel").start()

    def expire(self) -> None:
        """Stops the running call because its time is up."""
        with self._state:
            if not self._waiting:
                return
            self.late = True
        self._keep_asking()

    def require(self) -> None:
        """Raises if the use was cancelled; between two calls nothing else would notice."""
        with self._state:
            if self.cancelled:
                raise errors.was_cancelled()

    def cancel_waiting(self) -> None:
        """Stops the running call, if any: the use is about to be closed."""
        with self._state:
            waiting = self._waiting
        if waiting:
            self.cancel()

    def close(self) -> bool:
        """Allows no further calls; returns True the first time."""
        with self._state:
            first, self._closed = not self._closed, True
        return first

    def _keep_asking(self) -> None:
        """Asks until the call has returned: a request that comes too early has no effect."""
        pause = 0.1
        with self._stopping() as ask:
            while True:
                with self.asking:
                    if self._closed:
                        return
                    ask()
                with self._state:
                    if self._state.wait_for(lambda: not self._waiting, pause):
                        return
                pause = min(self._longest_pause, pause * 2)
