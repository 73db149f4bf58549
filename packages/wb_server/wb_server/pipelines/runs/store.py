"""What is read of runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ...kit import clock
from ...kit.db import Database
from ..store import pipelines
from .models import ArtifactView, AttemptView, Run, RunSummary, TableUseView, TaskRunView
from .tables import (
    artifacts,
    attempt_logs,
    attempts,
    runs,
    table_uses,
    task_needs,
    task_runs,
)

_SUMMARY = sa.select(
    pipelines.c.name.label("pipeline"),
    *(runs.c[name] for name in RunSummary.model_fields if name != "pipeline"),
).join_from(runs, pipelines, runs.c.pipeline_id == pipelines.c.id)
_RUN = _SUMMARY.add_columns(runs.c.run_as, runs.c.parameters, runs.c.rerun_of)


class RunStore:
    """Reads runs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def users_of(self, connection_id: str) -> set[str]:
        """The undeleted pipelines whose newest or approved version has used a connection in a run."""
        query = (
            sa.select(runs.c.pipeline_id)
            .distinct()
            .join_from(table_uses, attempts, attempts.c.id == table_uses.c.attempt_id)
            .join(task_runs, task_runs.c.id == attempts.c.task_run_id)
            .join(runs, runs.c.id == task_runs.c.run_id)
            .join(pipelines, pipelines.c.id == runs.c.pipeline_id)
            .where(
                table_uses.c.connection_id == connection_id,
                pipelines.c.deleted_at.is_(None),
                runs.c.version.in_((pipelines.c.head, pipelines.c.approved)),
            )
        )
        with self.database.read() as transaction:
            return set(transaction.scalars(query))

    def run(self, run_id: str) -> Run | None:
        """A run, without its tasks."""
        with self.database.read() as transaction:
            row = transaction.execute(_RUN.where(runs.c.id == run_id)).mappings().first()
        return Run(**row) if row is not None else None

    def page(
        self,
        pipeline_ids: Sequence[str] | None,
        state: str | None,
        number: int | None,
        before: int | None,
        limit: int,
    ) -> tuple[list[RunSummary], int | None]:
        """Runs, newest first.

        Args:
            pipeline_ids: only the runs of these pipelines.
            state: only runs in this state.
            number: only the runs with this number in their pipeline.
            before: only runs that come before this place in the order of all runs.

        Returns:
            At most ``limit`` runs, and the place of the last one if there are more.
        """
        query = _SUMMARY.add_columns(runs.c.seq)
        if pipeline_ids is not None:
            query = query.where(runs.c.pipeline_id.in_(pipeline_ids))
        if state is not None:
            query = query.where(runs.c.state == state)
        if number is not None:
            query = query.where(runs.c.number == number)
        if before is not None:
            query = query.where(runs.c.seq < before)
        with self.database.read() as transaction:
            rows = transaction.execute(query.order_by(runs.c.seq.desc()).limit(limit + 1))
            found = rows.mappings().all()
        items = [RunSummary(**row) for row in found[:limit]]
        return items, found[limit - 1]["seq"] if len(found) > limit else None

    def given(self, run_id: str) -> list[str] | None:
        """The names of the parameters that a run was given; ``None`` if that wasn't recorded."""
        with self.database.read() as transaction:
            query = sa.select(runs.c.given).where(runs.c.id == run_id)
            found: list[str] | None = transaction.execute(query).scalar()
        return found

    def going(self, pipeline_id: str) -> list[str]:
        """The ids of a pipeline's active and waiting runs, newest first."""
        with self.database.read() as transaction:
            return list(
                transaction.execute(
                    sa.select(runs.c.id)
                    .where(
                        runs.c.pipeline_id == pipeline_id,
                        runs.c.state.in_(("queued", "running")),
                    )
                    .order_by(runs.c.seq.desc())
                ).scalars()
            )

    def running(self) -> set[str]:
        """The ids of running attempts; they are the request ids of what the attempts do."""
        current = sa.and_(
            task_runs.c.id == attempts.c.task_run_id, task_runs.c.fence == attempts.c.fence
        )
        found = (
            sa.select(attempts.c.id)
            .join(task_runs, current)
            .where(task_runs.c.state == "running", task_runs.c.lease_until > clock.now())
        )
        with self.database.read() as transaction:
            return set(transaction.execute(found).scalars())

    def last(self, pipeline_ids: Sequence[str]) -> dict[str, RunSummary]:
        """The newest run of each pipeline."""
        newest = (
            sa.select(sa.func.max(runs.c.seq))
            .where(runs.c.pipeline_id.in_(pipeline_ids))
            .group_by(runs.c.pipeline_id)
        )
        with self.database.read() as transaction:
            rows = transaction.execute(_SUMMARY.where(runs.c.seq.in_(newest)))
            return {row["pipeline_id"]: RunSummary(**row) for row in rows.mappings()}

    def tasks(self, run_id: str) -> list[TaskRunView]:
        """The tasks of a run with their attempts, tables and artifacts, in the order of the file."""
        mine = sa.select(task_runs.c.id).where(task_runs.c.run_id == run_id)
        with self.database.read() as transaction:
            rows = list(
                transaction.execute(
                    sa.select(task_runs)
                    .where(task_runs.c.run_id == run_id)
                    .order_by(task_runs.c.position)
                ).mappings()
            )
            names = {row["id"]: row["task"] for row in rows}
            needs: defaultdict[str, list[str]] = defaultdict(list)
            for edge in transaction.execute(
                sa.select(task_needs).where(task_needs.c.needing.in_(mine))
            ):
                needs[edge.needing].append(names[edge.needed])
            tries: defaultdict[str, list[AttemptView]] = defaultdict(list)
            uses: defaultdict[str, list[TableUseView]] = defaultdict(list)
            task_of = {}
            for row in transaction.execute(
                sa.select(attempts)
                .where(attempts.c.task_run_id.in_(mine))
                .order_by(attempts.c.number)
            ).mappings():
                task_of[row["id"]] = row["task_run_id"]
                tries[row["task_run_id"]].append(_attempt(row))
            for use in transaction.execute(
                sa.select(table_uses)
                .where(table_uses.c.attempt_id.in_(task_of))
                .order_by(table_uses.c.id)
            ):
                view = TableUseView(
                    direction=use.direction,
                    connection_id=use.connection_id,
                    schema=use.schema_name,
                    table=use.table_name,
                    columns=use.columns,
                )
                if view not in uses[task_of[use.attempt_id]]:
                    uses[task_of[use.attempt_id]].append(view)
            files: defaultdict[str, list[ArtifactView]] = defaultdict(list)
            for file in transaction.execute(
                sa.select(artifacts)
                .where(artifacts.c.task_run_id.in_(mine))
                .order_by(artifacts.c.name)
            ):
                files[file.task_run_id].append(
                    ArtifactView(name=file.name, media_type=file.media_type, size=file.size)
                )
        return [
            TaskRunView(
                id=row["id"],
                task=row["task"],
                type=row["type"],
                needs=sorted(needs[row["id"]]),
                state=row["state"],
                started_at=row["started_at"],
                finished_at=row["finished_at"],
                next_try_at=row["not_before"] if row["attempts"] else None,
                waiting=_waiting(row, tries[row["id"]]),
                code=row["code"],
                message=row["message"],
                outputs=row["outputs"],
                artifacts=files[row["id"]],
                tables=uses[row["id"]],
                attempts=tries[row["id"]],
            )
            for row in rows
        ]

    def outputs(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The outputs of the tasks of a run that succeeded, by task."""
        with self.database.read() as transaction:
            rows = transaction.execute(
                sa.select(task_runs.c.task, task_runs.c.outputs).where(
                    task_runs.c.run_id == run_id, task_runs.c.state == "succeeded"
                )
            )
            return {row.task: row.outputs for row in rows}

    def attempt(self, attempt_id: str) -> sa.RowMapping | None:
        """An attempt, with the ``run_id``, ``pipeline_id`` and ``task`` that it belongs to."""
        with self.database.read() as transaction:
            return (
                transaction.execute(
                    sa.select(attempts, task_runs.c.run_id, task_runs.c.task, runs.c.pipeline_id)
                    .join_from(attempts, task_runs, attempts.c.task_run_id == task_runs.c.id)
                    .join(runs, runs.c.id == task_runs.c.run_id)
                    .where(attempts.c.id == attempt_id)
                )
                .mappings()
                .first()
            )

    def log(self, attempt_id: str, start: int, size: int) -> list[tuple[int, str]]:
        """Numbered pieces of an attempt's log, from ``start`` on, of about ``size`` characters."""
        found: list[tuple[int, str]] = []
        with self.database.read() as transaction:
            rows = transaction.execute(
                sa.select(attempt_logs.c.seq, attempt_logs.c.text)
                .where(attempt_logs.c.attempt_id == attempt_id, attempt_logs.c.seq >= start)
                .order_by(attempt_logs.c.seq)
            )
            total = 0
            for seq, text in rows:
                found.append((seq, text))
                total += len(text)
                if total >= size:
                    break
        return found

    def artifact(self, run_id: str, task: str, name: str) -> sa.RowMapping | None:
        """An artifact of a task of a run."""
        query = _artifacts(run_id).where(task_runs.c.task == task, artifacts.c.name == name)
        with self.database.read() as transaction:
            return transaction.execute(query).mappings().first()

    def artifacts(self, run_id: str, tasks: Sequence[str]) -> list[sa.RowMapping]:
        """The artifacts of some tasks of a run, each with its ``task``, in the order of the file."""
        query = (
            _artifacts(run_id)
            .where(task_runs.c.task.in_(tasks))
            .order_by(task_runs.c.position, artifacts.c.name)
        )
        with self.database.read() as transaction:
            return list(transaction.execute(query).mappings())


def _artifacts(run_id: str) -> sa.Select[Any]:
    """Selects the artifacts of a run."""
    return (
        sa.select(artifacts, task_runs.c.task)
        .join_from(task_runs, artifacts, artifacts.c.task_run_id == task_runs.c.id)
        .where(task_runs.c.run_id == run_id)
    )


def _attempt(row: sa.RowMapping) -> AttemptView:
    plain = {name: row[name] for name in AttemptView.model_fields if name != "has_notebook"}
    return AttemptView(**plain, has_notebook=row["notebook"] is not None)


def _waiting(row: sa.RowMapping, tries: Sequence[AttemptView]) -> str | None:
    """Why a task run waits for the Workbench."""
    if row["state"] == "queued" and row["held_since"] is not None:
        return str(row["message"])
    if row["state"] == "running" and tries and (tries[-1].progress or {}).get("held"):
        return str((tries[-1].progress or {})["text"])
    return None
