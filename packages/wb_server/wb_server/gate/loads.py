"""Requests and results of loads, passed between rooms and never over the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import pyarrow as pa
from pydantic import Field, StringConstraints, model_validator

from ..kit.request import Request

LoadMode = Literal["append", "replace", "upsert", "create"]

LEDGER = "workbench_ledger"
"""The table that records which writes were made, in the schema that they write to."""

OnceKey = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.:-]{1,64}$")]


class Once(Request):
    """Makes a write happen once, however often it is attempted."""

    key: OnceKey = Field(description="The same for all attempts of one write: a task run's id.")


class LoadRequest(Request):
    """A request to load rows into a table."""

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
        if self.mode == "create" and not self.create:
            raise ValueError("the mode create makes the table")
        if len(set(self.key)) != len(self.key):
            raise ValueError("the key names a column twice")
        return self


class Batches(Protocol):
    """Rows to load: the schema, then record batches on demand."""

    @property
    def schema(self) -> pa.Schema: ...

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


@dataclass(frozen=True)
class Written:
    """The result of a load or a write, as a connector returns it.

    Attributes:
        rows: the number of rows loaded or changed.
        already: True if an earlier attempt had done it: nothing was done now, and ``rows`` is that
            attempt's count.
    """

    rows: int
    already: bool = False


@dataclass(frozen=True)
class TableName:
    """A table's name as the database stores it; without a schema, the login's default applies."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class LoadResult:
    """The result of a load.

    Attributes:
        rows: the number of rows loaded. An upsert counts changed ones too.
        already: True if an earlier attempt had loaded them.
        schema: the table's schema, as the database names it.
        table: its name, without the schema.
    """

    rows: int
    already: bool
    connection_id: str
    schema: str | None
    table: str


@dataclass(frozen=True)
class WriteResult:
    """The result of a write by SQL.

    Attributes:
        rows: the number of rows changed, or returned by ``RETURNING``.
        already: True if an earlier attempt had made it.
    """

    rows: int
    already: bool


Progress = Callable[[int], None]
"""Called after each batch with the number of rows so far."""
