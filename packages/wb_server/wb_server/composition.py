"""Builds the services. The only place that chooses classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .connections.configurations import Configurations
from .connections.credentials.safe import CredentialSafe
from .connections.credentials.service import PersonalCredentials
from .connections.credentials.store import CredentialStore
from .connections.service import ConnectionService
from .connections.sharing import ConnectionSharing
from .connections.store import ConnectionStore
from .connectors.base import by_kind
from .connectors.network import NetworkPolicy
from .connectors.standard import standard_connectors
from .engines.base import Dispatcher
from .engines.inline import InlineDispatcher
from .engines.rq import Listener, RqDispatcher
from .gate.analysis import Analyst
from .gate.service import Gate
from .governance.audit.sealer import Sealer
from .governance.audit.seals import SealStore
from .governance.audit.service import AuditService
from .governance.audit.signing import Signer
from .governance.audit.store import AuditStore
from .governance.people.service import Directory, LocalDirectory, PeopleService
from .governance.rights import Rights
from .governance.secrets import vault
from .governance.service import IdentityService
from .kit.blobs import Blobs
from .kit.db import Database, versions
from .kit.endpoint import Api, Services
from .kit.events import Bus
from .monitoring.service import HealthService
from .operations.passwords import PasswordRotation
from .pipelines.accounts import Accounts
from .pipelines.definitions import Definitions
from .pipelines.execute import Executor
from .pipelines.kernels.base import Kernels, NoKernels
from .pipelines.runs.bindings import RunBindings
from .pipelines.runs.notes import Notes
from .pipelines.runs.service import RunService
from .pipelines.runs.store import RunStore
from .pipelines.runs.transitions import Transitions
from .pipelines.runs.upkeep import Upkeep
from .pipelines.scheduler import Clockwork
from .pipelines.schedules.service import ScheduleService
from .pipelines.service import PipelineService
from .pipelines.sharing import PipelineSharing
from .pipelines.store import PipelineStore
from .pipelines.tasks.base import TaskType, by_name
from .pipelines.tasks.copy import CopyTask
from .pipelines.tasks.http import HttpTask
from .pipelines.tasks.notebook import NotebookTask
from .pipelines.tasks.sql import SqlTask
from .queries.broker import Broker
from .queries.limits.models import StartLimits
from .queries.limits.queue import Room
from .queries.limits.service import LimitService
from .queries.limits.store import LimitStore
from .routes import ROUTES
from .settings import Settings

# Seconds that a worker's task waits for its turn: nobody sits there and waits for an answer.
_TURN_SECONDS = 3600.0


class StartError(Exception):
    """The service can't start; the text is the one line that says why."""


@dataclass(frozen=True)
class Workbench:
    """Everything that a host serves, and how to end it.

    Attributes:
        executor: makes what runs tasks, for a worker of this name; its maker closes it.
    """

    settings: Settings
    api: Api
    bus: Bus
    dispatcher: Dispatcher
    schedules: ScheduleService
    clockwork: Clockwork
    executor: Callable[[str], Executor]
    close: Callable[[], None]


def standard_tasks(
    broker: Broker, network: NetworkPolicy, kernels: Kernels, temporary: Path
) -> list[TaskType]:
    """Every type of task that comes with the Workbench.

    Args:
        temporary: a folder for files that tasks make on their way.
    """
    return [
        SqlTask(broker, temporary),
        CopyTask(broker),
        NotebookTask(kernels, temporary),
        HttpTask(network),
    ]


def _kernels(settings: Settings) -> Kernels:
    """Where notebooks of pipelines run if a host says nothing else."""
    if settings.mode != "local":
        return NoKernels()
    from .pipelines.kernels.local import LocalKernels  # takes a while, and only local mode needs it

    return LocalKernels()


