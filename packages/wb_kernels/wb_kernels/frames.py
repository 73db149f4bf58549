"""The notebook's frames as Arrow tables: what ``%%sql local`` reads and ``wb.load`` sends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from wb_kernels.refusals import invalid_input
from wb_server.client import QueryError, Result
from wb_server.client.values import distinct

# By the names of their packages and classes, so that nothing is imported to find out.
_FRAMES: Final = {
    "pandas": ("DataFrame", "Series"),
    "polars": ("DataFrame", "LazyFrame", "Series"),
    "pyarrow": ("Table", "RecordBatch", "RecordBatchReader"),
    "duckdb": ("DuckDBPyRelation",),
    "_duckdb": ("DuckDBPyRelation",),
    "wb_server": ("Result",),
    "wb_kernels": ("WorkbenchResultSet",),
}


# Arrow takes the first one's type for all of these.
_CONFUSED: Final = (
    {"truth values", "floats"},
    {"texts", "bytes"},
    {"dates", "times in a zone", "times without a zone"},
)


def _bad(message: str, **details: Any) -> QueryError:
    return invalid_input(message, "bad_frame", **details)


def is_frame(value: Any) -> bool:
    """Whether a value is a frame, a table or a result."""
    return any(
        cls.__name__ in _FRAMES.get(cls.__module__.partition(".")[0], ())
        for cls in type(value).__mro__
    )


def frames_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The frames among a notebook's variables, by name."""
    return {
        name: value
        for name, value in variables.items()
        if not name.startswith("_") and is_frame(value)
    }


def arrow_table(frame: Any) -> pa.Table:
    """A frame's rows as an Arrow table, every value as it is.

    Columns of a pandas index that have a name become columns; other indexes are row numbers and are
    left out.

    Raises:
        QueryError: it isn't a frame, or a column holds values of several types; the message names it.
    """
    try:
        table = _plain_table(frame)
    except (pa.ArrowException, OverflowError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise _bad(f"The frame can't become a table: {reason}.") from error
    names = [str(name) for name in table.column_names]
    if twice := [name for name, new in zip(names, distinct(names), strict=True) if name != new]:
        raise _bad(f"The frame has two columns with the same name: “{twice[0]}”. Rename one.")
    return table.rename_columns(names)


def _plain_table(frame: Any) -> pa.Table:
    kinds = {cls.__module__.partition(".")[0]: cls.__name__ for cls in type(frame).__mro__}
    if "pandas" in kinds:
        return _of_pandas(frame)
    if "polars" in kinds:
        return _of_polars(frame)
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if isinstance(frame, pa.RecordBatchReader):
        return frame.read_all()
    if isinstance(frame, Result):
        return frame.arrow()
    if is_frame(frame):
        to_table = getattr(frame, "to_arrow_table", None) or frame.arrow
        return to_table()
    if isinstance(frame, list) and frame and all(isinstance(row, Mapping) for row in frame):
        return _of_rows(frame)
    raise _bad(
        f"This is a {type(frame).__name__}, not a frame: pass a pandas or polars frame, an Arrow table, "
        "or a list of dictionaries."
    )


def _of_pandas(frame: Any) -> pa.Table:
    import pandas as pd  # type: ignore[import-untyped]

    if isinstance(frame, pd.Series):
        frame = frame.to_frame("value" if frame.name is None else frame.name)
    if isinstance(frame.columns, pd.MultiIndex):
        raise _bad(
            "The frame's columns have several levels. Join them first: df.columns = "
            "['_'.join(map(str, names)) for names in df.columns]."
        )
    named = [name for name in frame.index.names if name is not None]
    if named:
        if clash := [name for name in named if name in frame.columns]:
            raise _bad(f"The frame has an index and a column named “{clash[0]}”. Rename one.")
        unnamed = [level for level, name in enumerate(frame.index.names) if name is None]
        frame = (frame.droplevel(unnamed) if unnamed else frame).reset_index()
    columns, names = [], []
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        if isinstance(values.dtype, pd.PeriodDtype):
            raise _bad(
                f"The column “{name}” has periods, which tables lack: take their begins, "
                f"df[{name!r}].dt.to_timestamp().",
                column=str(name),
            )
        if values.dtype == object:
            _require_one_kind(str(name), values)
        try:
            column = pa.Array.from_pandas(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise _mixed(str(name), error) from error
        columns.append(column)
        names.append(str(name))
    return pa.Table.from_arrays(columns, names=names)


def _of_rows(rows: Sequence[Mapping[Any, Any]]) -> pa.Table:
    """Rows as a table with every key that any of them has."""
    columns = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        values = [row.get(key) for row in rows]
        _require_one_kind(str(key), values)
        try:
            columns[str(key)] = pa.array(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise _mixed(str(key), error) from error
    return pa.table(columns)


def _require_one_kind(name: str, values: Iterable[Any]) -> None:
    """Refuses values that Arrow would change to those of the first one's type, without a word.

    Raises:
        QueryError: a column mixes such values; the message names it.
    """
    types = set(map(type, values))
    if not (
        {bool, float} <= types
        or {str, bytes} <= types
        or any(issubclass(each, dt.date | dt.time | dt.timedelta) for each in types)
    ):
        return
    kinds: set[str] = set()
    for value in values:
        match value:
            case bool():
                kinds.add("truth values")
            case float() if value == value:
                kinds.add("floats")
            case str():
                kinds.add("texts")
            case bytes():
                kinds.add("bytes")
            case dt.datetime() if value == value:  # not pandas' NaT
                kinds.add("times in a zone" if value.tzinfo else "times without a zone")
            case dt.date() if value == value:
                kinds.add("dates")
            case dt.time() if value.tzinfo:
                raise _mixed(name, TypeError("it holds times of day in a zone"))
            case dt.timedelta() if getattr(value, "nanoseconds", 0):
                raise _mixed(name, TypeError("it holds nanoseconds as objects"))
    for alike in _CONFUSED:
        if len(mixed := sorted(kinds & alike)) > 1:
            raise _mixed(name, TypeError(f"it holds {' and '.join(mixed)}"))


def _of_polars(frame: Any) -> pa.Table:
    import polars as pl

    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.Series):
        frame = frame.to_frame(frame.name or "value")
    for column in frame.get_columns():
        if column.dtype == pl.Object:
            raise _mixed(column.name, TypeError("the type Object"))
    return frame.to_arrow()


def _mixed(name: str, error: Exception) -> QueryError:
    reason = " ".join(str(error).split())[:200].rstrip(".")
    return _bad(
        f"The column “{name}” can't become a column of a table: {reason}. Give all its values one type, "
        f"for example df[{name!r}] = df[{name!r}].astype(str).",
        column=name,
    )
