"""Builds a process of the Workbench: every room adds its parts, the lowest first."""

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
    """The service can't start; the text is the one line that says why."""


@dataclass(frozen=True)
class Workbench:
    """The parts of a process, and how to end them.

    Attributes:
        services: the parts, by their class.
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
    """All parts of a process, on a database that is migrated.

    Args:
        role: what the process is for. One that doesn't answer requests may run beside one that does:
            what is open in the log is that one's.
        directory: who there is; without one there is the local user alone.
        kernels: where notebooks of pipelines run; without it on this machine in local mode, else
            nowhere: no code of a user's runs beside the service's secrets.

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
                f"The metadata database is at version {found or 'none'}, this version needs "
                f"{wanted}: run `./wb migrate`."
            )
        master.prove(database)

        bus = Bus(frozenset(topic for room in ROOMS for topic in room.topics))
        assembly = Assembly(settings, role, Services(), ROOMS, stack)
        assembly.add(database)
        assembly.add(bus)
        assembly.add(master)
        assembly.add(NetworkPolicy(settings.allow_private, settings.allow_loopback))
        assembly.add(Blobs(settings.blobs_folder, database))
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
            # Those that run and those that wait, and some that are just coming in.
            max_waits=settings.max_queries + settings.max_waiting + 16,
        )
        closing = stack.pop_all()
    return Workbench(settings, assembly.services, api, bus, closing.close)


def _kernels(settings: Settings) -> Kernels:
    """Where notebooks of pipelines run if a host says nothing else."""
    if settings.mode != "local":
        return NoKernels()
    from .pipelines.kernels.local import LocalKernels  # takes a while, and only local mode needs it

    return LocalKernels()
