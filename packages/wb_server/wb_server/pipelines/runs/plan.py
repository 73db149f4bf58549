"""Plans a run: which tasks it has, and which of them take over the success of an earlier run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ...kit.errors import Conflict, NotFound
from ...user_server.packages import PACKAGES
from ..definition import expressions, graph, parameters, templates
from ..definition.models import PipelineFile, TaskSpec
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


@dataclass(frozen=True)
class VersionOfRun:
    """What determines the results of a run: the file, its folder (path -> digest), parameters."""

    definition: PipelineFile
    files: Mapping[str, str]
    parameters: Mapping[str, Any]


def changed_tasks(
    before: VersionOfRun, after: VersionOfRun, contents: Mapping[str, bytes]
) -> frozenset[str]:
    """The tasks of a version whose results in a run of an earlier one are out of date.

    That is: what a task does has changed, a file that it may read, or a parameter; or it needs such a
    task.

    Args:
        contents: the folder of the later version; its SQL files may read parameters.

    Raises:
        Unprocessable: an SQL file can't be read (``bad_file``).
    """
    needs, needed_before = after.definition.needs, before.definition.needs
    files = {
        path
        for path in {*before.files, *after.files} - {PACKAGES}
        if before.files.get(path) != after.files.get(path)
    }
    values = {
        name
        for name in {*before.parameters, *after.parameters}
        if before.parameters.get(name) != after.parameters.get(name)
    }
    changed = {
        name
        for name, task in after.definition.tasks.items()
        if name not in needed_before
        or _plain(task) != _plain(before.definition.tasks[name])
        or needs[name] != needed_before[name]
        or any(_may_read(task, path) for path in files)
        or (values and values & _parameters_of(templates.with_files(task, contents)))
    }
    return frozenset(changed | graph.dependents(needs, changed))


def _plain(task: TaskSpec) -> TaskSpec:
    """A task without what doesn't change its results."""
    return task.model_copy(
        update={"description": "", "needs": [], "retries": None, "timeout": None}
    )


def _may_read(task: TaskSpec, path: str) -> bool:
    """Whether a task may read a file: one that it names; user code any, except other notebooks."""
    named = any(path == file.name for file in task.files())
    return named or (task.runs_user_code and not path.endswith(".ipynb"))


def _parameters_of(task: TaskSpec) -> set[str]:
    return {
        str(name[1])
        for text in templates.of(task)
        for part in expressions.split(text.text)
        if isinstance(part, expressions.Expression)
        for name, _ in part.names
        if len(name) > 1 and name[0] == "params"
    }


def tasks_again(
    definition: PipelineFile,
    before: Iterable[TaskRunView],
    request: RerunRequest,
    changed: Collection[str] = (),
) -> list[NewTask]:
    """The tasks of a rerun: what doesn't run again takes over its earlier success, or is left out.

    Args:
        definition: the version to run.
        before: the tasks of the earlier run.
        request: what to run again.
        changed: the tasks whose earlier results are out of date, if that run was of another version.

    Raises:
        NotFound: there is no such task (``unknown_task``).
        Conflict: nothing of it failed (``nothing_failed``), or the task needs another one that did
            not succeed (``needed_failed``).
    """
    planned = tasks_of(definition)
    if request.what == "all":
        return planned
    succeeded = {task.task: task for task in before if task.state == "succeeded"}
    others = {name for name in definition.tasks if name not in succeeded}
    if request.what == "failed":
        again, left_out = others | set(changed), set[str]()
        if not again:
            raise Conflict("Every task of this run succeeded.", code="nothing_failed")
    else:
        if request.task is None or request.task not in definition.tasks:
            raise NotFound("There is no such task in this version.", code="unknown_task")
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


def values_again(
    definition: PipelineFile,
    earlier: Mapping[str, Any],
    given: list[str] | None,
    scope: Mapping[str, Any],
) -> dict[str, Any]:
    """The parameters of an earlier run for another version, whose defaults may be others.

    A value that was given stays, if the version still has that parameter. If it isn't known what was
    given, every value stays.
    """
    kept = {
        name: value
        for name, value in earlier.items()
        if name in definition.parameters and (given is None or name in given)
    }
    return parameters.to_json(parameters.resolve(definition.parameters, kept, scope))
