"""The models of the pipeline file (``*.pipeline.yaml``). Their descriptions make the reference page.

:class:`TaskSpec` is the base of each task type's spec. The task types live in a higher layer, so
their specs are passed in as a ``Registry``. ``check.check`` parses a text into a
:class:`PipelineFile` of such specs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    StringConstraints,
    field_validator,
)
from pydantic_core import PydanticCustomError

from . import cron, graph
from .fields import Duration, Label, ParameterName, PipelineName, TaskId, between
from .parameter_types import Parameter
from .uses import (
    ArtifactUse,
    CheckContext,
    ConnectionUse,
    FileUse,
    SqlUse,
    TaskProblem,
)

MAX_TASKS = 200
MAX_PARAMETERS = 100
MAX_WAIT = timedelta(hours=1)

Description = Annotated[str, StringConstraints(max_length=2_000)]


class _Part(BaseModel):
    """A part of the file: rejects unknown keys and is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Retries(_Part):
    """How often a failed task is retried, and after how long."""

    count: int = Field(
        default=0,
        ge=0,
        le=20,
        strict=True,
        description="How many times a failed task is retried.",
        examples=[3],
    )
    delay: Annotated[Duration, between(timedelta(0), MAX_WAIT)] = Field(
        default=timedelta(seconds=30),
        description="The wait before the first retry, at most `1h`.",
        examples=["30s"],
    )
    backoff: Literal["constant", "exponential"] = Field(
        default="constant",
        description="`constant`: the same wait each time. `exponential`: the wait doubles each time, up "
        "to `1h`.",
        examples=["exponential"],
    )

    def wait(self, failed: int) -> timedelta:
        """The wait between the ``failed``-th attempt (from 1) and the next."""
        if self.backoff == "constant":
            return self.delay
        doubled: int = 2 ** min(failed - 1, 30)
        return min(MAX_WAIT, self.delay * doubled)


Timeout = Annotated[Duration, between(timedelta(seconds=1), timedelta(days=7))]


class Defaults(_Part):
    """The values for tasks that don't set their own."""

    retries: Retries = Field(
        default=Retries(),
        description="The retries of tasks that don't set `retries`.",
        examples=[{"count": 2, "delay": "30s", "backoff": "exponential"}],
    )
    timeout: Timeout = Field(
        default=timedelta(hours=1),
        description="How long one attempt of a task may take, from `1s` to `7d`.",
        examples=["1h"],
    )


def _sentence(kind: str) -> Any:
    """A check from ``cron.py`` as a validator with its own error code."""
    check = {"bad_cron": cron.check_cron, "bad_zone": cron.check_zone}[kind]

    def validate(value: str) -> str:
        try:
            return check(value)
        except ValueError as error:
            raise PydanticCustomError(kind, "{reason}", {"reason": str(error)}) from None

    return AfterValidator(validate)


class Schedule(_Part):
    """When the pipeline runs automatically."""

    cron: Annotated[str, _sentence("bad_cron")] = Field(
        max_length=200,
        description="Five fields: minute, hour, day of the month, month, day of the week (0 or 7 is "
        "Sunday); or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. `L` is the month's last "
        "day.",
        examples=["0 6 * * 1-5", "@daily"],
    )
    timezone: Annotated[str, _sentence("bad_zone")] = Field(
        default="UTC",
        max_length=100,
        description="The time zone of `cron`.",
        examples=["Europe/Vienna"],
    )
    catch_up: Literal["skip", "latest", "all"] = Field(
        default="latest",
        description="What happens to times that were missed while no scheduler ran or the schedule was "
        "paused: `skip` drops them, `latest` runs once for the last one, `all` runs once for "
        "each (at most 1,000).",
        examples=["latest"],
    )
    paused: bool = Field(
        default=False,
        strict=True,
        description="`true` keeps the schedule without firing it.",
        examples=[False],
    )