def build(
    settings: Settings,
    directory: Directory | None = None,
    *,
    beside: bool = False,
    kernels: Kernels | None = None,
) -> Workbench:
    """The whole service, on a database that is migrated.

    Args:
        directory: who there is; without one there is the local user alone.
        beside: for what may run beside a service, as a command or a worker: what is open in the log is
            that one's, and it serves no work of its own.
        kernels: where notebooks of pipelines run; without it on this machine in local mode, else
            nowhere: no code of a user's runs beside the service's secrets.

    Raises:
        StartError: the database isn't at the version of the code.
        VaultError: the master key is missing or wrong.
    """
    master = vault.load(settings.key_path)
    database = Database(settings.database)
    found, wanted = versions(database)
    if found != wanted:
        database.close()
        raise StartError(
            f"The metadata database is at version {found or 'none'}, the code needs {wanted}: "
            "run `./wb migrate`."
        )
    master.prove(database)

    bus = Bus()
    rights = Rights()
    audit_key = master.secret(database, "audit")
    audit_store = AuditStore(database, audit_key)
    audit = AuditService(audit_store)
    sealer = Sealer(
        audit_store,
        SealStore(database, Signer(audit_key)),
        audit,
        retention_days=settings.audit_retention_days,
    )
    connectors = by_kind(
        standard_connectors(
            roots=settings.roots,
            allow_private=settings.allow_private,
            allow_loopback=settings.allow_loopback,
            worker_memory=settings.worker_memory,
            temporary=Path(settings.data_dir) / "temporary",
            warm=not beside,
        )
    )
    people = PeopleService(directory or LocalDirectory())
    store = ConnectionStore(database)
    credentials = CredentialStore(database)
    safe = CredentialSafe(credentials, master)
    configurations = Configurations(store, safe, connectors)
    connections = ConnectionService(store, safe, rights, configurations, bus)
    limit_store = LimitStore(database)
    limits = LimitService(
        limit_store,
        connections,
        people,
        bus,
        StartLimits(
            concurrent=settings.max_queries_per_user,
            rows=settings.max_rows,
            bytes=settings.max_bytes,
            seconds=settings.query_timeout,
            temp_bytes=settings.max_temp_bytes,
        ),
        Room(
            total=settings.max_queries,
            wait=_TURN_SECONDS if beside else settings.queue_wait,
            waiting=settings.max_waiting,
            waiting_per_user=settings.max_waiting_per_user,
        ),
    )
    analyst = Analyst()
    broker = Broker(
        connections,
        configurations,
        Gate(rights, analyst),
        rights,
        audit,
        limits,
        bus,
        write_rows=settings.max_write_rows,
    )
    blobs = Blobs(settings.blobs_folder, database)
    dispatcher: Dispatcher
    if settings.redis_url:
        dispatcher = RqDispatcher(settings.redis_url)
    else:
        dispatcher = InlineDispatcher(settings.worker_slots)
    kernels = kernels or _kernels(settings)
    tasks = by_name(
        standard_tasks(
            broker,
            NetworkPolicy(settings.allow_private, settings.allow_loopback),
            kernels,
            Path(settings.data_dir) / "temporary",
        )
    )
    pipeline_store = PipelineStore(database, blobs)
    definitions = Definitions(
        pipeline_store, blobs, {name: each.Spec for name, each in tasks.items()}
    )
    accounts = Accounts(people, rights, pipeline_store, definitions)
    run_store = RunStore(database)
    broker.bind(RunBindings(database, people))
    transitions = Transitions(database, blobs)
    runs = RunService(
        run_store,
        transitions,
        Upkeep(database, blobs),
        pipeline_store,
        definitions,
        rights,
        blobs,
        dispatcher,
        bus,
        retention_days=settings.run_retention_days,
        retention_runs=settings.run_retention_count,
    )
    pipelines = PipelineService(
        pipeline_store, definitions, runs, connections, broker, accounts, rights, blobs, bus
    )
    schedules = ScheduleService(pipeline_store, definitions, runs, accounts)
    clockwork = Clockwork(schedules, runs)

    def executor(name: str) -> Executor:
        if beside:
            broker.share(database)
        return Executor(
            transitions,
            Notes(database, blobs),
            run_store,
            definitions,
            tasks,
            accounts,
            blobs,
            name=name,
            lease=settings.lease_seconds,
            slots=settings.worker_slots,
            changed=runs.went,
            news=runs.news,
        )

    services = Services(
        HealthService(database, mode=settings.mode, isolated=settings.isolated),
        IdentityService(rights, mode=settings.mode),
        blobs,
        audit,
        people,
        connections,
        ConnectionSharing(connections.saved, store, rights, people, bus, "connections"),
        PersonalCredentials(connections, configurations, safe, credentials, rights, bus),
        limits,
        broker,
        PasswordRotation(connections, configurations, store, safe, broker, audit),
        definitions,
        pipelines,
        PipelineSharing(pipelines, runs, pipeline_store, rights, people, bus),
        runs,
    )
    own: Executor | None = None
    listener: Listener | None = None
    if not beside:
        audit.close_open(run_store.running)
        sealer.start()
        connections.purge()
        limit_store.tidy()
        pipelines.purge()
        if isinstance(dispatcher, InlineDispatcher):
            own = executor("inline")
            dispatcher.serve(own.perform)
            clockwork.start()
        else:
            listener = Listener(settings.redis_url, bus.publish_soon)
            broker.share(database)

    def close() -> None:
        clockwork.close()
        if own is not None:
            own.close()
        if listener is not None:
            listener.close()
        dispatcher.close()
        broker.close()
        analyst.close()
        kernels.close()
        for connector in connectors.values():
            connector.close()
        sealer.close()
        database.close()

    api = Api(
        endpoints=ROUTES,
        services=services,
        authorise=rights.require_role,
        recorder=audit,
        max_body=settings.max_body,
        # Those that run and those that wait, and some that are just coming in.
        max_waits=settings.max_queries + settings.max_waiting + 16,
    )
    return Workbench(settings, api, bus, dispatcher, schedules, clockwork, executor, close)
