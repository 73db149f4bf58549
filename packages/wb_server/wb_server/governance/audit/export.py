"""The log as a file: lines of JSON, or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, Protocol

from ...kit.endpoint import ByteStream, Outcome
from .models import ExportedRow

MEDIA_TYPE = "application/x-ndjson"
Format = Literal["jsonl", "csv"]


class Finished(Protocol):
    """Closes the export's own record in the log."""

    def __call__(
        self,
        outcome: Outcome,
        *,
        code: str | None = None,
        rows: int | None = None,
        bytes: int | None = None,
    ) -> None: ...


class ExportStream(ByteStream):
    """An export as a stream, which records its own end in the log."""

    media_type = MEDIA_TYPE

    def __init__(self, rows: Iterable[ExportedRow], finished: Finished) -> None:
        self.headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
        self._lines = lines(rows, "jsonl")
        self._finished = finished
        self._rows = self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            for line in self._lines:
                piece = line.encode()
                self._rows += 1
                self._size += len(piece)
                yield piece
            self._finished("ok", rows=self._rows, bytes=self._size)
        except Exception:
            self._finished("failed", code="internal", rows=self._rows, bytes=self._size)
            raise
        finally:
            # Does nothing if the record is closed; otherwise the client has hung up.
            self.close()

    def close(self) -> None:
        self._finished("hung_up", rows=self._rows, bytes=self._size)


def lines(rows: Iterable[ExportedRow], form: Format) -> Iterator[str]:
    """The lines of an export; in CSV the first one has the names of the columns."""
    if form == "jsonl":
        for row in rows:
            yield row.model_dump_json() + "\n"
        return
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(ExportedRow.model_fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row.model_dump(mode="json"))
        yield _take(buffer)
    yield _take(buffer)


def span(since: datetime | None, until: datetime | None) -> str | None:
    """A period in words, for the log."""
    parts = [
        f"{word} {moment.isoformat()}"
        for word, moment in (("since", since), ("until", until))
        if moment is not None
    ]
    return " ".join(parts) or None


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
