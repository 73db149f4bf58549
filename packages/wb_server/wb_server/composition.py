"""Builds the services. The only place that chooses classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .connections.broker import Broker, standard_connectors
from .connections.connectors.base import by_kind
from .connections.credentials.rotation import PasswordRotation
from .connections.credentials.safe import CredentialSafe
from .connections.credentials.service import PersonalCredentials
from .connections.credentials.store import CredentialStore
from .connections.gate import Gate
from .connections.limits.models import StartLimits
from .connections.limits.queue import Room
from .connections.limits.service import LimitService
from .connections.limits.store import LimitStore
from .connections.service import ConnectionService
from .connections.sharing.service import SharingService
from .connections.store import ConnectionStore
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
from .routes import ROUTES
from .settings import Settings


class StartError(Exception):
    """The service can't start; the text is the one line that says why."""


@dataclass(frozen=True)
class Workbench:
    """Everything that a host serves, and how to end it."""

    settings: Settings
    api: Api
    bus: Bus
    close: Callable[[], None]


def build(
    settings: Settings, directory: Directory | None = None, *, beside: bool = False
) -> Workbench:
    """The whole service, on a database that is migrated.

    Args:
        directory: who there is; without one there is the local user alone.
        beside: for a command that may run beside a service: what is open in the log is that one's.

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
        )
    )
    people = PeopleService(directory or LocalDirectory())
    store = ConnectionStore(database)
    credentials = CredentialStore(database)
    safe = CredentialSafe(credentials, master)
    connections = ConnectionService(store, safe, rights, connectors, bus)
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
            wait=settings.queue_wait,
            waiting=settings.max_waiting,
            waiting_per_user=settings.max_waiting_per_user,
        ),
    )
    broker = Broker(
        connections,
        Gate(rights),
        rights,
        audit,
        limits,
        bus,
        write_rows=settings.max_write_rows,
    )
    services = Services(
        HealthService(database, mode=settings.mode, isolated=settings.isolated),
        IdentityService(rights, mode=settings.mode),
        Blobs(settings.blobs_folder, database),
        audit,
        people,
        connections,
        SharingService(connections, store, rights, people, bus),
        PersonalCredentials(connections, safe, credentials, rights, bus),
        limits,
        broker,
        PasswordRotation(connections, store, safe, broker, audit),
    )
    if not beside:
        audit.close_open()
        sealer.start()
        connections.purge()
        limit_store.tidy()

    def close() -> None:
        broker.stop_all()
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
    return Workbench(settings, api, bus, close)
