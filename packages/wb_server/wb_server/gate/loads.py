"""What a load is asked for, and what it answers: between rooms, never over the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import pyarrow as pa
from pydantic import Field, StringConstraints, model_validator

from ..kit.request import Request

LoadMode = Literal["append", "replace", "upsert"]

LEDGER = "workbench_ledger"
"""The table that says which writes were made, in the schema of what they write to."""

OnceKey = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.:-]{1,64}$")]


class Once(Request):
    """Says that a write is made once, however often it is tried."""

    key: OnceKey = Field(description="The same for all attempts of one write: a task run's id.")


class LoadRequest(Request):
    """Rows into a table."""

    connection: str = Field(description="A connection's name or id.")
    table: str = Field(
        min_length=1,
        max_length=300,
        description="`schema.table` or `table`. Quote a name here if SQL needs quotes for it.",
    )
    mode: LoadMode
    key: list[str] = Field(
        default=[], max_length=32, description="For `upsert`: the columns that identify a row."
    )
    create: bool = Field(
        True, description="Create the table from the rows' columns if it is missing."
    )

    @model_validator(mode="after")
    def _key_for_upsert(self) -> LoadRequest:
        if self.mode == "upsert" and not self.key:
            raise ValueError("an upsert needs a key: the columns that identify a row")
        if self.mode != "upsert" and self.key:
            raise ValueError("only the mode upsert takes a key")
        if len(set(self.key)) != len(self.key):
            raise ValueError("the key names a column twice")
        return self


class Batches(Protocol):
    """Rows to load: their columns, then batches as they are asked for."""

    @property
    def schema(self) -> pa.Schema: ...

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


@dataclass(frozen=True)
class Written:
    """What a load or a write came to.

    Attributes:
        rows: that were loaded or changed.
        already: whether an earlier try had done it: nothing was done now, and ``rows`` is its.
    """

    rows: int
    already: bool = False


@dataclass(frozen=True)
class TableName:
    """A table as the database stores its name; without a schema, one that the login finds."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class LoadResult:
    """What a load came to.

    Attributes:
        rows: that came in. An upsert counts changed ones too.
        already: whether an earlier try had loaded them.
        schema: of the table, as the database knows it.
        table: its name, without the schema.
    """

    rows: int
    already: bool
    connection_id: str
    schema: str | None
    table: str


@dataclass(frozen=True)
class WriteResult:
    """What a write by SQL came to.

    Attributes:
        rows: that were changed, or returned by ``RETURNING``.
        already: whether an earlier try had made it.
    """

    rows: int
    already: bool


Progress = Callable[[int], None]
"""Is told the number of rows so far, after each batch."""
