"""The room for statements, loads and catalogs, and their limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..kit.action import Action
from ..kit.endpoint import Endpoint
from ..kit.room import Assembly, Room

if TYPE_CHECKING:
    import sqlalchemy as sa

# How long a worker's queries wait for a slot: no user waits for the answer, and the task's timeout ends
# the wait, after which the task is tried again. None is longer.
_WORKER_WAIT_SECONDS = 7 * 24 * 3600.0


def _build(assembly: Assembly) -> None:
    from ..connections.configurations import Configurations
    from ..connections.service import ConnectionService
    from ..connectors.base import Connectors
    from ..gate.service import Gate
    from ..governance.audit.service import AuditService
    from ..governance.people.service import PeopleService
    from ..governance.rights import Rights
    from ..kit.db import Database
    from ..kit.events import Bus
    from .active import ActiveQueries
    from .bindings import BindingsPort, NoBindings
    from .broker import Broker
    from .calls import Calls
    from .catalog import Catalog
    from .connection_tests import ConnectionTests
    from .limits.models import StartLimits
    from .limits.queue import Capacity
    from .limits.service import LimitService
    from .limits.store import LimitStore
    from .loads import Loads
    from .opening import Opening
    from .peers import Peers
    from .previews import Previews
    from .running import RunningQueries
    from .statements import Statements
    from .table_rows import TableReader
    from .unsaved import Unsaved
    from .uploads.service import Uploads
    from .uploads.store import UploadStore

    settings, database, bus = assembly.settings, assembly.get(Database), assembly.get(Bus)
    connections = assembly.get(ConnectionService)
    store = assembly.add(LimitStore(database))
    limits = assembly.add(
        LimitService(
            store,
            connections,
            assembly.get(PeopleService),
            bus,
            {
                "interactive": StartLimits(
                    concurrent=settings.max_queries_per_user,
                    rows=settings.max_rows,
                    bytes=settings.max_bytes,
                    seconds=settings.query_timeout,
                    temp_bytes=settings.max_temp_bytes,
                ),
                "runs": StartLimits(
                    concurrent=settings.max_queries_per_user,
                    rows=settings.run_max_rows,
                    bytes=settings.run_max_bytes,
                    seconds=settings.run_query_timeout,
                    temp_bytes=settings.max_temp_bytes,
                ),
            },
            Capacity(
                total=settings.max_queries,
                wait=settings.queue_wait if assembly.serves else _WORKER_WAIT_SECONDS,
                waiting=settings.max_waiting,
                waiting_per_user=settings.max_waiting_per_user,
            ),
        )
    )
    running = RunningQueries(limits, bus)
    peers = assembly.add(Peers(database, running, bus))
    configurations, gate = assembly.get(Configurations), assembly.get(Gate)
    rights, bindings = assembly.get(Rights), assembly.add(BindingsPort(NoBindings()))
    opening = Opening(connections, configurations, assembly.get(AuditService), running, bindings)
    active = ActiveQueries(running, peers, rights, assembly.get(AuditService))
    unsaved = Unsaved(connections, configurations, gate, rights)
    statements = Statements(
        opening,
        connections,
        configurations,
        gate,
        limits,
        write_rows=settings.max_write_rows,
    )
    loads = Loads(opening, configurations, gate, limits)
    files = UploadStore(Path(settings.data_dir) / "uploads", settings.max_upload)
    assembly.closing.callback(files.close)
    assembly.add(
        Uploads(
            files,
            assembly.get(Connectors).of_uploads,
            connections,
            configurations,
            gate,
            loads,
            running,
            limits,
        )
    )
    assembly.add(
        Broker(
            statements,
            loads,
            Calls(opening, configurations, gate, limits),
            Catalog(opening, connections, configurations, gate, running, limits),
            ConnectionTests(opening, connections, configurations, gate, unsaved, running),
            Previews(configurations, unsaved, running, limits),
            TableReader(statements, connections, configurations),
            active,
        )
    )
    assembly.closing.callback(active.close)
    assembly.closing.callback(peers.close)


def _start(assembly: Assembly) -> None:
    from .limits.store import LimitStore
    from .peers import Peers

    if assembly.serves:
        assembly.get(LimitStore).tidy()
    # With a queue there are workers, whose queries count towards the limits too.
    if assembly.settings.redis_url and (assembly.serves or assembly.role == "worker"):
        assembly.get(Peers).start()


def _routes() -> Sequence[Endpoint]:
    from .handlers import ROUTES
    from .limits.handlers import ROUTES as LIMITS
    from .uploads.handlers import ROUTES as UPLOADS

    return [*ROUTES, *LIMITS, *UPLOADS]


def _tables() -> Sequence[sa.Table]:
    from .limits.store import limits
    from .peers import process_queries, query_stops

    return [limits, process_queries, query_stops]


ROOM = Room(
    "queries",
    build=_build,
    start=_start,
    routes=_routes,
    tables=_tables,
    actions={
        "query.run": Action("viewer", None, "read", "run queries"),
        "query.cancel": Action("viewer", None, "read", "cancel your own queries"),
        "query.cancel_any": Action("admin", None, "use", "cancel anybody's queries"),
        "query.list": Action("viewer", None, "read", "see your own running queries"),
        "query.list_any": Action("admin", None, "read", "see everybody's running queries"),
        "upload.use": Action("analyst", None, "use", "send files to load them into tables"),
        "limits.own": Action(None, None, "read", "see your own limits"),
        "limits.see": Action("admin", None, "read", "see everybody's limits"),
        "limits.change": Action("admin", None, "use", "change limits"),
    },
    audited={
        "connection.browse": "Browse a connection",
        "connection.test": "Test a connection",
        "limits.remove": "Remove limits",
        "query.read": "Query",
        "query.run": "Query (not started)",
        "query.write": "Change data",
    },
    topics=frozenset({"queries"}),
)
