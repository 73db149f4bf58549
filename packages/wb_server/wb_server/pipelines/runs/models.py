"""The models of runs, on the wire and between rooms."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...kit.request import Count, Day

RunState = Annotated[
    Literal["queued", "running", "succeeded", "failed", "cancelled", "skipped"],
    Field(
        description="`queued`: an earlier run of the pipeline is still active. `skipped`: one was, and "
        "the pipeline's `concurrency` is `skip`."
    ),
]
TaskState = Annotated[
    Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled", "skipped"],
    Field(
        description="`waiting`: for tasks that it needs. `queued`: for a worker. `skipped`: a task that "
        "it needs failed, or it isn't part of this run."
    ),
]
AttemptState = Annotated[
    Literal["running", "succeeded", "failed", "cancelled", "lost", "held"],
    Field(
        description="`lost`: the worker stopped responding. `held`: the Workbench itself couldn't go on, "
        "for instance on a full disk; the task is tried again, and no retry is used up."
    ),
]
Trigger = Literal["manual", "schedule", "rerun"]
# Bounded so that every day exists in every time zone.
RunDate = Annotated[Day, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]

ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled", "skipped"})


class RunSummary(BaseModel):
    """A run in a list."""

    id: str
    number: int = Field(description="Counts the runs of the pipeline.")
    pipeline_id: str
    pipeline: str = Field(description="The pipeline's name.")
    version: int
    state: RunState
    trigger: Trigger
    triggered_by: str
    logical_at: datetime = Field(
        description="The time that the run is for: that of the schedule, the beginning of the given day, "
        "or when it was started by hand."
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    code: str | None = Field(None, description="Why it failed or was skipped.")
    message: str = ""
    cancelled_by: str | None = None


class Run(RunSummary):
    """A run as rooms pass it to each other."""

    run_as: str
    parameters: dict[str, Any]
    rerun_of: str | None = None


class AttemptView(BaseModel):
    """One try at a task run."""

    id: str
    number: int
    state: AttemptState
    worker: str
    started_at: datetime
    finished_at: datetime | None
    code: str | None
    message: str
    details: dict[str, Any]
    progress: dict[str, Any] | None = Field(description="`done`, `total` and `text`.")
    has_notebook: bool


class ArtifactView(BaseModel):
    """A file that a task made."""

    name: str
    media_type: str
    size: int


class TableUseView(BaseModel):
    """A table that a task read or wrote."""

    direction: Literal["read", "written"]
    connection_id: str
    schema_: str | None = Field(alias="schema", serialization_alias="schema")
    table: str
    columns: list[str]

    model_config = ConfigDict(populate_by_name=True)


class TaskRunView(BaseModel):
    """A task of a run."""

    id: str
    task: str
    type: str
    needs: list[str]
    state: TaskState
    started_at: datetime | None
    finished_at: datetime | None
    next_try_at: datetime | None = Field(description="When it will be retried.")
    waiting: str | None = Field(
        None,
        description="Why it waits for the Workbench itself, such as for space on its disk. It goes on by "
        "itself.",
    )
    code: str | None
    message: str
    outputs: dict[str, Any]
    artifacts: list[ArtifactView]
    tables: list[TableUseView]
    attempts: list[AttemptView]


class RunDetail(Run):
    """A run with its tasks, in the order of the file."""

    tasks: list[TaskRunView]
    actions: list[str] = Field(description="What the caller may do with it now.")
    run_date: date | None = Field(
        description="The day that it is for, in the schedule's time zone; `null` if its version can't "
        "be read."
    )
    current_version: int | None = Field(
        description="The version of the pipeline that runs now; `null` if none may."
    )


class RunPage(BaseModel):
    items: list[RunSummary]
    next: str | None = Field(description="The cursor of the next page.")


class RunQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pipeline: str | None = Field(None, max_length=63, description="A pipeline's name or id.")
    state: RunState | None = None
    number: Count | None = Field(None, ge=1, description="The run's number in its pipeline.")
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=64)


class RunRequest(BaseModel):
    """Starts a run."""

    model_config = ConfigDict(extra="forbid")

    parameters: dict[str, Any] = Field(default={}, max_length=100)
    date: RunDate | None = Field(
        None,
        description="The day that the run is for, which `run.date` stands for, in the schedule's time "
        "zone. Without it, the current day.",
    )
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        description="A second request with the same key returns the first one's run.",
    )


class RerunRequest(BaseModel):
    """Reruns all tasks, the failed ones and those after them, or one task, for the same day."""

    model_config = ConfigDict(extra="forbid")

    version: Literal["same", "current"] = Field(
        "same",
        description="`same`: the version and the parameters of the run. `current`: the version that "
        "runs now, with the parameters that the run was given; the others take its defaults. What "
        "succeeded but has changed since runs again too.",
    )
    what: Literal["all", "failed", "task"] = "all"
    task: str | None = Field(None, max_length=63)


class LogPage(BaseModel):
    """A page of an attempt's log."""

    text: str
    next: int = Field(description="The `start` of the next page.")
    ended: bool = Field(description="Whether the log is complete.")


class LogQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start: Count = Field(0, ge=0)
