"""The calls of one use that wait for the database, and how they are stopped from other threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ...kit.errors import Conflict
from . import errors

Ask = Callable[[], None]


class Calls:
    """One call at a time, which any thread can have stopped.

    Args:
        stopping: gives what asks the database, once, to stop the call; closed when it has stopped.
        longest_pause: at most so many seconds between two requests.

    Attributes:
        cancelled: whether somebody had the use stopped.
        late: whether its time was up.
        asking: held while the database is asked to stop. Whoever replaces or drops the connection
            takes it.
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
        """A call that may wait for the database.

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
        """Stops what runs, and lets nothing more begin."""
        with self._state:
            if self.cancelled or self._closed:
                return
            self.cancelled = True
        # In a thread: asking the database opens a connection of its own, which may take a while.
        threading.Thread(target=self._keep_asking, daemon=True, name="cancel").start()

    def expire(self) -> None:
        """Stops what runs because its time is up."""
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
        """Stops what runs, if anything does: the use is about to be closed."""
        with self._state:
            waiting = self._waiting
        if waiting:
            self.cancel()

    def close(self) -> bool:
        """Lets nothing more begin; whether this was the first time."""
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
