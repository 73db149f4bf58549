"""Problems that a pipeline file has with the world around it: accounts, connections, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic_core import PydanticCustomError

from ...kit.errors import Unprocessable
from . import binding
from .expressions import ExpressionError
from .fields import read_duration
from .models import TaskSpec
from .near import near
from .problems import Path
from .templates import sql_text
from .uses import CheckContext, SqlUse, TaskProblem

OUTSIDE: Final = frozenset({"missing_file", "connection", "statement", "run_as", "limit"})
"""Codes of problems that the world has, not the file: they may disappear without a change to it."""


def problems_outside(
    data: Mapping[str, Any], specs: Mapping[str, TaskSpec | None], context: CheckContext
) -> Iterator[TaskProblem]:
    """Finds what the context refuses. The paths lead from the file.

    Args:
        data: the file.
        specs: its tasks; None for one whose spec is wrong.
        context: the world around it.
    """
    run_as = data.get("run_as")
    team = None
    if isinstance(run_as, str) and run_as.startswith("team:"):
        team = run_as.removeprefix("team:")
        reason = context.run_as(team)
        if reason is not None:
            yield TaskProblem(("run_as",), "run_as", reason)
    answers: dict[tuple[str, bool], str | None] = {}

    def answer(connection: str, write: bool) -> str | None:
        asked = (connection, write)
        if asked not in answers:
            answers[asked] = context.connection(connection, write, team)
        return answers[asked]

    yield from _timeouts(data, specs, context, team)
    for name, spec in specs.items():
        if spec is None:
            continue
        path: Path = ("tasks", name)
        for use in spec.uses():
            reason = answer(use.connection, use.write)
            if reason is not None:
                yield TaskProblem((*path, *use.path), "connection", reason)
        for statement in spec.statements():
            # A connection that they can't use is one problem; its statements add none.
            if answer(statement.connection, False) is None:
                where = (*path, *statement.path)
                yield from _refused(statement, where, context, team)
        if spec.runs_user_code and (reason := context.server(team)) is not None:
            yield TaskProblem((*path, "type"), "run_as", reason)
        for file in spec.files():
            if file.name not in context.files:
                yield TaskProblem(
                    (*path, *file.path),
                    "missing_file",
                    f"There is no file {file.name} in the pipeline's folder"
                    f"{near(file.name, context.files)}.",
                )
        for problem in spec.problems(context):
            yield replace(problem, path=(*path, *problem.path))


def _timeouts(
    data: Mapping[str, Any],
    specs: Mapping[str, TaskSpec | None],
    context: CheckContext,
    team: str | None,
) -> Iterator[TaskProblem]:
    """Timeouts that the file asks for, but a limit on statements would end the task before."""
    defaults = data.get("defaults")
    try:
        default = read_duration(defaults["timeout"]) if isinstance(defaults, dict) else None
    except (KeyError, PydanticCustomError):
        default = None  # not given, or reported with the file's other mistakes
    found: dict[Path, str] = {}
    for name, spec in specs.items():
        if spec is None:
            continue
        asked = spec.timeout or default
        path: Path = ("tasks", name, "timeout") if spec.timeout else ("defaults", "timeout")
        if asked is None:
            continue
        for use in spec.uses():
            reason = context.timeout(use.connection, asked.total_seconds(), team)
            if reason is not None:
                found.setdefault(path, reason)
    for path, reason in found.items():
        yield TaskProblem(path, "limit", reason)


def _refused(
    use: SqlUse, path: Path, context: CheckContext, team: str | None
) -> Iterator[TaskProblem]:
    sql = use.sql
    if use.file is not None:
        content = context.content(use.file)
        if content is None:
            return  # missing, which is another problem, or not known yet
        try:
            sql = sql_text(use.file, content)
        except Unprocessable as error:
            yield TaskProblem(path, "statement", error.message)
            return
    try:
        bound = binding.bind(sql)
    except ExpressionError:
        return  # reported by the check of expressions
    refusal = context.statement(use, bound.sql, bound.expressions, team)
    if refusal is None:
        return
    offset = None
    if refusal.parameter is not None:
        offset = bound.origin_of(refusal.parameter)
    elif refusal.line:
        offset = bound.origin(refusal.line, refusal.column)
    if use.file is None:
        yield TaskProblem(path, "statement", refusal.message, offset)
        return
    where = use.file
    if offset is not None and refusal.statement is None:
        where = f"{use.file}, line {sql.count(chr(10), 0, offset) + 1}"
    yield TaskProblem(path, "statement", f"{where}: {refusal.message}")
