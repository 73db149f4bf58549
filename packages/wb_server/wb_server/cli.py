"""``python -m wb_server.cli COMMAND``: the product's commands below ``./wb``.

It only parses the command line. A setting given as an option becomes its environment variable, so
:mod:`wb_server.settings` reads from one place and child processes agree.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from traitlets import TraitError

from .hosts import worker_setup
from .kit.errors import WorkbenchError
from .kit.room import Command
from .operations import commands as operations
from .operations import key_commands, password_commands, sample
from .rooms import ROOMS
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


def _config(arguments: argparse.Namespace) -> int:
    for name, value, source, text in in_force():
        print(f"{name} = {value}    ({source})\n    {text}")
    return 0


# The processes and the operations on an installation; the rooms add their own commands.
_COMMANDS: dict[str, Command] = {
    "service": Command(_service, "run the Workbench service (the Hub does it)"),
    "worker": Command(_worker, "run tasks of pipelines (any number of workers, on any host)"),
    "worker-setup": Command(worker_setup.run, worker_setup.TEXT, worker_setup.define),
    "scheduler": Command(_scheduler, "fire the schedules of pipelines"),
    "migrate": Command(operations.run_migrate, operations.MIGRATE, operations.define_migrate),
    "backup": Command(operations.run_backup, operations.BACKUP, operations.define_backup),
    "restore": Command(operations.run_restore, operations.RESTORE, operations.define_restore),
    "config": Command(_config, "print the settings in force and where each comes from"),
    "sample": Command(sample.run, sample.TEXT),
    **{name: command for room in ROOMS for name, command in room.commands.items()},
    "rotate-key": Command(key_commands.run, key_commands.TEXT),
    "credentials": Command(password_commands.run, password_commands.TEXT, password_commands.define),
}


def _add_settings(command: argparse.ArgumentParser) -> None:
    for option, (variable, meaning) in _SETTINGS.items():
        command.add_argument(option, dest=variable, metavar="VALUE", help=f"{meaning}; {variable}")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; 2 for an invalid command line or setting."""
    parser = argparse.ArgumentParser(prog="wb", description="The Workbench's commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        takes = commands.add_parser(name, help=command.text, description=command.text)
        if command.define:
            command.define(takes, _add_settings)
        else:
            _add_settings(takes)
    arguments = parser.parse_args(argv)
    for variable, _ in _SETTINGS.values():
        if getattr(arguments, variable, None) is not None:
            os.environ[variable] = getattr(arguments, variable)
    # The database, its journal and the blobs are for the service's user only, wherever they are.
    os.umask(0o077)
    try:
        return _COMMANDS[arguments.command].run(arguments)
    except TraitError as error:
        print(f"wb: {error}", file=sys.stderr)
        return 2
    except WorkbenchError as error:
        # The metadata database is full, down or locked.
        print(f"wb: {error.message}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
