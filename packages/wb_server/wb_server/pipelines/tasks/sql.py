"""The task type ``sql``: runs a statement on a connection, and stores its rows if asked to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from ...gate.lineage import tables_written
from ...gate.loads import Once
from ...queries.broker import Broker
from ...queries.models import QueryRequest
from ..definition.fields import ConnectionName, Sql
from ..definition.models import TaskSpec
from ..definition.uses import ConnectionUse, SqlUse
from . import rows
from .base import Attempt, TaskResult, TaskType, counted
from .temporary import Temporary


class IntoArtifact(BaseModel):
    """A Parquet file that is kept with the run, for tasks that need this one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    artifact: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")] = (
        Field(description="The artifact's name.", examples=["sales.parquet"])
    )


def _which(value: Any) -> str:
    named = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "an artifact" if "artifact" in named else "a table"


Into = Annotated[
    Annotated[IntoArtifact, Tag("an artifact")] | Annotated[rows.IntoTable, Tag("a table")],
    Discriminator(_which),
]


class SqlSpec(TaskSpec):
    """Runs a statement, or several in one transaction. The rows of a query go into an artifact or into a table."""

    type: Literal["sql"]
    connection: ConnectionName
    statement: Sql = Field(
        description="A query, or a statement that changes data; or several, separated by `;`, which "
        "run in one transaction: all of them or none. Expressions are passed as values, never as part "
        "of the text. `{file: load.sql}` takes the text from a file of the pipeline's folder.",
        examples=["select * from orders where day >= {{ params.period }}"],
    )
    into: Into | None = Field(
        default=None,
        description="Where the rows of a query go: `artifact: <name>` for a Parquet file, or a "
        "`connection` and a `table`.",
        examples=[{"artifact": "sales.parquet"}],
    )

    def uses(self) -> Iterable[ConnectionUse]:
        yield ConnectionUse(self.connection, write=False)
        if isinstance(self.into, rows.IntoTable):
            yield ConnectionUse(self.into.connection, write=True, path=("into", "connection"))

    def statements(self) -> Iterable[SqlUse]:
        yield SqlUse.of(
            self.connection, self.statement, ("statement",), reads=self.into is not None
        )

    def outputs(self) -> tuple[str, ...] | None:
        # Without a target, the columns of a single row become outputs too.
        return ("rows",) if self.into is not None else None

    def artifacts(self) -> tuple[str, ...]:
        return (self.into.artifact,) if isinstance(self.into, IntoArtifact) else ()


class SqlTask(TaskType):
    """The task type ``sql``.

    Args:
        temporary: the folder for files that are to become artifacts.
    """

    name: ClassVar[str] = "sql"
    title: ClassVar[str] = "SQL"
    description: ClassVar[str] = "Runs a statement on a connection."
    Spec: ClassVar[type[TaskSpec]] = SqlSpec

    def __init__(self, broker: Broker, temporary: Path) -> None:
        self._broker = broker
        self._temporary = Temporary(temporary)

    def run(self, spec: SqlSpec, attempt: Attempt) -> TaskResult:
        """Runs the statement; it changes or loads data once per task run.

        Raises:
            TaskFailed: ``unsupported_type`` for an artifact; a conflict that a retry may resolve.
            WorkbenchError: as for ``Statements.run`` and ``Loads.load``.
        """
        request = QueryRequest(
            connection=spec.connection,
            sql=spec.statement.text,
            params=dict(spec.statement.parameters or {}) or None,
        )
        with rows.retryable_conflicts():
            if spec.into is None:
                return self._run(request, attempt)
            with self._broker.statements.read(
                attempt.actor, attempt.origin, request, attempt.hang_up
            ) as reading:
                rows.note_read(attempt, reading)
                if isinstance(spec.into, IntoArtifact):
                    count, artifact = rows.parquet(
                        attempt, reading, spec.into.artifact, self._temporary
                    )
                    return TaskResult({"rows": count}, [artifact])
                loaded = rows.load(self._broker, attempt, reading, spec.into)
                return TaskResult({"rows": loaded.rows})

    def _run(self, request: QueryRequest, attempt: Attempt) -> TaskResult:
        once = Once(key=attempt.task_run_id)
        with self._broker.statements.run(
            attempt.actor, attempt.origin, request, attempt.hang_up, once
        ) as reading:
            rows.note_read(attempt, reading)
            if reading.permit.kind == "read":
                return TaskResult(rows.outputs(attempt, reading))
            written = reading.written()
        attempt.recorder.tables("written", tables_written(reading.permit))
        line = f"{counted(written.rows, 'row')} changed"
        if reading.permit.steps:
            line = f"{len(reading.permit.steps)} statements, {line}"
        if written.already:
            line += ": already done by an earlier attempt, nothing to do"
        attempt.recorder.log(line)
        return TaskResult({"rows": written.rows})
