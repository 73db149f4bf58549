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


def _migrate(arguments: argparse.Namespace) -> int:
    from .governance.secrets import vault
    from .kit import db

    settings = Settings.from_environment()
    try:
        # The key first: a database is not touched with a key that isn't its own.
        master = vault.load(settings.key_path)
        db.migrate(settings.database)
        database = db.Database(settings.database)
        try:
            master.prove(database)
        finally:
            database.close()
    except vault.VaultError as error:
        print(f"wb: {error}", file=sys.stderr)
        return 1
    return 0


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
    workbench = build(settings)
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


_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "service": (_service, "run the Workbench service (the Hub does it)"),
    "migrate": (_migrate, "bring the metadata database to this version, and prove its key"),
    "config": (_config, "print the settings in force, and where each comes from"),
    "sample": (_sample, "add the connection `sample` on the sample's files"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its status, 2 for a command line or a setting that can't be read."""
    parser = argparse.ArgumentParser(prog="wb", description="The Workbench's commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        for option, (variable, meaning) in _SETTINGS.items():
            command.add_argument(
                option, dest=variable, metavar="VALUE", help=f"{meaning}; {variable}"
            )
    arguments = parser.parse_args(argv)
    for variable, _ in _SETTINGS.values():
        if getattr(arguments, variable) is not None:
            os.environ[variable] = getattr(arguments, variable)
    # The database, its journal and the blobs: for the service's user alone, wherever they lie.
    os.umask(0o077)
    try:
        return _COMMANDS[arguments.command][0](arguments)
    except TraitError as error:
        print(f"wb: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
