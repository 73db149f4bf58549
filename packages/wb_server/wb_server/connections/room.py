"""The room for connections: their configurations, credentials and shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..kit.action import Action
from ..kit.endpoint import Endpoint
from ..kit.room import Assembly, Room

if TYPE_CHECKING:
    import sqlalchemy as sa


def _build(assembly: Assembly) -> None:
    from ..connectors.base import Connectors
    from ..governance.people.service import PeopleService
    from ..governance.rights import Rights
    from ..governance.secrets.vault import Vault
    from ..kit.db import Database
    from ..kit.events import Bus
    from .configurations import Configurations
    from .credentials.safe import CredentialSafe
    from .credentials.service import PersonalCredentials
    from .credentials.store import CredentialStore
    from .service import ConnectionService
    from .store import ConnectionStore

    database, rights, bus = assembly.get(Database), assembly.get(Rights), assembly.get(Bus)
    store = assembly.add(ConnectionStore(database))
    credentials = CredentialStore(database)
    safe = assembly.add(CredentialSafe(credentials, assembly.get(Vault)))
    configurations = assembly.add(Configurations(store, safe, assembly.get(Connectors)))
    people = assembly.get(PeopleService)
    connections = assembly.add(ConnectionService(store, safe, configurations, rights, people, bus))
    assembly.add(PersonalCredentials(connections, configurations, safe, credentials, rights, bus))


def _start(assembly: Assembly) -> None:
    from .service import ConnectionService

    if assembly.serves:
        assembly.get(ConnectionService).purge()


def _routes() -> Sequence[Endpoint]:
    from .credentials.handlers import ROUTES as CREDENTIALS
    from .handlers import ROUTES

    return [*ROUTES, *CREDENTIALS]


def _tables() -> Sequence[sa.Table]:
    from .credentials.store import credentials, rotations
    from .store import connections, shares

    return [connections, shares, credentials, rotations]


ROOM = Room(
    "connections",
    build=_build,
    start=_start,
    routes=_routes,
    tables=_tables,
    actions={
        "connector.list": Action("viewer", None, "read", "list the kinds of connectors"),
        "connection.list": Action("viewer", None, "read", "list the connections that you may use"),
        "connection.create": Action("engineer", None, "use", "add connections"),
        "connection.see": Action("viewer", "use", "read", "see a connection's settings"),
        "connection.read": Action("viewer", "use", "read", "read data by a query"),
        "connection.write": Action("analyst", "write", "use", "change data by a statement"),
        "connection.browse": Action("viewer", "use", "read", "list schemas, tables and columns"),
        "connection.test": Action("viewer", "use", "use", "test a connection"),
        "connection.update": Action("engineer", "manage", "use", "change a connection"),
        "connection.routines": Action(
            "engineer",
            "manage",
            "use",
            "allow functions and procedures of the database's own",
            owner=True,
        ),
        "connection.delete": Action("engineer", "manage", "use", "delete and restore a connection"),
        "connection.share": Action("engineer", "manage", "use", "share a connection"),
        "connection.transfer": Action(
            "admin", "manage", "use", "transfer a connection to another owner"
        ),
        "credential.own": Action(
            "viewer", "use", "use", "store your own credentials for a connection"
        ),
    },
    audited={"credential.rotate": "Change a password"},
    levels={"connection": ("use", "write", "manage")},
    topics=frozenset({"connections"}),
)
