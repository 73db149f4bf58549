"""``wb audit``: verify, checkpoint, export and prune, on the machine of the database.

The exit status is 0 on success, 1 if the log was tampered with, 2 if a command failed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ...kit.room import CommandError

# Commands import the service's code when they run, so that `wb --help` is quick.
if TYPE_CHECKING:
    from ...kit.actor import Actor
    from ...kit.db import Database
    from .models import Checkpoint
    from .seals import SealStore
    from .service import AuditService
    from .signing import Signer

TEXT = "verify, checkpoint, export and prune the audit log"
_MAX_DAYS = 36_500


def define(parser: argparse.ArgumentParser, settings: Callable[..., None]) -> None:
    """Adds the sub-commands.

    Args:
        settings: adds the options that all commands of ``wb`` share.
    """
    commands = parser.add_subparsers(dest="audit_command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> _Parser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(run_audit=run)
        settings(command)
        return command

    verify = add("verify", _verify, "check every row and seal, and report tampering")
    verify.add_argument(
        "--checkpoint",
        metavar="FILE",
        type=Path,
        help="output of `wb audit checkpoint`; without it, a log whose end was cut off looks intact",
    )
    add("checkpoint", _checkpoint, "seal all rows and print the end of the chain as a line of JSON")
    export = add("export", _export, "write the rows, the oldest first")
    export.add_argument(
        "--since", metavar="TIME", type=_moment, help="rows at or after this time (ISO 8601)"
    )
    export.add_argument(
        "--until", metavar="TIME", type=_moment, help="rows before this time (ISO 8601)"
    )
    export.add_argument(
        "--format", choices=["jsonl", "csv"], default="jsonl", help="default: jsonl"
    )
    export.add_argument("--output", metavar="FILE", type=Path, help="a new file; default: print")
    prune = add(
        "prune", _prune, "delete old rows; their seals stay, so that the log still verifies"
    )
    prune.add_argument(
        "--older-than",
        metavar="DAYS",
        type=_days,
        required=True,
        help="rows that were sealed this many days ago",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs a sub-command and returns its exit status."""
    from sqlalchemy.exc import SQLAlchemyError

    from ...kit.errors import WorkbenchError
    from ..secrets.vault import VaultError

    try:
        command: Callable[[argparse.Namespace], int] = arguments.run_audit
        return command(arguments)
    except (CommandError, VaultError, WorkbenchError) as error:
        return _fail(str(error))
    except BrokenPipeError:
        # The reader has enough, as `head` does. Python would complain when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return _fail(f"the database can't be used: {reason}")


# --- the commands ------------------------------------------------------------------------------


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _verify(arguments: argparse.Namespace) -> int:
    from .verify import Verifier

    checkpoints = _checkpoints(arguments.checkpoint) if arguments.checkpoint else []
    with _open() as log:
        verifier = Verifier(log.database, log.signer, checkpoints)
        wrong = 0
        for finding in verifier.findings():
            wrong += 1
            print(f"{finding.kind}: {finding.text}", flush=True)
    for note in verifier.notes:
        print(f"note: {note}")
    seen = verifier.summary
    last = f", the last at {_short(seen.last.sealed_at)}" if seen.last else ""
    print(f"{_count(seen.rows, 'row')} checked, {_count(seen.seals, 'seal')}{last}")
    for number, text in (
        (seen.unsealed, "not sealed yet"),
        (seen.pruned_rows, f"deleted by retention, with {_count(seen.pruned_seals, 'seal')}"),
        (seen.adopted, "from before there were seals, accepted as they were then"),
    ):
        if number:
            print(f"{_count(number, 'row')} {text}")
    if wrong:
        print(f"The audit log was tampered with: {_count(wrong, 'finding')}.")
        return 1
    if not checkpoints:
        print("Not compared with a checkpoint, so rows cut off at the end would go unnoticed.")
    print("The audit log is intact.")
    return 0


