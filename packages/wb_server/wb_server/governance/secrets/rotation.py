"""Rotates the master key while services run.

Each step records what the next one needs to know, in the key file and in ``vault_keys``, so a
rotation that was killed at any point continues when it is run again:

1. The new key is added to the file, above the old one. The old one still seals.
2. The database names the new key. From here on nothing is sealed with the old one: sealing reads
   that name in the transaction that stores the ciphertext (``Vault.seal``).
3. Every ciphertext is re-encrypted, batch by batch.
4. It is proved that the new key alone opens every ciphertext; otherwise the rotation stops here.
5. The old key is removed from the file.

A service reads the file again when it meets a ciphertext or a key id that it doesn't know.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from ...kit import clock
from ...kit.actor import Actor
from ...kit.db import Database, metadata
from ...kit.endpoint import Origin
from ..audit.service import AuditService
from . import keyfile
from .vault import Vault, VaultError, key_id, load, new_key, vault_keys

ACTION: Final = "key.rotate"
BATCH: Final = 200
_REPORT_EVERY: Final = 2000
# Seconds to wait before retrying rows that another writer had locked.
_PAUSE: Final = 0.1
_SHOWN: Final = 10


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: how many ciphertexts there are, and how many it re-encrypted."""

    key: str
    secrets: int
    renewed: int
    seconds: float


@dataclass(frozen=True)
class _Sealed:
    """A column of ciphertexts, and the primary key of its table."""

    row: sa.Column[str]
    ciphertext: sa.Column[str]

    @property
    def table(self) -> sa.Table:
        return self.ciphertext.table


def rotate(
    database: Database,
    path: Path,
    audit_of: Callable[[Vault], AuditService],
    say: Callable[[str], None],
) -> Rotated:
    """Rotates the master key in a file, or completes an interrupted rotation.

    Args:
        database: the only one whose secrets are sealed with this key file.
        audit_of: builds the audit log, once the vault is proved.
        say: called with one line of progress at a time.

    Raises:
        VaultError: the key doesn't belong to the database, the file can't be replaced, another
            rotation is running, or there are secrets that no key opens. What was done so far stays
            and does no harm.
    """
    columns = sealed_columns(database)
    with keyfile.exclusive(path):
        vault = load(path)
        vault.prove(database)
        audit = audit_of(vault)
        actor = Actor("system", frozenset(), via=f"wb rotate-key, by {_user()}")
        record = audit.started(actor, Origin("local", str(uuid.uuid4())), ACTION, target=str(path))
        try:
            done = _Rotation(database, path, columns, say).run()
        except BaseException:
            # The failure may be the database's.
            with suppress(sa.exc.SQLAlchemyError):
                audit.finished(record, "failed")
            raise
        audit.finished(record, "ok", rows=done.secrets)
        return done


def sealed_columns(database: Database) -> list[_Sealed]:
    """Every column of ciphertexts.

    Raises:
        VaultError: the database has an undeclared one, which would be lost with the old key.
    """
    columns = []
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.info.get("sealed"):
                (row,) = table.primary_key.columns
                columns.append(_Sealed(row, column))
    declared = {(column.table.name, column.ciphertext.name) for column in columns}
    inspector = sa.inspect(database.engine)
    for name in inspector.get_table_names():
        for found in inspector.get_columns(name):
            if found["name"].endswith("ciphertext") and (name, found["name"]) not in declared:
                raise VaultError(
                    f"The database has secrets in {name}.{found['name']} that this version "
                    "doesn't know. Run the version that created them."
                )
    return columns


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


