"""Answers: rows streamed on demand, and rows that are already in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from ...kit.errors import TooLarge
from ..base import Answer

Convert = Callable[[pa.RecordBatch], pa.RecordBatch]


def _unchanged(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


class StreamedAnswer(Answer):
    """Rows streamed from the database on demand.

    Args:
        schema: the schema of the converted batches.
        held: the first batches, which were needed to know the schema.
        more: returns the next batch, or ``None`` at the end.
        convert: applied to each batch.
    """

    def __init__(
        self,
        schema: pa.Schema,
        held: list[pa.RecordBatch],
        more: Callable[[], pa.RecordBatch | None],
        convert: Convert = _unchanged,
    ) -> None:
        self.schema = schema
        self._held = held
        self._more = more
        self._convert = convert

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while self._held:
            yield self._convert(self._held.pop(0))
        while (batch := self._more()) is not None:
            yield self._convert(batch)


class KeptAnswer(Answer):
    """Rows that are already in memory."""

    def __init__(
        self, schema: pa.Schema, batches: list[pa.RecordBatch], *, already: bool = False
    ) -> None:
        self.schema = schema
        self.already = already
        self.rows = sum(batch.num_rows for batch in batches)
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self._batches)


def rows_affected(number: int, *, already: bool = False) -> KeptAnswer:
    """The answer to a write that returns no rows: their count, as one row."""
    counted = pa.record_batch({"rows_affected": pa.array([number], pa.int64())})
    return KeptAnswer(counted.schema, [counted], already=already)


def returned(batches: Iterable[pa.RecordBatch], max_write_rows: int) -> list[pa.RecordBatch]:
    """All rows of ``RETURNING``, converted before the commit: an error here rolls back.

    Raises:
        TooLarge: there are more than ``max_write_rows``.
    """
    kept: list[pa.RecordBatch] = []
    number = 0
    for batch in batches:
        number += batch.num_rows
        if number > max_write_rows:
            raise TooLarge(
                f"The statement returns more than {max_write_rows} rows. Nothing was changed.",
                code="too_many_rows",
                limit=max_write_rows,
            )
        kept.append(batch)
    return kept
