"""Who may do what: rights, people, secrets, and the audit log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from ..kit.action import Action
from ..kit.endpoint import Endpoint
from ..kit.room import Assembly, Command, Port, Room, actions_of, levels_of
from .audit import commands as audit_commands

if TYPE_CHECKING:
    import sqlalchemy as sa


class WorkElsewhere(Port[Callable[[], Collection[str]]]):
    """Returns the ids of requests that other processes work on and whose records those will close."""


def _build(assembly: Assembly) -> None:
    from ..kit.db import Database
    from ..kit.events import Bus
    from .audit.actions import AuditActions
    from .audit.sealer import Sealer
    from .audit.seals import SealStore
    from .audit.service import AuditService
    from .audit.signing import Signer
    from .audit.store import AuditStore
    from .leaving.service import LeavingService
    from .people.namesakes import GROUPS, Namesakes
    from .people.service import Directory, PeopleService
    from .rights import Rights
    from .secrets.vault import Vault
    from .service import IdentityService

    settings, database = assembly.settings, assembly.get(Database)
    rooms = assembly.rooms
    rights = assembly.add(Rights(actions_of(rooms), levels_of(rooms)))
    assembly.add(IdentityService(rights, mode=settings.mode))
    namesakes = assembly.add(Namesakes(database, assembly.get(Bus)))
    groups = Namesakes(database, assembly.get(Bus), GROUPS)
    people = assembly.add(PeopleService(assembly.get(Directory), namesakes, groups))
    key = assembly.get(Vault).secret(database, "audit")
    store = AuditStore(database, key)
    audit = assembly.add(AuditService(store))
    sealer = assembly.add(
        Sealer(
            store,
            SealStore(database, Signer(key)),
            audit,
            retention_days=settings.audit_retention_days,
        )
    )
    assembly.closing.callback(sealer.close)
    assembly.add(AuditActions(rooms))
    assembly.add(LeavingService(database, people, namesakes, audit))
    assembly.add(WorkElsewhere(tuple))


def _start(assembly: Assembly) -> None:
    from .audit.sealer import Sealer
    from .audit.service import AuditService

    if assembly.serves:
        assembly.get(AuditService).close_open(assembly.get(WorkElsewhere)())
        assembly.get(Sealer).start()


def _routes() -> Sequence[Endpoint]:
    from .audit.handlers import ROUTES as AUDIT
    from .handlers import ROUTES
    from .leaving.handlers import ROUTES as LEAVING
    from .people.handlers import ROUTES as PEOPLE

    return [*ROUTES, *AUDIT, *PEOPLE, *LEAVING]


def _tables() -> Sequence[sa.Table]:
    from .audit.seals import audit_seals
    from .audit.store import audit
    from .people.namesakes import people, teams
    from .secrets.vault import vault_keys, vault_secrets

    return [audit, audit_seals, people, teams, vault_secrets, vault_keys]


ROOM = Room(
    "governance",
    build=_build,
    start=_start,
    routes=_routes,
    tables=_tables,
    actions={
        "me.see": Action(None, None, "read", "see your own name and rights"),
        "events.follow": Action(None, None, "read", "follow live updates"),
        "audit.own": Action(None, None, "read", "see your own activity"),
        "audit.all": Action("admin", None, "read", "see everybody's activity"),
        "audit.export": Action("admin", None, "read", "export everybody's activity"),
        "people.search": Action("engineer", None, "read", "look up users and groups"),
        "people.leave": Action("admin", None, "use", "transfer all that a user who leaves owns"),
    },
    audited={
        "audit.export": "Export the audit log",
        "audit.prune": "Prune the audit log",
        "key.rotate": "Replace the master key",
    },
    topics=frozenset({"me"}),
    commands={"audit": Command(audit_commands.run, audit_commands.TEXT, audit_commands.define)},
)
