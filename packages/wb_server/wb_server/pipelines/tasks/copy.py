"""The task type ``copy``: copies the rows of a query or of a Parquet artifact into a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from ...queries.broker import Broker
from ...queries.models import QueryRequest
from ..definition.fields import ArtifactName, ConnectionName, Sql
from ..definition.models import TaskSpec
from ..definition.uses import ArtifactUse, ConnectionUse, SqlUse
from . import rows
from .base import Attempt, TaskFailed, TaskResult, TaskType
from .parquet_rows import ParquetRows


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, value: Any) -> Any:
        if isinstance(value, dict) and ("artifact" in value) == bool(
            {"connection", "query"} & set(value)
        ):
            raise PydanticCustomError(
                "one_source",
                "It needs either an artifact, as {artifact: transform.sales.parquet}, or a "
                "connection and a query.",
            )
        return value


class FromArtifact(_Source):
    """A Parquet artifact of a task that this one needs."""

    artifact: ArtifactName


class FromQuery(_Source):
    """The rows of a query."""

    connection: ConnectionName
    query: Sql = Field(
        description="The query whose rows are copied. Expressions in it are passed as values. "
        "`{file: customers.sql}` takes it from a file of the pipeline's folder.",
        examples=["select id, name from customers where changed >= {{ params.since }}"],
    )


def _which(value: Any) -> str:
    named = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "an artifact" if "artifact" in named else "a query"


Source = Annotated[
    Annotated[FromArtifact, Tag("an artifact")] | Annotated[FromQuery, Tag("a query")],
    Discriminator(_which),
]


class CopySpec(TaskSpec):
    """Copies the rows of a query, or of a Parquet artifact, into a table."""

    type: Literal["copy"]
    source: Source = Field(
        alias="from",
        description="Where the rows come from: a `connection` and a `query`, or an `artifact`.",
        examples=[{"connection": "shop", "query": "select * from customers"}],
    )
    to: rows.IntoTable = Field(
        description="Where they go.",
        examples=[
            {"connection": "warehouse", "table": "raw.customers", "mode": "upsert", "key": ["id"]}
        ],
    )

    def uses(self) -> Iterable[ConnectionUse]:
        if isinstance(self.source, FromQuery):
            yield ConnectionUse(self.source.connection, write=False, path=("from", "connection"))
        yield ConnectionUse(self.to.connection, write=True, path=("to", "connection"))

    def statements(self) -> Iterable[SqlUse]:
        if isinstance(self.source, FromQuery):
            yield SqlUse.of(
                self.source.connection, self.source.query, ("from", "query"), reads=True
            )

    def reads(self) -> Iterable[ArtifactUse]:
        if isinstance(self.source, FromArtifact):
            yield ArtifactUse(self.source.artifact, path=("from", "artifact"))

    def outputs(self) -> tuple[str, ...]:
        return ("rows",)

    def artifacts(self) -> tuple[str, ...]:
        return ()


class CopyTask(TaskType):
    """The task type ``copy``. Holds only a few batches in memory, however many rows there are."""

    name: ClassVar[str] = "copy"
    title: ClassVar[str] = "Copy"
    description: ClassVar[str] = "Copies rows from one connection to another."
    Spec: ClassVar[type[TaskSpec]] = CopySpec

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def run(self, spec: CopySpec, attempt: Attempt) -> TaskResult:
        """Copies all rows or none, once per task run.

        Raises:
            TaskFailed: a conflict that a retry may resolve; ``unknown_artifact``, ``bad_artifact``.
            WorkbenchError: as for ``Statements.read`` and ``Loads.load``.
        """
        if isinstance(spec.source, FromArtifact):
            return self._from_artifact(spec.source.artifact, spec.to, attempt)
        query = spec.source.query
        request = QueryRequest(
            connection=spec.source.connection,
            sql=query.text,
            params=dict(query.parameters or {}) or None,
        )
        with (
            rows.retryable_conflicts(),
            self._broker.statements.read(
                attempt.actor, attempt.origin, request, attempt.hang_up
            ) as reading,
        ):
            rows.note_read(attempt, reading)
            loaded = rows.load(self._broker, attempt, reading, spec.to)
        return TaskResult({"rows": loaded.rows})

    def _from_artifact(self, wanted: str, to: rows.IntoTable, attempt: Attempt) -> TaskResult:
        task, _, name = wanted.partition(".")
        made = attempt.recorder.artifacts([task])
        artifact = next((each for each in made if each.name == name), None)
        if artifact is None:
            listed = (
                f"It made {', '.join(each.name for each in made)}." if made else "It made none."
            )
            raise TaskFailed(
                "unknown_artifact",
                f"The task {task} made no artifact {name}. {listed}",
                retry=False,
                made=[each.name for each in made],
            )
        with artifact.open() as file, rows.retryable_conflicts():
            loaded = rows.load(self._broker, attempt, ParquetRows(file, wanted), to)
        return TaskResult({"rows": loaded.rows})