def _checkpoint(arguments: argparse.Namespace) -> int:
    from ...kit import clock
    from .models import Checkpoint
    from .sealer import seal_all

    with _open() as log:
        seal_all(log.seals, wait=True)
        head = log.seals.head()
    if head is None:
        raise CommandError("the audit log has no rows yet")
    last, rows = head
    print(
        Checkpoint(seal=last.id, hash=last.hash, rows=rows, at=clock.now()).model_dump_json(),
        flush=True,
    )
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from ...kit.endpoint import Origin
    from .export import lines, span
    from .sealer import seal_all

    with _open() as log, _output(arguments.output) as output:
        actor = _actor("export")
        target = span(arguments.since, arguments.until)
        record = log.audit.started(actor, Origin("", ""), "audit.export", target=target)
        count = size = 0
        try:
            for line in lines(log.audit.rows(arguments.since, arguments.until), arguments.format):
                output.write(line)
                count += 1
                size += len(line.encode())
            output.flush()
        except BaseException as error:
            gone = isinstance(error, (BrokenPipeError, KeyboardInterrupt))
            log.audit.finished(record, "cancelled" if gone else "failed", rows=count, bytes=size)
            raise
        count -= arguments.format == "csv"
        log.audit.finished(record, "ok", rows=count, bytes=size)
        seal_all(log.seals)
    print(f"wb: {count:,} rows", file=sys.stderr)
    return 0


def _prune(arguments: argparse.Namespace) -> int:
    from .sealer import prune, seal_all
    from .seals import PruneRefused

    with _open() as log:
        seal_all(log.seals)
        try:
            rows = prune(
                log.seals, log.audit, timedelta(days=arguments.older_than), _actor("prune")
            )
        except PruneRefused as error:
            print(f"wb: old rows are kept: {error}. Run `wb audit verify`", file=sys.stderr)
            return 1
        finally:
            seal_all(log.seals)
    print(f"{rows:,} rows deleted; their seals stay." if rows else "No rows are old enough.")
    return 0


# --- what they share ---------------------------------------------------------------------------

_Parser = argparse.ArgumentParser


@dataclass(frozen=True)
class _LocalLog:
    """The log on this machine."""

    database: Database
    signer: Signer
    seals: SealStore
    audit: AuditService


@contextlib.contextmanager
def _open() -> Iterator[_LocalLog]:
    """The log that the settings name.

    Raises:
        CommandError: there is no such database, it is of another version, or the log's key is
            missing.
        VaultError: the master key is missing or doesn't belong to the database.
    """
    import sqlalchemy as sa

    from ...kit.db import Database, versions
    from ...settings import Settings
    from ..secrets import vault
    from .seals import SealStore, key_lost
    from .service import AuditService
    from .signing import Signer
    from .store import AuditStore

    settings = Settings.from_environment()
    url = sa.engine.make_url(settings.database)
    if url.drivername.startswith("sqlite") and not Path(url.database or "").is_file():
        raise CommandError(
            f"there is no database {url.database}: name its folder by --data-dir, or the database by "
            "--database-url"
        )
    master = vault.load(settings.key_path)
    database = Database(settings.database)
    try:
        found, wanted = versions(database)
        if found != wanted:
            raise CommandError(
                f"the database is at version {found or 'none'}, but this version needs {wanted}: run "
                "`./wb migrate`"
            )
        master.prove(database)
        if key_lost(database):
            raise CommandError(
                "the audit log's key is missing from the database (vault_secrets): restore the "
                "database from a backup. Without the key, the log can't be checked"
            )
        key = master.secret(database, "audit")
        signer = Signer(key)
        yield _LocalLog(
            database, signer, SealStore(database, signer), AuditService(AuditStore(database, key))
        )
    finally:
        database.close()


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    """Standard output, or a new file that appears once it is complete."""
    if path is None:
        yield sys.stdout
        return
    part = path.with_name(path.name + ".part")
    if path.exists():
        raise CommandError(f"{path} already exists: name a new file")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _checkpoints(path: Path) -> list[Checkpoint]:
    from pydantic import ValidationError

    from .models import Checkpoint

    try:
        texts = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise CommandError(f"the checkpoints in {path} can't be read") from error
    found = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            found.append(Checkpoint.model_validate_json(text))
        except ValidationError as error:
            raise CommandError(f"line {number} of {path} isn't a checkpoint") from error
    if not found:
        raise CommandError(f"there is no checkpoint in {path}")
    return found


def _actor(command: str) -> Actor:
    """The actor for the log: not a user of the Hub, but of this machine."""
    from ...kit.actor import Actor

    number = os.geteuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    return Actor("system", frozenset(), via=f"wb audit {command}, by {name}")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} isn't a time: write it as 2026-01-31 or 2026-01-31T08:00+01:00"
        ) from None


def _days(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= _MAX_DAYS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} isn't a number of days from 1 to {_MAX_DAYS}")


def _short(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")


def _fail(text: str) -> int:
    print(f"wb: {text}", file=sys.stderr)
    return 2