class TaskSpec(_Part):
    """The keys that all tasks share. A task type derives its spec from it::

        class SqlSpec(TaskSpec):
            type: Literal["sql"]
            connection: ConnectionName
            statement: Sql = Field(description="…", examples=["select 1"])

            def uses(self) -> Iterable[ConnectionUse]:
                yield ConnectionUse(self.connection, write=False)

    Fields use the types in ``fields``, which decide where expressions may stand. For the reference page,
    each field has a description and an example, and the class has a docstring.
    """

    type: str = Field(description="The task type.")
    description: Description = Field(
        default="",
        description="What the task does, for readers.",
        examples=["The orders of a month"],
    )
    needs: list[TaskId] = Field(
        default=[],
        max_length=MAX_TASKS,
        description="The tasks that must succeed before this one starts.",
        examples=[["extract"]],
    )
    retries: Retries | None = Field(
        default=None,
        description="As in `defaults`, for this task; it replaces the default retries as a whole.",
        examples=[{"count": 3}],
    )
    timeout: Timeout | None = Field(
        default=None, description="As in `defaults`, for this task.", examples=["10m"]
    )

    untouched: ClassVar[frozenset[str]] = frozenset(
        {"type", "description", "needs", "retries", "timeout"}
    )
    """Fields in which ``{{`` is plain text."""

    shown: ClassVar[tuple[str, ...]] = ()
    """Keys that the example in the reference shows besides the required ones."""

    runs_user_code: ClassVar[bool] = False
    """Whether it needs a server of the user whose rights the run uses."""

    def uses(self) -> Iterable[ConnectionUse]:
        """The connections that it reads or writes. Their names never come from an expression."""
        return ()

    def statements(self) -> Iterable[SqlUse]:
        """The statements that it runs on its connections."""
        return ()

    def files(self) -> Iterable[FileUse]:
        """The files of the pipeline's folder that must exist: those with the SQL of its statements."""
        for use in self.statements():
            if use.file is not None:
                yield FileUse(use.file, (*use.path, "file"))

    def reads(self) -> Iterable[ArtifactUse]:
        """The artifacts of other tasks that must exist."""
        return ()

    def outputs(self) -> Collection[str] | None:
        """The names of its outputs, or None if they are known only at run time."""
        return None

    def artifacts(self) -> Collection[str] | None:
        """The names of its artifacts, or None if they are known only at run time."""
        return None

    def problems(self, context: CheckContext) -> Iterable[TaskProblem]:
        """Mistakes other than those of types, connections and files. Never raises."""
        return ()


Registry = Mapping[str, type[TaskSpec]]
"""The specs of task types by name; each spec's ``type`` is a ``Literal`` of that name."""

RunAs = Annotated[str, StringConstraints(pattern=r"^(owner|team:[^\s:/][^:/]{0,254})$")]


class PipelineFile(_Part):
    """One pipeline."""

    name: PipelineName = Field(
        description="The pipeline's name: lower-case letters, digits and underscores, starting with a "
        "letter, at most 63 characters.",
        examples=["nightly_sales"],
    )
    description: Description = Field(
        default="",
        description="What it is for.",
        examples=["Sales of the previous day, for the report"],
    )
    labels: list[Label] = Field(
        default=[],
        max_length=20,
        description="Words to search and filter pipelines by.",
        examples=[["sales", "nightly"]],
    )
    parameters: dict[ParameterName, Parameter] = Field(
        default={},
        max_length=MAX_PARAMETERS,
        description="The values that a run takes, by name. Tasks read them as "
        "`{{ params.<name> }}`.",
        examples=[{"period": {"type": "date", "default": "{{ run.date | first_of_month(-1) }}"}}],
    )
    defaults: Defaults = Field(
        default=Defaults(),
        description="Values for tasks that don't set their own.",
        examples=[{"retries": {"count": 2}, "timeout": "1h"}],
    )
    schedule: Schedule | None = Field(
        default=None,
        description="When it runs automatically. Without a schedule it runs only when someone starts it.",
        examples=[{"cron": "0 6 * * 1-5", "timezone": "Europe/Vienna"}],
    )
    concurrency: Literal["queue", "skip", "cancel_older"] = Field(
        default="queue",
        description="What happens when a run is due while another one is still active: `queue` makes it "
        "wait, `skip` skips it, `cancel_older` cancels the other one.",
        examples=["queue"],
    )
    sla: Annotated[Duration, between(timedelta(seconds=1), timedelta(days=30))] | None = Field(
        default=None,
        description="How soon after its due time a run should end. It has no effect yet: saving warns.",
        examples=["2h"],
    )
    run_as: RunAs = Field(
        default="owner",
        description="Whose rights and credentials a run uses: `owner`, or `team:<group>` for a team "
        "account.",
        examples=["owner", "team:finance"],
    )
    tasks: dict[TaskId, SerializeAsAny[TaskSpec]] = Field(
        min_length=1,
        max_length=MAX_TASKS,
        description="What it does: tasks by id. A task starts when all tasks that it needs have "
        "succeeded.",
        examples=[{"extract": {"type": "sql", "connection": "warehouse", "statement": "select 1"}}],
    )

    @field_validator("labels")
    @classmethod
    def _without_duplicates(cls, labels: list[str]) -> list[str]:
        return list(dict.fromkeys(labels))

    @property
    def team(self) -> str | None:
        """The team account that it runs as, or None for its owner."""
        return self.run_as.partition(":")[2] or None

    @property
    def needs(self) -> dict[str, list[str]]:
        """Task id -> the tasks it needs directly, in the order of the file (see ``graph``)."""
        return {name: list(dict.fromkeys(task.needs)) for name, task in self.tasks.items()}

    def order(self) -> list[str]:
        """Task ids in topological order."""
        return graph.order(self.needs)

    def retries_of(self, task: str) -> Retries:
        """The retries of a task: its own, or the defaults."""
        return self.tasks[task].retries or self.defaults.retries

    def timeout_of(self, task: str) -> timedelta:
        """The timeout of a task: its own, or the default."""
        own = self.tasks[task].timeout
        return self.defaults.timeout if own is None else own

    def with_schedule(self, schedule: Schedule | None) -> Self:
        """The same pipeline with another schedule."""
        return self.model_copy(update={"schedule": schedule})
