"""Copies the rows of a query from one connection into a table of another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...connections.broker import Broker
from ...connections.models import QueryRequest
from ..definition.fields import ConnectionName, Sql
from ..definition.models import TaskSpec, Use
from . import rows
from .base import Attempt, Result, TaskType


class CopySource(BaseModel):
    """Where rows come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connection: ConnectionName
    query: Sql = Field(
        description="The query whose rows are copied. Expressions are values in it.",
        examples=["select id, name from customers where changed >= {{ params.since }}"],
    )


class CopySpec(TaskSpec):
    """Copies the rows of a query into a table, of another connection or of the same one."""

    type: Literal["copy"]
    source: CopySource = Field(
        alias="from",
        description="Where the rows come from.",
        examples=[{"connection": "shop", "query": "select * from customers"}],
    )
    to: rows.IntoTable = Field(
        description="Where they go.",
        examples=[
            {"connection": "warehouse", "table": "raw.customers", "mode": "upsert", "key": ["id"]}
        ],
    )

    def uses(self) -> Iterable[Use]:
        yield Use(self.source.connection, write=False, path=("from", "connection"))
        yield Use(self.to.connection, write=True, path=("to", "connection"))

    def outputs(self) -> tuple[str, ...]:
        return ("rows",)


class CopyTask(TaskType):
    """The task type ``copy``. Holds a few batches of rows, however many there are."""

    name: ClassVar[str] = "copy"
    title: ClassVar[str] = "Copy"
    description: ClassVar[str] = "Copies rows from one connection into another."
    Spec: ClassVar[type[TaskSpec]] = CopySpec

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def run(self, spec: CopySpec, attempt: Attempt) -> Result:
        """Copies all rows or none, once for the task run.

        Raises:
            TaskFailed: a conflict that may pass.
            WorkbenchError: as ``Broker.read`` and ``Broker.load``.
        """
        query = spec.source.query
        request = QueryRequest(
            connection=spec.source.connection,
            sql=query.text,
            params=dict(query.parameters or {}) or None,
        )
        with (
            rows.telling_what_passes(),
            self._broker.read(attempt.actor, attempt.origin, request, attempt.hang_up) as reading,
        ):
            rows.note_read(attempt, reading)
            done = rows.load(self._broker, attempt, reading, spec.to)
        return Result({"rows": done.rows})
