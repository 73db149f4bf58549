"""The answer to a query: its metadata, and its rows as Arrow, batches or a frame."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from .closing import Closing
from .errors import AnswerCut, AnswerTruncated, QueryError
from .frames import to_pandas, to_polars
from .wire import PROVENANCE, json_object

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars


class RowSource(Protocol):
    """Where a result's rows come from: the service's answer, or DuckDB in the kernel.

    Attributes:
        schema: the columns; its metadata has the provenance of the rows.
        count: the number of rows read so far.
        final: how the answer ended; None until it was read.
    """

    schema: pa.Schema
    count: int
    final: dict[str, Any] | None

    def batches(self) -> Iterator[pa.RecordBatch]: ...

    def close(self) -> None: ...


class Result(Closing):
    """The answer to a query. It is read from the service once, on first use.

    ``df()``, ``pl()`` and ``arrow()`` read the whole answer and keep it as Arrow; ``batches()``
    yields it piece by piece and keeps nothing. Close a result that you don't read to the end, or
    use it in a ``with`` statement: that stops its query in the database.
    """

    # The public module name, by which IPython's formatters find the class without importing it.
    __module__ = "wb_server.client"

    def __init__(
        self,
        rows: RowSource,
        query_id: str,
        again: Callable[[], RowSource | None] | None = None,
    ) -> None:
        self._query_id = query_id
        self._again = again
        self._stream = rows
        self._schema = self._stream.schema
        self._provenance = json_object((self._schema.metadata or {}).get(PROVENANCE))
        self._table: pa.Table | None = None
        self._streamed = False

    # -- metadata

    @property
    def query_id(self) -> str:
        """The id by which the service lists, cancels and audits the query."""
        return self._query_id

    @property
    def schema(self) -> pa.Schema:
        """The columns and their Arrow types; known before the rows are read."""
        return self._schema

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._schema.names)

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the rows come from: query, connection, limit, policies; and once read, their number."""
        return {**self._provenance, **(self._stream.final or {})}

    @property
    def rows(self) -> int:
        """The number of rows. Reads the answer if necessary."""
        self._finish()
        return self._stream.count

    @property
    def truncated(self) -> bool:
        """Whether the row limit cut the answer. Reads the answer if necessary."""
        self._finish()
        return bool((self._stream.final or {}).get("truncated"))

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        where = self._provenance.get("connection")
        size = f"{self._stream.count} rows" if self._stream.final else "not read yet"
        source = f" on {where}" if where else ""
        return f"<Result{source}: {len(self._schema.names)} columns, {size}, id {self._query_id}>"

    # -- the rows

    def arrow(self) -> pa.Table:
        """The answer as an Arrow table; ``schema.metadata[b"workbench"]`` has its provenance.

        Raises:
            AnswerCut: the answer ended early.
            QueryError: the query failed while its rows were being sent.
        """
        if self._table is None:
            if self._streamed:
                raise QueryError(
                    "The rows of this answer were read with batches(), which doesn't keep them. "
                    "Run the query again.",
                    code="already_streamed",
                )
            batches = self._whole()
            metadata = {
                **(self._schema.metadata or {}),
                PROVENANCE: json.dumps(self.provenance).encode(),
            }
            table = pa.Table.from_batches(batches, schema=self._schema)
            self._table = table.replace_schema_metadata(metadata)
            self._warn()
        return self._table

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yields the answer as record batches, one in memory at a time.

        The rows aren't kept, so ``df()``, ``pl()`` and ``arrow()`` don't work afterwards. If the answer
        was read before, its kept rows are yielded again. The last step checks that the answer is
        complete, so don't rely on any row until the iteration has ended without an error.
        """
        if self._table is not None:
            yield from self._table.to_batches()
            return
        if self._streamed:
            self.arrow()  # raises the error
        self._streamed = True
        yield from self._stream.batches()
        self._warn()

    def df(self) -> pd.DataFrame:
        """The answer as a pandas frame, converted from Arrow without a Python object per cell.

        ============================  =========================================================
        in Arrow                      in pandas
        ============================  =========================================================
        decimal                       ``ArrowDtype(decimal128(p, s))`` or ``decimal256``: exact
        integer, boolean              numpy's; ``Int64`` … and ``boolean`` where there are nulls
        float                         ``float64``; null is NaN
        string                        pandas' ``str``
        date                          ``datetime64[ms]``
        timestamp                     ``datetime64[us]``, with the zone if it has one; one outside
                                      the years 1 to 9999 leaves its column without, in UTC
        time                          ``ArrowDtype(time64)``
        duration                      ``timedelta64[us]``
        interval                      ``pandas.DateOffset`` of months, days and nanoseconds
        binary                        ``bytes``
        list, struct, map             lists, dictionaries, lists of pairs: every value in them exact
        ============================  =========================================================

        ``frame.attrs["workbench"]`` has the provenance of the rows.
        """
        frame = to_pandas(self.arrow())
        frame.attrs["workbench"] = self.provenance
        return frame

    def pl(self) -> polars.DataFrame:
        """The answer as a polars frame, which shares the Arrow table's memory where types allow.

        An interval becomes a struct of ``months``, ``days`` and ``nanoseconds``. Decimals of polars have
        38 digits: a longer type is converted if every number of the column fits.

        Raises:
            QueryError: ``numeric_overflow``: a number doesn't fit; the message names the column.
        """
        return to_polars(self.arrow())

    # -- reading

    def _whole(self) -> list[pa.RecordBatch]:
        """All batches; asked for again if the service was away and may be asked again."""
        while True:
            try:
                return list(self._stream.batches())
            except AnswerCut:
                stream = self._again() if self._again is not None else None
                if stream is None:
                    raise
                if not stream.schema.equals(self._schema):
                    stream.close()
                    raise
                self._stream = stream

    def _finish(self) -> None:
        if self._stream.final is None:
            self.arrow()

    def _warn(self) -> None:
        if self.truncated:
            limit = self._provenance.get("row_limit")
            warnings.warn(
                f"The answer stops at the row limit of {limit or self._stream.count:,} rows; "
                "the source has more.",
                AnswerTruncated,
                stacklevel=4,
            )

    def close(self) -> None:
        """Closes the connection; a query that still runs is stopped in the database."""
        self._stream.close()

    def __del__(self) -> None:
        # A forgotten result would hold one of the user's few slots for running queries.
        with contextlib.suppress(Exception):
            self.close()
