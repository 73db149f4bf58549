"""``wb rotate-key``: replaces the master key, whether or not the service is running."""

from __future__ import annotations

import argparse
import sys

TEXT = "replace the master key; the service may keep running"


def run(arguments: argparse.Namespace) -> int:
    """Runs or completes a rotation and prints its steps. Returns the exit status, 1 if it failed."""
    from sqlalchemy.exc import SQLAlchemyError

    from .. import rooms
    from ..governance.audit.service import AuditService
    from ..governance.audit.store import AuditStore
    from ..governance.secrets import rotation
    from ..governance.secrets.vault import VaultError, load
    from ..kit.db import Database, versions
    from ..kit.errors import WorkbenchError
    from ..settings import Settings

    settings = Settings.from_environment()
    rooms.tables()  # registers all tables, any of which may hold secrets
    database = None
    try:
        # Before opening the database, which would create a missing SQLite file.
        load(settings.key_path)
        database = Database(settings.database)
        found, wanted = versions(database)
        if found != wanted:
            raise VaultError(
                f"The metadata database is at version {found or 'none'}, but this version of the "
                f"Workbench needs {wanted}: run `./wb migrate`."
            )
        it = database
        done = rotation.rotate(
            it,
            settings.key_path,
            lambda vault: AuditService(AuditStore(it, vault.secret(it, "audit"))),
            _say,
        )
    except VaultError as error:
        return _fail(str(error))
    except WorkbenchError as error:
        return _fail(f"{error.message} Nothing is lost: run this again.")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return _fail(
            f"The metadata database failed: {reason}. Nothing is lost: run this again when it is back."
        )
    finally:
        if database is not None:
            database.close()
    print(
        f"Rotated: {done.secrets:,} secrets open with the key {done.key} alone, {done.renewed:,} "
        f"of them re-sealed, in {done.seconds:.1f} s. Back up the key file now.",
        flush=True,
    )
    return 0


def _say(line: str) -> None:
    print(f"rotate-key: {line}", flush=True)


def _fail(text: str) -> int:
    print(f"wb: {text}", file=sys.stderr)
    return 1
