"""What tasks do with rows: load them into a table, write them to Parquet, or count them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from ...gate.lineage import TableUse, tables_read
from ...gate.loads import Batches, LoadRequest, LoadResult, Once
from ...kit.errors import WorkbenchError
from ...queries.broker import Broker
from ...queries.stream import Reading
from ..definition.fields import ConnectionName
from .base import Artifact, Attempt, TaskFailed, counted
from .temporary import Temporary

PARQUET: Final = "application/vnd.apache.parquet"

# Another process was faster or holds a lock: a retry may succeed.
_RETRYABLE: Final = frozenset(
    {"conflicting_change", "source_locked", "source_changed", "query_id_taken"}
)
# The size of a Parquet row group: large enough to read efficiently, small enough to hold in memory.
_GROUP_BYTES: Final = 16 << 20
# A single row with more columns than this doesn't become outputs.
_OUTPUT_COLUMNS: Final = 20

TableName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=r"^[^{}\x00-\x1f]+$"),
    Field(
        description="`schema.table` or `table`. Quote a name here if SQL needs quotes for it. It can't "
        "be an expression.",
        examples=["reporting.sales"],
    ),
]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class IntoTable(BaseModel):
    """The table to load rows into."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connection: ConnectionName
    table: TableName
    mode: Literal["append", "replace", "upsert"] = Field(
        "append",
        description="`append` adds the rows, `replace` replaces all existing rows, `upsert` updates "
        "rows with the same key and adds the others.",
        examples=["upsert"],
    )
    key: list[ColumnName] = Field(
        default=[],
        max_length=32,
        description="For `upsert`: the columns that identify a row. The table needs a unique index on "
        "them.",
        examples=[["id"]],
    )
    create: bool = Field(
        True,
        strict=True,
        description="Create the table from the rows' columns if it is missing.",
        examples=[False],
    )

    @model_validator(mode="after")
    def _key_fits(self) -> Self:
        if self.mode == "upsert" and not self.key:
            raise PydanticCustomError(
                "key_missing", "An upsert needs a key: the columns that identify a row."
            )
        if self.mode != "upsert" and self.key:
            raise PydanticCustomError("key_unused", "Only the mode upsert takes a key.")
        if len(set(self.key)) != len(self.key):
            raise PydanticCustomError("key_twice", "The key names a column twice.")
        return self


@contextmanager
def retryable_conflicts() -> Iterator[None]:
    """Turns conflicts that a retry may resolve into failures that are retried.

    Raises:
        TaskFailed: for such a conflict; other errors pass unchanged.
    """
    try:
        yield
    except WorkbenchError as error:
        if error.code not in _RETRYABLE:
            raise
        raise TaskFailed(error.code, error.message, retry=True, **error.details) from error


def note_read(attempt: Attempt, reading: Reading) -> None:
    """Records the tables that a query reads, with the columns that it names."""
    attempt.recorder.tables("read", tables_read(reading.permit))


def load(broker: Broker, attempt: Attempt, batches: Batches, into: IntoTable) -> LoadResult:
    """Loads rows into a table, once per task run.

    Raises:
        WorkbenchError: as for ``Loads.load``.
    """
    request = LoadRequest(
        connection=into.connection,
        table=into.table,
        mode=into.mode,
        key=into.key,
        create=into.create,
    )
    loaded = broker.loads.load(
        attempt.actor,
        attempt.origin,
        request,
        batches,
        attempt.hang_up,
        Once(key=attempt.task_run_id),
        _progress(attempt),
    )
    attempt.recorder.tables(
        "written", [TableUse(loaded.connection_id, loaded.schema, loaded.table)]
    )
    line = f"{counted(loaded.rows, 'row')} into {into.connection}, {into.table} ({into.mode})"
    if loaded.already:
        line += ": already loaded by an earlier attempt, nothing to do"
    attempt.recorder.log(line)
    return loaded


def parquet(
    attempt: Attempt, reading: Reading, name: str, temporary: Temporary
) -> tuple[int, Artifact]:
    """Writes a query's rows to a temporary Parquet file, which is removed with the artifact.

    Args:
        temporary: creates the folder for it.

    Returns:
        The number of rows, and the artifact.

    Raises:
        TaskFailed: a column has a type that Parquet lacks (``unsupported_type``).
        WorkbenchError: from reading the rows.
    """
    progress = _progress(attempt)
    with temporary.files() as folder:
        path = folder.path / name
        try:
            with pq.ParquetWriter(path, reading.schema, compression="zstd") as writer:
                pending: list[pa.RecordBatch] = []
                for batch in reading:
                    pending.append(batch)
                    if sum(each.nbytes for each in pending) >= _GROUP_BYTES:
                        writer.write_table(pa.Table.from_batches(pending, reading.schema))
                        pending = []
                    progress(reading.rows)
                if pending:
                    writer.write_table(pa.Table.from_batches(pending, reading.schema))
        except pa.ArrowNotImplementedError as error:
            raise TaskFailed(
                "unsupported_type",
                f"A column has a type that Parquet doesn't have: {error}. Cast it in the query.",
                retry=False,
            ) from error
        (artifact,) = folder.artifacts([Artifact(name, PARQUET, path)])
    attempt.recorder.log(f"{counted(reading.rows, 'row')} into the artifact {name}")
    return reading.rows, artifact


def outputs(attempt: Attempt, reading: Reading) -> dict[str, Any]:
    """The number of rows, and the row's columns if there is exactly one.

    A column named ``rows`` replaces the number.
    """
    progress = _progress(attempt)
    first: pa.RecordBatch | None = None
    for batch in reading:
        if first is None and batch.num_rows:
            first = batch.slice(0, 1)
        progress(reading.rows)
    attempt.recorder.log(counted(reading.rows, "row"))
    found: dict[str, Any] = {"rows": reading.rows}
    if first is not None and reading.rows == 1 and first.num_columns <= _OUTPUT_COLUMNS:
        found |= {name: _json(value) for name, value in first.to_pylist()[0].items()}
    return found


def _progress(attempt: Attempt) -> Callable[[int], None]:
    return lambda rows: attempt.recorder.progress(rows, None, f"{rows:,} rows")


def _json(value: Any) -> Any:
    """A value as JSON for outputs: decimals, dates, times and bytes become text, NaN and ∞ null."""
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal | timedelta | UUID):
        return str(value)
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return None
    return value
