"""The sealer: a thread that seals new rows, and once a day deletes old ones."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from ...kit import clock
from ...kit.actor import Actor
from ...kit.endpoint import Origin
from .seals import PruneRefused, SealStore
from .service import AuditService
from .store import AuditStore

log = logging.getLogger(__name__)

# Rows per seal; while they are sealed, SQLite blocks other writers.
_BATCH = 2000
# Seconds between two seals, and between looks for rows that other processes wrote.
_PAUSE, _LOOK = 1.0, 60.0
_DAY = timedelta(days=1).total_seconds()


class Sealer:
    """Seals rows in the background, from ``start`` to ``close``.

    Args:
        retention_days: how long rows are kept after they were sealed; 0: forever.
    """

    def __init__(
        self, store: AuditStore, seals: SealStore, audit: AuditService, *, retention_days: int = 0
    ) -> None:
        self._store = store
        self._seals = seals
        self._audit = audit
        self._retention = timedelta(days=retention_days)
        self._pruned_at = float("-inf")
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="audit-sealer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self) -> None:
        """Seals the remaining rows and ends the thread."""
        self._stop.set()
        self._store.written.set()
        if self._thread.ident is not None:
            self._thread.join(30)

    def _run(self) -> None:
        # Rows that an ended process left unsealed are sealed at once.
        while True:
            self._turn()
            if self._stop.is_set():
                return
            self._store.written.wait(_LOOK)
            self._stop.wait(_PAUSE)

    def _turn(self) -> None:
        self._store.written.clear()
        try:
            seal_all(self._seals)
            if self._retention and time.monotonic() - self._pruned_at > _DAY:
                self._pruned_at = time.monotonic()
                prune(
                    self._seals, self._audit, self._retention, Actor("system", frozenset(), via="")
                )
        except PruneRefused as error:
            log.error("old rows of the audit log are kept: %s. Run `wb audit verify`", error)
        except Exception:
            # The database is down or full. The rows wait; logged once, not every second.
            if not self._failing:
                log.exception("the audit log can't be sealed; trying again")
            self._failing = True
            self._store.written.set()
        else:
            if self._failing:
                log.info("the audit log is sealed again")
            self._failing = False


def seal_all(seals: SealStore, *, wait: bool = False) -> None:
    """Seals every unsealed row, unless another sealer is at work.

    Args:
        wait: whether to wait for the other sealer.
    """
    while seals.waiting():
        if seals.seal(_BATCH, wait=wait) is None and not wait:
            return


def prune(seals: SealStore, audit: AuditService, age: timedelta, actor: Actor) -> int:
    """Deletes rows that were sealed longer ago than ``age``, and records it in the log.

    Returns:
        How many rows were deleted.

    Raises:
        PruneRefused: rows don't match their seal; they and all after them are kept.
    """
    before = clock.now() - age
    if not seals.old(before):
        return 0
    origin = Origin("", "")
    target = f"rows sealed before {before.isoformat(timespec='seconds')}"
    record = audit.started(actor, origin, "audit.prune", target=target)
    total = 0
    try:
        while rows := seals.prune(before, _BATCH):
            total += rows
    except PruneRefused:
        audit.finished(record, "failed", code="tampered", rows=total)
        raise
    except BaseException:
        audit.finished(record, "failed", code="internal", rows=total)
        raise
    audit.finished(record, "ok", rows=total)
    return total
