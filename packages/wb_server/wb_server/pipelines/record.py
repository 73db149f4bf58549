"""What an attempt says while it runs: its log, how far it is, its notebook, its tables."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..kit import clock
from ..kit.blobs import Blobs
from ..kit.errors import NotFound
from .runs.notes import Notes, table_rows
from .runs.store import RunStore
from .runs.transitions import Claim
from .tasks.base import Recorder, TableUse, TaskFailed

# Of an attempt's log so much is kept; of a piece of it, so much is one row.
_LOG_LIMIT = 10 * 2**20
_PIECE = 64 * 1024
_OUTPUTS_LIMIT = 64 * 1024


class Record(Recorder):
    """Keeps what an attempt says. What may wait a moment is gathered; ``flush`` writes it."""

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
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._changed = False
        self._tables: list[dict[str, Any]] = []

    def log(self, text: str) -> None:
        with self._lock:
            if self._logged > _LOG_LIMIT:
                return
            self._logged += len(text)
            if self._logged > _LOG_LIMIT:
                text = "The log is full: nothing more is kept."
            stamp = clock.now().strftime("%H:%M:%S")
            self._lines += [f"{stamp}  {line}" for line in text.splitlines() or [""]]

    def log_end(self, ending: str, message: str, seconds: float) -> None:
        """The last line: how it ended."""
        words = f"{ending} after {seconds:.1f} s"
        self.log(f"{words}: {message}" if message else words)

    def progress(self, done: int, total: int | None, text: str) -> None:
        with self._lock:
            self._progress = {"done": done, "total": total, "text": text[:200]}

    def kernel(self, reference: Mapping[str, Any]) -> None:
        self._notes.kernel(self._claim, reference)

    def notebook(self, content: bytes, final: bool) -> None:
        digest = self._blobs.put([content])
        self._notes.notebook(self._claim.attempt_id, digest)
        self._changed = True

    def tables(self, direction: str, uses: Iterable[TableUse]) -> None:
        rows = table_rows(self._claim.attempt_id, direction, uses)
        with self._lock:
            self._tables += rows

    def artifact(self, task: str, name: str) -> Path:
        row = self._store.artifact(self._claim.run_id, task, name)
        if row is None:
            raise NotFound(f"The task “{task}” made no artifact “{name}”.", code="unknown_artifact")
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="wb-artifacts-")
        path = Path(self._folder.name) / str(row["digest"])
        if not path.exists():
            with self._blobs.open(row["digest"]) as source, path.open("wb") as target:
                while piece := source.read(1 << 20):
                    target.write(piece)
        return path

    def flush(self) -> bool:
        """Writes what was gathered, and says whether there is news since the last time."""
        with self._writing:
            pieces, tables = self._gathered()
            with self._lock:
                progress, self._progress = self._progress, None
            changed, self._changed = self._changed or bool(pieces or tables or progress), False
            if pieces or tables:
                self._notes.add(pieces, tables)
            if progress is not None:
                self._notes.progress(self._claim.attempt_id, progress)
            return changed

    def last_words(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What wasn't written yet, as rows of the log and of used tables: for who writes the end."""
        with self._writing:
            return self._gathered()

    def _gathered(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        with self._lock:
            lines, self._lines = self._lines, []
            tables, self._tables = self._tables, []
        text = "".join(f"{line}\n" for line in lines)
        pieces = []
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE]
            pieces.append({"attempt_id": self._claim.attempt_id, "seq": self._seq, "text": piece})
            self._seq += 1
        return pieces, tables

    def close(self) -> None:
        """Lets go of temporary files."""
        if self._folder is not None:
            self._folder.cleanup()


def checked_outputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a task as they are kept.

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
            f"The outputs have {len(text):,} letters; {_OUTPUTS_LIMIT:,} are kept. Make an artifact "
            "of what is large.",
            retry=False,
        )
    return dict(outputs)
