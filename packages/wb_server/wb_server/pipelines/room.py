"""Pipelines of notebooks and statements: their files, versions, schedules and runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..kit.action import Action
from ..kit.endpoint import Endpoint
from ..kit.room import Assembly, Command, Room
from . import commands

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ..engines.base import Dispatcher
    from .kernels.base import Kernels
    from .tasks.base import TaskType

log = logging.getLogger(__name__)


def _build(assembly: Assembly) -> None:
    from ..connections.configurations import Configurations
    from ..connections.service import ConnectionService
    from ..governance.people.service import PeopleService
    from ..governance.rights import Rights
    from ..governance.room import WorkElsewhere
    from ..kit.blobs import Blobs
    from ..kit.db import Database
    from ..kit.events import Bus
    from ..kit.process import unique_name
    from ..queries.bindings import BindingsPort
    from ..queries.broker import Broker
    from ..queries.limits.service import LimitService
    from .abilities import Abilities
    from .accounts import Accounts
    from .checks import Checks
    from .definitions import Definitions
    from .dependents import DependentPipelines
    from .execute import Executor
    from .kernels.base import Kernels, NoKernels
    from .presence import Presence
    from .runs.bindings import RunBindings
    from .runs.notes import Notes
    from .runs.reconciler import Reconciler
    from .runs.run_transitions import RunTransitions
    from .runs.service import RunService
    from .runs.store import RunStore
    from .runs.task_transitions import TaskTransitions
    from .runs.upkeep import Upkeep
    from .scheduler import Scheduler
    from .schedules.service import ScheduleService
    from .service import PipelineService
    from .store import PipelineStore
    from .tasks.base import by_name

    settings = assembly.settings
    database, blobs, bus = assembly.get(Database), assembly.get(Blobs), assembly.get(Bus)
    rights, people, broker = (
        assembly.get(Rights),
        assembly.get(PeopleService),
        assembly.get(Broker),
    )
    dispatcher = _dispatcher(assembly)
    assembly.closing.callback(dispatcher.close)
    kernels = assembly.get(Kernels)
    assembly.closing.callback(kernels.close)
    tasks = by_name(standard_tasks(assembly, kernels))
    store = PipelineStore(database, blobs)
    definitions = assembly.add(
        Definitions(store, blobs, {name: each.Spec for name, each in tasks.items()})
    )
    accounts = Accounts(people, rights, store, definitions)
    run_store = RunStore(database)
    assembly.get(BindingsPort).fill(RunBindings(database, people, definitions))
    assembly.get(WorkElsewhere).fill(run_store.running)
    task_transitions = TaskTransitions(database, blobs)
    runs = assembly.add(
        RunService(
            run_store,
            RunTransitions(database, blobs),
            store,
            definitions,
            rights,
            blobs,
            dispatcher,
            bus,
        )
    )
    checks = Checks(
        definitions,
        assembly.get(ConnectionService),
        broker,
        assembly.get(LimitService),
        accounts,
        rights,
    )
    assembly.add(PipelineService(store, definitions, checks, runs, blobs, rights, people, bus))
    assembly.add(DependentPipelines(store, run_store, definitions, assembly.get(ConnectionService)))
    schedules = assembly.add(ScheduleService(store, definitions, runs, accounts))
    if assembly.role == "worker" or _inline(assembly):
        abilities = None
        if assembly.role == "worker":
            abilities = Abilities(
                database,
                definitions,
                assembly.get(ConnectionService),
                assembly.get(Configurations),
                blobs,
                notebooks=not isinstance(kernels, NoKernels),
            )
            for what in abilities.limits():
                log.warning("this worker doesn't run %s", what)
        executor = assembly.add(
            Executor(
                task_transitions,
                Notes(database, blobs),
                run_store,
                definitions,
                tasks,
                accounts,
                blobs,
                name=unique_name() if assembly.role == "worker" else "inline",
                lease=settings.lease_seconds,
                slots=settings.worker_slots,
                folders=(settings.blobs_folder, _temporary(assembly)),
                abilities=abilities,
                changed=runs.went,
                news=runs.news,
            )
        )
        if assembly.role == "worker":
            presence = Presence(Path(settings.data_dir) / "workers", executor.name)
            assembly.closing.callback(presence.close)
            with presence.dead() as workers:
                for step in task_transitions.lose(workers):
                    runs.went(step)
        assembly.closing.callback(executor.close)
    reconciler = Reconciler(
        runs,
        task_transitions,
        Upkeep(database, blobs),
        blobs,
        dispatcher,
        bus,
        lease=settings.lease_seconds,
        retention_days=settings.run_retention_days,
        retention_runs=settings.run_retention_count,
    )
    scheduler = assembly.add(Scheduler(schedules, reconciler))
    assembly.closing.callback(scheduler.close)


def _start(assembly: Assembly) -> None:
    from ..engines.base import Dispatcher
    from ..engines.inline import InlineDispatcher
    from ..kit.events import Bus
    from .execute import Executor
    from .scheduler import Scheduler
    from .service import PipelineService

    if assembly.role == "scheduler":
        assembly.get(Scheduler).start()
    if not assembly.serves:
        return
    assembly.get(PipelineService).purge()
    dispatcher = assembly.get(Dispatcher)
    if isinstance(dispatcher, InlineDispatcher):
        dispatcher.serve(assembly.get(Executor).perform)
        assembly.get(Scheduler).start()
    else:
        from ..engines.rq import Listener

        listener = Listener(assembly.settings.redis_url, assembly.get(Bus).publish_soon)
        assembly.closing.callback(listener.close)


def _inline(assembly: Assembly) -> bool:
    """Whether tasks run in the process that answers requests: so it is without a queue."""
    return assembly.serves and not assembly.settings.redis_url


def _dispatcher(assembly: Assembly) -> Dispatcher:
    """What rings workers: the queue if one is configured, else a thread of this process."""
    from ..engines.base import Dispatcher
    from ..kit.events import Bus

    settings = assembly.settings
    if settings.redis_url:
        from ..engines.rq import RqDispatcher

        dispatcher = assembly.add(RqDispatcher(settings.redis_url), Dispatcher)
        if not assembly.serves:
            # A task's failure may turn a connection's state, which panels show at once.
            assembly.get(Bus).announce_by(dispatcher.announce)
        return dispatcher
    from ..engines.inline import InlineDispatcher

    return assembly.add(InlineDispatcher(settings.worker_slots), Dispatcher)


def _temporary(assembly: Assembly) -> Path:
    """The folder for files that are to become artifacts."""
    return Path(assembly.settings.data_dir) / "temporary"


def standard_tasks(assembly: Assembly, kernels: Kernels) -> list[TaskType]:
    """The task types that the Workbench ships with."""
    from ..kit.network import NetworkPolicy
    from ..queries.broker import Broker
    from .tasks.copy import CopyTask
    from .tasks.http import HttpTask
    from .tasks.notebook import NotebookTask
    from .tasks.sql import SqlTask

    broker, temporary = assembly.get(Broker), _temporary(assembly)
    return [
        SqlTask(broker, temporary),
        CopyTask(broker),
        NotebookTask(kernels, temporary),
        HttpTask(assembly.get(NetworkPolicy), broker),
    ]


def _routes() -> Sequence[Endpoint]:
    from .handlers import ROUTES
    from .runs.handlers import ROUTES as RUNS

    return [*ROUTES, *RUNS]


def _tables() -> Sequence[sa.Table]:
    from .runs import tables as runs
    from .store import pipelines, shares, versions

    return [
        pipelines,
        versions,
        shares,
        runs.runs,
        runs.task_runs,
        runs.task_needs,
        runs.attempts,
        runs.attempt_logs,
        runs.artifacts,
        runs.table_uses,
        runs.schedule_fires,
    ]


ROOM = Room(
    "pipelines",
    build=_build,
    start=_start,
    routes=_routes,
    tables=_tables,
    actions={
        "pipeline.list": Action("viewer", None, "read", "list the pipelines that you may see"),
        "pipeline.check": Action("viewer", None, "read", "check a pipeline's file"),
        "pipeline.create": Action("analyst", None, "use", "add pipelines"),
        "pipeline.see": Action("viewer", "view", "read", "see a pipeline and its runs", "pipeline"),
        "pipeline.run": Action(
            "analyst", "run", "use", "run a pipeline and cancel runs", "pipeline"
        ),
        "pipeline.update": Action("analyst", "edit", "use", "change a pipeline", "pipeline"),
        "pipeline.approve": Action(
            "analyst",
            "manage",
            "use",
            "approve what runs with their rights",
            "pipeline",
            owner=True,
        ),
        "pipeline.delete": Action(
            "analyst", "manage", "use", "delete and restore a pipeline", "pipeline"
        ),
        "pipeline.share": Action("analyst", "manage", "use", "share a pipeline", "pipeline"),
        "pipeline.transfer": Action(
            "admin", "manage", "use", "transfer a pipeline to another owner", "pipeline"
        ),
    },
    audited={"pipeline.save": "Save a pipeline"},
    levels={"pipeline": ("view", "run", "edit", "manage")},
    topics=frozenset({"pipelines", "runs"}),
    commands={"pipeline": Command(commands.run, commands.TEXT, commands.define)},
)
