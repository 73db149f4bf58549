"""The content of a metadata database: the version of its tables, rows by table, blobs, the canary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ..governance.secrets.vault import Vault, VaultError, key_id
from ..kit import db
from .report import OperationError

# The row that proves a key: in today's table, and in that of the first version.
_CANARIES = (("vault_secrets", "name", "check"), ("vault_checks", "id", 1))
_CANARY_ROW = "vault"


@dataclass(frozen=True)
class BlobRow:
    """A blob's row in the database."""

    digest: str
    size: int
    referenced: bool


@dataclass(frozen=True)
class DatabaseState:
    """The state of a database, read in one transaction."""

    revision: str | None
    tables: dict[str, int]
    blobs: list[BlobRow]


def read_state(connection: sa.Connection) -> DatabaseState:
    """Counts the rows of every table and lists the blobs."""
    names = sorted(sa.inspect(connection).get_table_names())
    counts = {
        name: connection.execute(
            sa.select(sa.func.count()).select_from(sa.table(name))
        ).scalar_one()
        for name in names
    }
    blobs = []
    if "blobs" in counts:
        table = sa.table("blobs", *map(sa.column, ("digest", "size", "references")))
        rows = connection.execute(sa.select(table).order_by(table.c.digest))
        blobs = [BlobRow(digest, size, references > 0) for digest, size, references in rows]
    return DatabaseState(db.revision(connection), counts, blobs)


@dataclass(frozen=True)
class Proof:
    """How many secrets a key opens, and how many it doesn't."""

    opened: int
    closed: int


def prove(connection: sa.Connection, keys: Sequence[str]) -> Proof:
    """Decrypts the database's canary secret, then every other one.

    Raises:
        OperationError: the keys don't open the canary, or lack the one that seals, or there is no
            canary.
    """
    known = sa.inspect(connection)
    names = set(known.get_table_names())
    try:
        vault = Vault(keys)
        vault.open(_CANARY_ROW, _canary(connection, names))
    except VaultError as error:
        raise OperationError("The master key doesn't belong to this database.") from error
    if "vault_keys" in names:
        seals = connection.execute(sa.select(sa.table("vault_keys", sa.column("key_id")).c.key_id))
        if set(seals.scalars()) - {key_id(key) for key in keys}:
            raise OperationError(
                "The master key's file lacks the key that seals this database's secrets."
            )
    opened = closed = 0
    for name in sorted(names):
        for column in known.get_columns(name):
            # The rule by which a rotation finds secrets, too.
            if not column["name"].endswith("ciphertext"):
                continue
            table = sa.table(name, sa.column(column["name"]))
            for text in connection.execute(sa.select(*table.c)).scalars():
                if text is not None and vault.opens(text):
                    opened += 1
                elif text is not None:
                    closed += 1
    return Proof(opened, closed)


def require_key(connection: sa.Connection, vault: Vault) -> None:
    """Checks that a vault's key belongs to the database, if it has a canary.

    Raises:
        OperationError: it doesn't.
    """
    try:
        canary = _canary(connection, set(sa.inspect(connection).get_table_names()))
    except OperationError:
        return  # nothing is sealed in it
    try:
        vault.open(_CANARY_ROW, canary)
    except VaultError as error:
        raise OperationError(
            "The master key doesn't belong to this database. Put the right key file back, or "
            "set WB_KEY_FILE to it."
        ) from error


def _canary(connection: sa.Connection, names: set[str]) -> str:
    for name, column, value in _CANARIES:
        if name not in names:
            continue
        table = sa.table(name, sa.column(column), sa.column("ciphertext"))
        found: str | None = connection.execute(
            sa.select(table.c.ciphertext).where(table.c[column] == value)
        ).scalar()
        if found is not None:
            return found
    raise OperationError(
        "The database has no canary secret, so the key can't be checked: run `./wb migrate` first."
    )


def differences(wanted: dict[str, int], found: dict[str, int]) -> str:
    """How two counts differ, in words; empty if they don't."""
    parts = [
        f"{name} has {found.get(name, 'no table, no')} rows instead of {wanted.get(name, 'none')}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]
    return ", ".join(parts[:5])
