"""Records what an attempt reports while it runs: log, progress, notebook, tables used."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..gate.lineage import TableUse
from ..kit import clock
from ..kit.blobs import Blobs
from ..kit.errors import WorkbenchError
from .runs.notes import Notes, table_rows
from .runs.steps import Claim
from .runs.store import RunStore
from .tasks.base import StoredArtifact, TaskFailed, TaskRecorder

log = logging.getLogger(__name__)

# Characters of an attempt's log that are kept, and the maximum in one row.
_LOG_LIMIT = 10 * 2**20
_PIECE = 64 * 1024
_OUTPUTS_LIMIT = 64 * 1024


@dataclass(frozen=True)
class LastWords:
    """What an attempt reported that isn't written yet: rows of its log and of the tables it used.

    Attributes:
        progress: the latest progress; ``None`` if it is written or was never reported.
    """

    log: list[dict[str, Any]]
    tables: list[dict[str, Any]]
    progress: dict[str, Any] | None = None


class AttemptRecorder(TaskRecorder):
    """Records what an attempt reports. Log, progress and tables are buffered until ``flush``.

    Attributes:
        storing: stores what must not be lost, such as by waiting while the disk is full.
    """

    storing: Callable[[Callable[[], str]], str]

    def __init__(self, claim: Claim, notes: Notes, store: RunStore, blobs: Blobs) -> None:
        self._claim = claim
        self._notes = notes
        self._store = store
        self._blobs = blobs
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._lines: list[str] = []
        self._seq = 0
        self._logged = 0
        self._progress: dict[str, Any] | None = None
        self._changed = False
        self._tables: list[dict[str, Any]] = []
        self._unwritten = LastWords([], [])
        self._held = ""
        self.storing = lambda store: store()

    def log(self, text: str) -> None:
        with self._lock:
            if self._logged > _LOG_LIMIT:
                return
            self._logged += len(text)
            if self._logged > _LOG_LIMIT:
                text = "The log is full. Further lines are dropped."
            text = keepable(text)
            stamp = clock.now().strftime("%H:%M:%S")
            self._lines += [f"{stamp}  {line}" for line in text.splitlines() or [""]]

    def log_end(self, ending: str, message: str, seconds: float) -> None:
        """Adds the last line, which says how the attempt ended."""
        words = f"{ending} after {seconds:.1f} s"
        self.log(f"{words}: {message}" if message else words)

    def progress(self, done: int, total: int | None, text: str) -> None:
        with self._lock:
            self._progress = {"done": done, "total": total, "text": keepable(text[:200])}

    def kernel(self, reference: Mapping[str, Any]) -> None:
        self._notes.kernel(self._claim, reference)

    def held(self, why: str) -> None:
        """Reports that the Workbench itself holds the attempt up; the next report ends that."""
        with self._lock:
            self._progress = {"done": 0, "total": None, "text": keepable(why[:300]), "held": True}
        if why != self._held:
            self._held = why
            self.log(f"waits: {why}")

    def notebook(self, content: bytes, final: bool) -> None:
        def store() -> str:
            digest = self._blobs.put([content])
            self._notes.notebook(self._claim.attempt_id, digest)
            return digest

        if final:
            self.storing(store)
        else:
            try:
                store()
            except WorkbenchError as error:
                # It is stored again after the next cells, and at the end.
                log.warning("the executed notebook was not stored: %s", error.message)
                return
        self._changed = True

    def tables(self, direction: str, uses: Iterable[TableUse]) -> None:
        rows = table_rows(self._claim.attempt_id, direction, uses)
        with self._lock:
            self._tables += rows

    def artifacts(self, tasks: Iterable[str]) -> list[StoredArtifact]:
        return [
            StoredArtifact(
                row["task"],
                row["name"],
                row["media_type"],
                row["size"],
                partial(self._blobs.open, row["digest"]),
            )
            for row in self._store.artifacts(self._claim.run_id, list(tasks))
        ]

    def flush(self) -> bool:
        """Writes the buffer, and returns whether anything is new since the last flush."""
        with self._writing:
            self._gather()
            pending = self._unwritten
            changed = self._changed or bool(pending.log or pending.tables or pending.progress)
            # What can't be written now stays pending, for the next flush or the end.
            if pending.log or pending.tables:
                self._notes.add(pending.log, pending.tables)
                self._unwritten = LastWords([], [], pending.progress)
            if pending.progress is not None:
                self._notes.progress(self._claim.attempt_id, pending.progress)
                self._unwritten = LastWords([], [])
            self._changed = False
            return changed

    def last_words(self) -> LastWords:
        """Takes what isn't written yet, to be written together with the attempt's end."""
        with self._writing:
            self._gather()
            pending, self._unwritten = self._unwritten, LastWords([], [])
            return pending

    def _gather(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
            tables, self._tables = self._tables, []
            progress, self._progress = self._progress, None
        text = "".join(f"{line}\n" for line in lines)
        pieces = []
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE]
            pieces.append({"attempt_id": self._claim.attempt_id, "seq": self._seq, "text": piece})
            self._seq += 1
        before = self._unwritten
        self._unwritten = LastWords(
            [*before.log, *pieces],
            [*before.tables, *tables],
            before.progress if progress is None else progress,
        )


def checked_outputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a task, checked and made storable.

    Raises:
        TaskFailed: they aren't JSON, or too large (``bad_outputs``).
    """
    try:
        text = json.dumps(dict(outputs), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TaskFailed("bad_outputs", f"An output is not JSON: {error}.", retry=False) from error
    if len(text) > _OUTPUTS_LIMIT:
        raise TaskFailed(
            "bad_outputs",
            f"The outputs have {len(text):,} characters; the limit is {_OUTPUTS_LIMIT:,}. Use an "
            "artifact for large values.",
            retry=False,
        )
    kept: dict[str, Any] = keepable(dict(outputs))
    return kept


def keepable(value: Any) -> Any:
    """A JSON value that databases can store: NUL characters and lone surrogates are replaced.

    A notebook's error may contain either, and PostgreSQL accepts neither.
    """
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {keepable(key): keepable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [keepable(item) for item in value]
    return value
