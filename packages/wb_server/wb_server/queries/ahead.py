"""Prefetches the next rows while the previous ones are being written to the table."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

import pyarrow as pa

from ..gate.loads import Batches
from ..kit.errors import Cancelled

# The buffer's size in batches: reading and writing take turns being the slower one.
_MAX_HELD: Final = 2
# Seconds between two checks for a stop while waiting for the source.
_POLL_SECONDS: Final = 0.2


class Ahead:
    """The rows of a source, prefetched in a separate thread. A context manager.

    The thread starts with the iteration. It ends with the source, or with the first batch after the
    block was left.

    Attributes:
        raised: the exception that the source raised, if any.

    Args:
        stopped: returns whether the load was stopped.
    """

    def __init__(self, source: Batches, stopped: Callable[[], bool]) -> None:
        self._source = source
        self._stopped = stopped
        self._state = threading.Condition()
        self._held: deque[pa.RecordBatch] = deque()
        self._ended = False
        self._left = False
        self.raised: BaseException | None = None

    @property
    def schema(self) -> pa.Schema:
        return self._source.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yields the batches in order; may be called only once.

        Raises:
            Cancelled: the load was stopped.
            BaseException: whatever the source raises.
        """
        threading.Thread(target=self._fetch, daemon=True, name="ahead").start()
        while True:
            with self._state:
                self._state.wait_for(lambda: self._held or self._ended, _POLL_SECONDS)
                if self._stopped():
                    raise Cancelled("The load was cancelled.")
                if not self._held and not self._ended:
                    continue
                batch = self._held.popleft() if self._held else None
                self._state.notify_all()
            if batch is None:
                break
            yield batch
        if self.raised is not None:
            raise self.raised

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._state:
            self._left = True
            self._held.clear()
            self._state.notify_all()

    def _fetch(self) -> None:
        try:
            for batch in self._source:
                with self._state:
                    self._state.wait_for(lambda: len(self._held) < _MAX_HELD or self._left)
                    if self._left:
                        return
                    self._held.append(batch)
                    self._state.notify_all()
        except BaseException as error:
            self.raised = error
        finally:
            with self._state:
                self._ended = True
                self._state.notify_all()
