"""A small family of task specs, with every kind of field, for the tests of the pipeline file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from wb_server.pipelines.definition.fields import ConnectionName, FileName, Sql, Template, Value
from wb_server.pipelines.definition.models import Registry, TaskSpec
from wb_server.pipelines.definition.uses import (
    CheckContext,
    ConnectionUse,
    FileUse,
    SqlUse,
    StatementRefusal,
    TaskProblem,
)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToArtifact(Part):
    """An artifact of the run."""

    artifact: str = Field(max_length=63, description="The artifact's name.", examples=["sales"])


class ToTable(Part):
    """A table of a connection."""

    connection: ConnectionName
    table: str = Field(max_length=200, description="The table.", examples=["public.sales"])
    mode: Literal["append", "replace"] = Field(
        default="append", description="What happens to its rows.", examples=["replace"]
    )


def _target(value: Any) -> str | None:
    if isinstance(value, dict):
        return "artifact" if "artifact" in value else "table"
    return "artifact" if isinstance(value, ToArtifact) else "table"


class SqlSpec(TaskSpec):
    """Runs one statement."""

    type: Literal["sql"]
    connection: ConnectionName
    statement: Sql = Field(description="The statement.", examples=["select 1"])
    into: (
        Annotated[
            Annotated[ToArtifact, Tag("artifact")] | Annotated[ToTable, Tag("table")],
            Discriminator(_target),
        ]
        | None
    ) = Field(None, description="Where its rows go.", examples=[{"artifact": "sales"}])

    def uses(self) -> Iterable[ConnectionUse]:
        yield ConnectionUse(self.connection, False)
        if isinstance(self.into, ToTable):
            yield ConnectionUse(self.into.connection, True, ("into", "connection"))

    def statements(self) -> Iterable[SqlUse]:
        yield SqlUse(self.connection, self.statement.text, ("statement",), self.into is not None)

    def outputs(self) -> Collection[str]:
        return ("rows",)


class Source(Part):
    """Where rows come from."""

    connection: ConnectionName
    query: Sql = Field(description="The query.", examples=["select 1"])


class CopySpec(TaskSpec):
    """Copies rows."""

    type: Literal["copy"]
    source: Source = Field(alias="from", description="Where the rows come from.")
    target: ToTable = Field(alias="to", description="Where they go.")

    def uses(self) -> Iterable[ConnectionUse]:
        yield ConnectionUse(self.source.connection, False, ("from", "connection"))
        yield ConnectionUse(self.target.connection, True, ("to", "connection"))


class NotebookSpec(TaskSpec):
    """Runs a notebook."""

    runs_user_code: ClassVar[bool] = True

    type: Literal["notebook"]
    notebook: FileName = Field(description="The notebook.", examples=["transform.ipynb"])
    parameters: dict[str, Value] = Field({}, description="Its parameters.", examples=[{"a": 1}])

    def files(self) -> Iterable[FileUse]:
        yield FileUse(self.notebook, ("notebook",))

    def problems(self, context: CheckContext) -> Iterable[TaskProblem]:
        if not self.notebook.endswith(".ipynb"):
            yield TaskProblem(("notebook",), "bad_file", "It takes a notebook (.ipynb).")


class HttpSpec(TaskSpec):
    """Calls an address."""

    type: Literal["http"]
    url: str = Field(max_length=2_000, description="The address.", examples=["https://a.example/"])
    headers: dict[str, str] = Field(
        {}, description="Headers.", examples=[{"X-Run": "{{ run.id }}"}]
    )
    body: Value = Field(None, description="What is sent.", examples=[{"rows": 1}])
    tries: int | Template = Field(1, description="How often.", examples=[1])

    def outputs(self) -> Collection[str]:
        return ("status",)


REGISTRY: Registry = {
    "sql": SqlSpec,
    "copy": CopySpec,
    "notebook": NotebookSpec,
    "http": HttpSpec,
}


class World:
    """A context with two connections, one of them read-only."""

    files: Collection[str] = ("transform.ipynb", "helper.py", "notes.txt")

    def connection(self, name: str, write: bool, team: str | None) -> str | None:
        if name not in ("warehouse", "source"):
            return f"There is no connection {name}."
        return "You may not write to source." if name == "source" and write else None

    def statement(
        self, use: SqlUse, sql: str, parameters: Collection[str], team: str | None
    ) -> StatementRefusal | None:
        for number, line in enumerate(sql.split("\n"), start=1):
            if "forbidden" in line:
                message = f"It isn't allowed with {len(parameters)} parameters."
                return StatementRefusal(message, number, line.index("forbidden") + 1)
        return None

    def timeout(self, connection: str, seconds: float, team: str | None) -> str | None:
        return None

    def server(self, team: str | None) -> str | None:
        return "Robots have no server." if team == "robots" else None

    def run_as(self, team: str) -> str | None:
        return None if team == "finance" else f"You are no member of {team}."
