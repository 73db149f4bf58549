"""Builds the services. The only place that chooses classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .connections.broker import Broker, standard_connectors
from .connections.connectors.base import by_kind
from .connections.credentials.safe import CredentialSafe
from .connections.credentials.service import PersonalCredentials
from .connections.credentials.store import CredentialStore
from .connections.gate import Gate
from .connections.limits import Slots
from .connections.service import ConnectionService
from .connections.sharing.service import SharingService
from .connections.store import ConnectionStore
from .connections.stream import Caps
from .governance.audit.service import AuditService
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


def build(settings: Settings, directory: Directory | None = None) -> Workbench:
    """The whole service, on a database that is migrated.

    Args:
        directory: who there is; without one there is the local user alone.

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
    audit = AuditService(AuditStore(database))
    connectors = by_kind(
        standard_connectors(
            roots=settings.roots,
            allow_private=settings.allow_private,
            allow_loopback=settings.allow_loopback,
            worker_memory=settings.worker_memory,
        )
    )
    people = PeopleService(directory or LocalDirectory())
    store = ConnectionStore(database)
    credentials = CredentialStore(database)
    safe = CredentialSafe(credentials, master)
    connections = ConnectionService(store, safe, rights, connectors, bus)
    broker = Broker(
        connections,
        Gate(rights),
        rights,
        audit,
        Slots(per_user=settings.max_queries_per_user, total=settings.max_queries),
        Caps(
            timeout=settings.query_timeout,
            rows=settings.max_rows,
            bytes=settings.max_bytes,
            write_rows=settings.max_write_rows,
        ),
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
        broker,
    )
    audit.close_open()
    connections.purge()

    def close() -> None:
        broker.stop_all()
        for connector in connectors.values():
            connector.close()
        database.close()

    api = Api(
        endpoints=ROUTES,
        services=services,
        authorise=rights.require_role,
        recorder=audit,
        max_body=settings.max_body,
    )
    return Workbench(settings, api, bus, close)