class _Rotation:
    """One rotation, continuing from where the last one ended."""

    def __init__(
        self,
        database: Database,
        path: Path,
        columns: list[_Sealed],
        say: Callable[[str], None],
    ) -> None:
        self._database = database
        self._path = path
        self._columns = columns
        self._say = say
        self._renewed = 0
        self._reported = 0

    def run(self) -> Rotated:
        began = time.monotonic()
        keys = self._begin()
        name = key_id(keys[0])
        self._note_key(name)
        both, new = Vault(keys), Vault(keys[:1])
        while self._renew(both, new):
            self._say("waiting for writes in progress")
            time.sleep(_PAUSE)
        self._say(f"{self._renewed:,} secrets sealed with the new key")
        count = self._prove(new)
        self._say(f"proved: the new key alone opens all {count:,} secrets")
        self._clean()
        keyfile.replace(self._path, keys[:1])
        self._say(f"the old key is no longer in {self._path}")
        return Rotated(name, count, self._renewed, time.monotonic() - began)

    def _begin(self) -> list[str]:
        """The keys, the new one first: already in the file, or added now."""
        keys = keyfile.read(self._path)
        if len(keys) > 1:
            self._say(f"resuming the rotation to the key {key_id(keys[0])}")
            return keys
        keys.insert(0, new_key())
        keyfile.replace(self._path, keys)
        self._say(f"the new key {key_id(keys[0])} is in {self._path}, above the old one")
        return keys

    def _note_key(self, name: str) -> None:
        with self._database.write() as transaction:
            self._make_durable(transaction)
            transaction.execute(
                vault_keys.update()
                .where(vault_keys.c.id == 1, vault_keys.c.key_id != name)
                .values(key_id=name, since=clock.now())
            )

    def _renew(self, both: Vault, new: Vault) -> bool:
        """Re-encrypts what the new key alone doesn't open. True if locked rows were skipped."""
        left = False
        for column in self._columns:
            for batch in self._batches(column):
                changes = {}
                for row, ciphertext in batch:
                    if not new.opens(ciphertext):
                        changes[row] = ciphertext, both.renewed(ciphertext)
                left |= self._write(column, changes)
        return left

    def _write(self, column: _Sealed, changes: dict[str, tuple[str, str | None]]) -> bool:
        """Replaces ciphertexts with their re-encrypted form. True if locked rows were skipped.

        Waiting for another writer's rows while holding some could end in a deadlock with that
        writer as its victim, so locked rows are skipped.
        """
        # The proof finds and names what no key opens.
        able = {row: (old, new) for row, (old, new) in changes.items() if new is not None}
        if not able:
            return False
        free = sa.select(column.row).where(column.row.in_(able)).with_for_update(skip_locked=True)
        change = (
            column.table.update()
            .where(column.row == sa.bindparam("the_row"), column.ciphertext == sa.bindparam("old"))
            .values({column.ciphertext: sa.bindparam("new")})
        )
        there = sa.select(sa.func.count()).select_from(column.table).where(column.row.in_(able))
        with self._database.write() as transaction:
            self._make_durable(transaction)
            rows = list(transaction.scalars(free))
            values = [{"the_row": row, "old": able[row][0], "new": able[row][1]} for row in rows]
            if values:
                transaction.execute(change, values)
            locked = (transaction.scalar(there) or 0) > len(rows)
        self._renewed += len(rows)
        if self._renewed - self._reported >= _REPORT_EVERY:
            self._reported = self._renewed
            self._say(f"{self._renewed:,} secrets sealed with the new key")
        return locked

    def _prove(self, new: Vault) -> int:
        """Opens every ciphertext with the new key alone, and counts them."""
        count, closed = 0, []
        for column in self._columns:
            for batch in self._batches(column):
                for row, ciphertext in batch:
                    if new.opens(ciphertext):
                        count += 1
                    else:
                        closed.append(f"{column.table.name} {row}")
        if closed:
            more = f" and {len(closed) - _SHOWN:,} more" if len(closed) > _SHOWN else ""
            raise VaultError(
                f"No key opens these secrets: {', '.join(closed[:_SHOWN])}{more}. Both keys stay "
                f"in {self._path}. Put the key that opens them below the others there, or enter "
                "these secrets again. Then run this again."
            )
        return count

    def _batches(self, column: _Sealed) -> Iterator[list[tuple[str, str]]]:
        """The rows with a ciphertext, in batches, in the order of their primary key."""
        rows = sa.select(column.row, column.ciphertext).where(column.ciphertext.is_not(None))
        rows = rows.order_by(column.row).limit(BATCH)
        after: Any = None
        while True:
            page = rows if after is None else rows.where(column.row > after)
            with self._database.read() as transaction:
                batch = [(row, ciphertext) for row, ciphertext in transaction.execute(page)]
            if not batch:
                return
            yield batch
            after = batch[-1][0]

    def _make_durable(self, transaction: sa.Connection) -> None:
        """Makes the commit survive a crash of the database: the old key is removed after it.

        SQLite must not keep overwritten ciphertexts in its file.
        """
        transaction.exec_driver_sql(
            "PRAGMA secure_delete = ON"
            if self._database.sqlite
            else "SET LOCAL synchronous_commit = on"
        )

    def _clean(self) -> None:
        """Removes overwritten ciphertexts from SQLite's WAL, unless somebody is reading it."""
        if self._database.sqlite:
            with self._database.engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert isinstance(raw, sqlite3.Connection)
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
