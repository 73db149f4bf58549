"""Plans a run: which tasks it has, and which of them take over the success of an earlier run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from ...kit.errors import Conflict, NotFound
from ..definition import graph
from ..definition.models import PipelineFile
from .models import RerunRequest, TaskRunView
from .steps import NewTask


def tasks_of(definition: PipelineFile) -> list[NewTask]:
    """The tasks of a run that runs all of a pipeline, in the order of the file."""
    made = []
    for name, spec in definition.tasks.items():
        retries = definition.retries_of(name)
        made.append(
            NewTask(
                name,
                spec.type,
                definition.needs[name],
                retries=retries.count,
                retry_delay=retries.delay / timedelta(seconds=1),
                retry_factor=2.0 if retries.backoff == "exponential" else 1.0,
            )
        )
    return made


def tasks_again(
    definition: PipelineFile, before: Iterable[TaskRunView], request: RerunRequest
) -> list[NewTask]:
    """The tasks of a rerun: what doesn't run again takes over its earlier success, or is left out.

    Args:
        definition: the version that ran before.
        before: the tasks of that run.
        request: what to run again.

    Raises:
        NotFound: the run has no such task (``unknown_task``).
        Conflict: nothing of it failed (``nothing_failed``), or the task needs another one that did
            not succeed (``needed_failed``).
    """
    planned = tasks_of(definition)
    if request.what == "all":
        return planned
    succeeded = {task.task: task for task in before if task.state == "succeeded"}
    others = {name for name in definition.tasks if name not in succeeded}
    if request.what == "failed":
        again, left_out = others, set[str]()
        if not again:
            raise Conflict("Every task of this run succeeded.", code="nothing_failed")
    else:
        if request.task is None or request.task not in definition.tasks:
            raise NotFound("This run has no such task.", code="unknown_task")
        again = {request.task}
        left_out = others - again
        missing = graph.needed(definition.needs, request.task) & left_out
        if missing:
            raise Conflict(
                f"“{request.task}” needs {', '.join(sorted(missing))}, which did not succeed.",
                code="needed_failed",
            )
    return [
        task if task.task in again else _not_again(task, succeeded, left_out) for task in planned
    ]


def _not_again(task: NewTask, succeeded: dict[str, TaskRunView], left_out: set[str]) -> NewTask:
    if task.task in left_out:
        return NewTask(task.task, task.type, task.needs, left_out=True)
    earlier = succeeded[task.task]
    return NewTask(task.task, task.type, task.needs, taken=earlier.id, outputs=earlier.outputs)
