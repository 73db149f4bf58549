"""Builds a process of the Workbench: every room adds its parts, lowest first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from .governance.audit.service import AuditService
from .governance.people.service import Directory, LocalDirectory
from .governance.rights import Rights
from .governance.secrets import vault
from .kit.blobs import Blobs
from .kit.db import Database, versions
from .kit.endpoint import Api, Services
from .kit.events import Bus
from .kit.network import NetworkPolicy
from .kit.room import Assembly, ProcessRole
from .pipelines.kernels.base import Kernels, NoKernels
from .rooms import ROOMS
from .routes import ROUTES
from .settings import Settings


class StartError(Exception):
    """The process can't start; the text is one line that says why."""


@dataclass(frozen=True)
class Workbench:
    """The parts of a process, and how to close them.

    Attributes:
        services: the parts, by class.
        api: what a host serves.
    """

    settings: Settings
    services: Services
    api: Api
    bus: Bus
    close: Callable[[], None]


def build(
    settings: Settings,
    role: ProcessRole = "service",
    *,
    directory: Directory | None = None,
    kernels: Kernels | None = None,
) -> Workbench:
    """Builds all parts of a process, on a migrated database.

    Args:
        role: what the process is for. One that doesn't answer requests may run beside one that does,
            which owns the unfinished records of the audit log.
        directory: the users and groups; by default the local user alone.
        kernels: where notebooks of pipelines run. By default on this machine in local mode, else
            nowhere: no user's code runs beside the service's secrets.

    Raises:
        StartError: the database isn't at the version of the code.
        VaultError: the master key is missing or wrong.
    """
    master = vault.load(settings.key_path)
    with ExitStack() as stack:
        database = Database(settings.database)
        stack.callback(database.close)
        found, wanted = versions(database)
        if found != wanted:
            raise StartError(
                f"The metadata database is at version {found or 'none'}, but this version of the "
                f"Workbench needs {wanted}: run `./wb migrate`."
            )
        master.prove(database)

        bus = Bus(frozenset(topic for room in ROOMS for topic in room.topics))
        assembly = Assembly(settings, role, Services(), ROOMS, stack)
        assembly.add(database)
        assembly.add(bus)
        assembly.add(master)
        assembly.add(NetworkPolicy(settings.allow_private, settings.allow_loopback))
        blobs = assembly.add(Blobs(settings.blobs_folder, database))
        if assembly.serves or role == "command":
            # A command may run elsewhere, but the first one doesn't.
            blobs.mark(first=not assembly.serves)
        assembly.add(directory or LocalDirectory(), Directory)
        assembly.add(kernels or _kernels(settings), Kernels)
        for room in ROOMS:
            room.build(assembly)
        for room in ROOMS:
            room.start(assembly)
        api = Api(
            endpoints=ROUTES,
            services=assembly.services,
            authorise=assembly.get(Rights).require_role,
            recorder=assembly.get(AuditService),
            max_body=settings.max_body,
            # Running and waiting statements, and some requests that are just coming in.
            max_waits=settings.max_queries + settings.max_waiting + 16,
        )
        closing = stack.pop_all()
    return Workbench(settings, assembly.services, api, bus, closing.close)


def _kernels(settings: Settings) -> Kernels:
    """Where notebooks of pipelines run by default."""
    if settings.mode != "local":
        return NoKernels()
    from .pipelines.kernels.local import LocalKernels  # slow, and only local mode needs it

    return LocalKernels()
