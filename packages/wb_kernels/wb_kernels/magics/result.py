"""The answer of a query as a result set of jupysql, in Arrow."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from sql.connection.connection import AbstractConnection
from sql.run.resultset import ResultSet

from wb_kernels.display import html_table, text_table
from wb_server.client import AnswerTruncated, Result, python_values

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars
    import pyarrow as pa

_T = TypeVar("_T")

_MORE = "put df << before the query, or set %config SqlMagic.displaylimit"


class Cursor:
    """An answer with the few methods that jupysql calls on a native DuckDB result."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self.description = [
            (field.name, str(field.type), None, None, None, None, field.nullable)
            for field in result.schema
        ]

    def _tuples(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.result.arrow().to_batches(max_chunksize=10_000):
            yield from zip(*map(python_values, batch.columns), strict=True)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        self._rows = self._rows or self._tuples()
        return list(itertools.islice(self._rows, size))

    def fetchone(self) -> tuple[Any, ...] | None:
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        self._rows = self._rows or self._tuples()
        return list(self._rows)

    def execute(self, query: str) -> None:
        """Does nothing: jupysql repeats a SELECT before it makes a frame, but the rows are here."""

    def df(self) -> pd.DataFrame:
        return self.result.df()

    def pl(self) -> polars.DataFrame:
        return self.result.pl()

    def close(self) -> None:
        self.result.close()


class WorkbenchResultSet(ResultSet):  # type: ignore[misc]
    """The result of ``%sql``: jupysql's result set, backed by Arrow.

    ``.df()``, ``.pl()`` and ``.arrow()`` make frames without a Python object per cell; iteration,
    ``.dict()``, ``.csv()`` and the like work as in jupysql.
    """

    def __init__(self, result: Result, config: Any, query: str, conn: AbstractConnection) -> None:
        self._result = result
        super().__init__(Cursor(result), config, query, conn)

    def df(self) -> pd.DataFrame:
        """Returns a pandas frame; :meth:`wb_server.client.Result.df` describes its types."""
        return _quietly(self._result.df)

    def pl(self) -> polars.DataFrame:
        """Returns a polars frame."""
        return _quietly(self._result.pl)

    def arrow(self) -> pa.Table:
        """Returns an Arrow table; its schema's metadata say where the rows come from."""
        return self._result.arrow()

    def DataFrame(self) -> pd.DataFrame:
        """Same as :meth:`df`; jupysql's name for it."""
        return self.df()

    def PolarsDataFrame(self, **options: Any) -> polars.DataFrame:
        """Same as :meth:`pl`; jupysql's name for it. Its options concern rows and are ignored."""
        return self.pl()

    @property
    def truncated(self) -> bool:
        """True if the row limit cut the answer."""
        return self._result.truncated

    @property
    def query_id(self) -> str:
        """The id of the query in the audit log."""
        return self._result.query_id

    def __len__(self) -> int:
        return self._result.rows

    def _repr_html_(self) -> str:
        return html_table(self._result, self._config.displaylimit, _MORE)

    def __str__(self) -> str:
        return text_table(self._result, self._config.displaylimit, _MORE)

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, ResultSet) else super().__eq__(other)

    __hash__ = object.__hash__


def _quietly(make: Callable[[], _T]) -> _T:
    """Makes a frame without the warning of a truncated answer: the notebook has already shown it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnswerTruncated)
        return make()
