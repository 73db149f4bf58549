"""``python -m wb_server.cli COMMAND``: the product's commands below ``./wb``.

Only reads the command line. A setting given here becomes the environment variable of the same
setting, so :mod:`wb_server.settings` has one place to read from and child processes agree.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from traitlets import TraitError

from .governance.audit import commands as audit
from .governance.secrets import commands as secrets
from .kit.errors import WorkbenchError
from .operations import commands as operations
from .operations import password_commands as credentials
from .pipelines import commands as pipelines
from .settings import Settings, in_force

_SETTINGS = {
    "--data-dir": ("WB_DATA_DIR", "folder of the databases, keys and files"),
    "--database-url": ("WB_DATABASE_URL", "metadata database (default: SQLite in the data folder)"),
    "--key-file": (
        "WB_KEY_FILE",
        "file of the master key (default: master.key in the data folder)",
    ),
}


def _service(arguments: argparse.Namespace) -> int:
    from .hosts import service

    return service.main(Settings.from_environment())


def _worker(arguments: argparse.Namespace) -> int:
    from .hosts import worker

    return worker.main(Settings.from_environment())


def _scheduler(arguments: argparse.Namespace) -> int:
    from .hosts import scheduler

    return scheduler.main(Settings.from_environment())


def _rotate_key(arguments: argparse.Namespace) -> int:
    from .migrations import tables  # noqa: F401  (every table that may hold secrets)

    return secrets.run(arguments)


def _credentials(arguments: argparse.Namespace) -> int:
    from .composition import StartError, build
    from .governance.secrets.vault import VaultError

    try:
        workbench = build(Settings.from_environment(), beside=True)
    except (StartError, VaultError) as error:
        print(f"wb: {error}", file=sys.stderr)
        return 1
    try:
        return credentials.run(arguments, workbench.api.services)
    finally:
        workbench.close()


def _config(arguments: argparse.Namespace) -> int:
    for name, value, source, text in in_force():
        print(f"{name} = {value}    ({source})\n    {text}")
    return 0


def _sample(arguments: argparse.Namespace) -> int:
    """Adds the connection ``sample`` on the sample's files, for everyone with a role."""
    from .composition import build
    from .connections.models import ConnectionCreate, Owner
    from .connections.service import ConnectionService
    from .kit.actor import Actor
    from .kit.errors import Conflict

    settings = Settings.from_environment()
    workbench = build(settings, beside=True)
    try:
        workbench.api.services.get(ConnectionService).create_for(
            Actor("system", frozenset({"admin"}), via="wb sample"),
            ConnectionCreate(
                name="sample",
                connector="files",
                description="Three years of a made-up trading company: customers, orders, "
                "invoices, payments.",
                config={"folder": str(Path(settings.roots[0]) / "sample")},
            ),
            Owner(kind="team", name="viewer"),
        )
    except Conflict:
        pass  # it is there already
    finally:
        workbench.close()
    return 0


# A room with commands of its own has them in its `commands.py`.
_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "service": (_service, "run the Workbench service (the Hub does it)"),
    "worker": (_worker, "run tasks of pipelines (any number of workers, on any host)"),
    "scheduler": (_scheduler, "fire the schedules of pipelines"),
    "migrate": (operations.run_migrate, operations.MIGRATE),
    "backup": (operations.run_backup, operations.BACKUP),
    "restore": (operations.run_restore, operations.RESTORE),
    "config": (_config, "print the settings in force, and where each comes from"),
    "sample": (_sample, "add the connection `sample` on the sample's files"),
    "pipeline": (pipelines.run, pipelines.TEXT),
    "audit": (audit.run, audit.TEXT),
    "rotate-key": (_rotate_key, secrets.TEXT),
    "credentials": (_credentials, credentials.TEXT),
}
# Those that take more than the settings say so themselves.
_TAKES: dict[str, Callable[[argparse.ArgumentParser, Callable[..., None]], None]] = {
    "pipeline": pipelines.define,
    "audit": audit.define,
    "credentials": credentials.define,
    "migrate": operations.define_migrate,
    "backup": operations.define_backup,
    "restore": operations.define_restore,
}


def _add_settings(command: argparse.ArgumentParser) -> None:
    for option, (variable, meaning) in _SETTINGS.items():
        command.add_argument(option, dest=variable, metavar="VALUE", help=f"{meaning}; {variable}")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its status, 2 for a command line or a setting that can't be read."""
    parser = argparse.ArgumentParser(prog="wb", description="The Workbench's commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if takes := _TAKES.get(name):
            takes(command, _add_settings)
        else:
            _add_settings(command)
    arguments = parser.parse_args(argv)
    for variable, _ in _SETTINGS.values():
        if getattr(arguments, variable, None) is not None:
            os.environ[variable] = getattr(arguments, variable)
    # The database, its journal and the blobs: for the service's user alone, wherever they lie.
    os.umask(0o077)
    try:
        return _COMMANDS[arguments.command][0](arguments)
    except TraitError as error:
        print(f"wb: {error}", file=sys.stderr)
        return 2
    except WorkbenchError as error:
        # The metadata database is full, away or held by others.
        print(f"wb: {error.message}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
