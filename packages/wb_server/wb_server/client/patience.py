"""How the kernel of a pipeline's task waits while the service is away, instead of failing its cell.

The service may be restarting, its disk full, or all places for queries taken: none of it is the task's
fault, and the task's own timeout ends the wait. A statement is sent again only if it has certainly had no
effect: it wasn't sent, the service never started it, it only reads, or it failed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ..kit.errors import NotFound
from .errors import QueryError, ServiceUnreachable

T = TypeVar("T")
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
# A Hub that is starting may not know a token yet that is valid.
_UNKNOWN_SECONDS = 60.0
_AWAY = frozenset(
    {
        "service_unreachable",
        "answer_cut",
        "storage_full",
        "storage_down",
        "storage_busy",
        "hub_down",
        "too_many_queries",
        "too_many_waiting",
        "too_many_bodies",
    }
)


class Patience:
    """One request's waits. Without an attempt nobody waits: a user wants to know at once.

    Args:
        waits: whether to wait at all.
    """

    def __init__(self, waits: bool) -> None:
        self._waits = waits
        self._wait = _FIRST_WAIT
        self._began = time.monotonic()
        self._told = ""

    def after(self, error: QueryError) -> None:
        """Waits after an error that may pass; raises any other."""
        unknown = error.code == "unknown_token" and (
            time.monotonic() - self._began < _UNKNOWN_SECONDS
        )
        if not self._waits or not (error.code in _AWAY or unknown):
            raise error
        if error.code != self._told:
            self._told = error.code
            print(f"waits for the Workbench: {error.message}", file=sys.stderr, flush=True)
        time.sleep(self._wait)
        self._wait = min(self._wait * 1.5, _LONGEST_WAIT)

    def call(self, ask: Callable[[], T]) -> T:
        """The answer to a request without effects, once there is one."""
        while True:
            try:
                return ask()
            except QueryError as error:
                self.after(error)

    def call_once(self, ask: Callable[[], T]) -> T:
        """The same for a request with effects: sent again only if the service refused to begin with it."""
        while True:
            try:
                return ask()
            except QueryError as error:
                sent = isinstance(error, ServiceUnreachable) and error.sent
                if sent or error.code.startswith("storage_"):
                    raise
                self.after(error)

    def may_repeat(self, fate: Callable[[], dict[str, Any]]) -> bool:
        """Whether a statement may be sent again under a new id; otherwise under its own.

        Args:
            fate: asks the service what became of it.

        Raises:
            ServiceUnreachable: it has changed data, or may have (``outcome_unknown``).
        """
        while True:
            try:
                found = self.call(fate)
            except NotFound:
                return False
            if found.get("state") == "ended":
                break
            # The service notices soon that its client is gone.
            time.sleep(self._wait)
        if found.get("kind") == "read" or found.get("outcome") in ("failed", "refused"):
            return True
        committed = found.get("outcome") == "ok"
        raise ServiceUnreachable(
            "The Workbench was away while this statement ran, so its answer is lost. "
            + (
                "It was committed, and isn't repeated."
                if committed
                else "It may have been committed, so it isn't repeated. Check, and run the task again."
            ),
            code="outcome_unknown",
        )
