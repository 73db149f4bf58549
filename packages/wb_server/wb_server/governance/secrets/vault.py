"""The vault: encrypts secrets with the master key, bound to their row.

Fernet (https://github.com/fernet/spec) authenticates its text but has no associated data, so a
ciphertext could be moved to another row. The sealed text therefore names its row, and opening checks it.

The key can be rotated while services run (``rotation.py``). So the database names the key that seals,
and sealing reads that name in the transaction that stores the ciphertext.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ...kit import clock
from ...kit.db import Database, UtcDateTime, metadata
from . import keyfile
from .keyfile import VaultError

__all__ = ["SEALED", "Vault", "VaultError", "WrongKey", "generate", "key_id", "load", "new_key"]

_CHECK_NAME, _CHECK_ROW = "check", "vault"
_CHECK_TEXT = {"check": "this key opens this database"}

SEALED: Final[dict[str, Any]] = {"sealed": True}
"""The ``info`` of every column that holds ciphertexts of the vault, which a rotation re-encrypts.

The name of such a column ends with ``ciphertext``."""

# The service's own secrets; "check" proves that a key belongs to the database.
vault_secrets = sa.Table(
    "vault_secrets",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("ciphertext", sa.Text, nullable=False, info=SEALED),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# One row: the key that seals.
vault_keys = sa.Table(
    "vault_keys",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key_id", sa.String(16), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
)


class WrongKey(VaultError):
    """None of the keys opens a ciphertext."""


_NOTED = sa.select(vault_keys.c.key_id).where(vault_keys.c.id == 1)
# In PostgreSQL the row stays locked until the transaction ends, so another key is noted only once
# everything sealed with this one is committed. SQLite has one writer at a time.
_NOTED_HELD = _NOTED.with_for_update(read=True)


def key_id(key: str) -> str:
    """A public id of a key: it distinguishes keys and reveals nothing about them."""
    return hmac.digest(key.encode(), b"workbench master key", "sha256").hex()[:16]


def new_key() -> str:
    """A new random key."""
    return Fernet.generate_key().decode()


class _Ring:
    """The keys known at one time. Immutable; the vault replaces it whole."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self.by_id = {key_id(key): Fernet(key) for key in keys}
        except ValueError as error:
            raise VaultError(
                "The master key is damaged: each line of its file must be a Fernet key."
            ) from error
        self.keys = tuple(keys)
        self._all = MultiFernet(list(self.by_id.values()))

    def decrypt(self, ciphertext: str) -> bytes | None:
        """The plaintext, or ``None`` if none of the keys opens it."""
        try:
            return self._all.decrypt(ciphertext)
        except InvalidToken:
            return None

    def renewed(self, ciphertext: str) -> str | None:
        """The same plaintext sealed with the first key, or ``None`` if none of the keys opens it."""
        try:
            return self._all.rotate(ciphertext).decode()
        except InvalidToken:
            return None


class Vault:
    """Encrypts and decrypts with the keys of one file.

    Args:
        keys: the newest first.
        path: their file; read again when an unknown key is needed.
    """

    def __init__(self, keys: Sequence[str], path: Path | None = None) -> None:
        self._path = path
        self._ring = _Ring(keys)

    def seal(self, transaction: sa.Connection, row: str, values: dict[str, str]) -> str:
        """Encrypts secrets into a ciphertext that only opens for the same ``row``.

        Args:
            transaction: the write transaction that stores it. It determines the key: once a
                rotation names another one, nothing is sealed with this one.

        Raises:
            VaultError: the key that seals isn't in the key file, or the database was never proved.
        """
        noted = transaction.scalar(_NOTED_HELD)
        if noted is None:
            raise VaultError("This database doesn't know its key yet. Run `./wb migrate`.")
        fernet = self._ring.by_id.get(noted) or self._read_again().by_id.get(noted)
        if fernet is None:
            raise _key_missing(noted)
        text = json.dumps({"row": row, "secrets": values})
        return fernet.encrypt(text.encode()).decode()

    def open(self, row: str, ciphertext: str) -> dict[str, str]:
        """Decrypts the secrets in a ciphertext.

        Raises:
            WrongKey: no key opens it.
            VaultError: it was sealed for another row, or the key file can't be read.
        """
        text = self._ring.decrypt(ciphertext)
        if text is None:
            text = self._read_again().decrypt(ciphertext)
        if text is None:
            raise WrongKey("The master key does not open this secret.")
        content = json.loads(text)
        if content["row"] != row:
            raise VaultError("This secret was sealed for another row.")
        values: dict[str, str] = content["secrets"]
        return values

    def opens(self, ciphertext: str) -> bool:
        """Whether one of the keys already loaded opens it."""
        return self._ring.decrypt(ciphertext) is not None

    def renewed(self, ciphertext: str) -> str | None:
        """The same secrets, for the same row, sealed with the first of the keys.

        ``None``: none of the keys opens it.
        """
        return self._ring.renewed(ciphertext)

    def prove(self, database: Database) -> None:
        """Checks that the key belongs to the database; a new database adopts it.

        In the middle of a rotation this takes both keys, which the file then holds.

        Raises:
            VaultError: the database was sealed with another key.
        """
        try:
            # Twice, as another process may initialize a new database at the same time.
            try:
                noted = self._note_key(database)
            except sa.exc.IntegrityError:
                noted = self._note_key(database)
            self._get_or_create(database, _CHECK_NAME, _CHECK_ROW, _CHECK_TEXT)
        except WrongKey as error:
            raise VaultError(
                "The master key doesn't belong to this database. Put the right key file back, "
                "or set WB_KEY_FILE to it."
            ) from error
        if noted not in self._ring.by_id and noted not in self._read_again().by_id:
            raise _key_missing(noted)

    def secret(self, database: Database, name: str) -> bytes:
        """One of the service's own secrets: 32 random bytes, generated on first use.

        It survives a change of the master key.
        """
        made = {"secret": secrets.token_hex(32)}
        return bytes.fromhex(
            self._get_or_create(database, name, f"vault_secrets/{name}", made)["secret"]
        )

    def _note_key(self, database: Database) -> str:
        """The id of the key that seals; noted now if it never was."""
        with database.write() as transaction:
            noted: str | None = transaction.scalar(_NOTED)
            if noted is not None:
                return noted
            check = transaction.scalar(_sealed_text(_CHECK_NAME))
            if check is not None:
                # The database predates noted keys: refuse a key that isn't its own.
                self.open(_CHECK_ROW, check)
            noted = key_id(self._ring.keys[0])
            transaction.execute(vault_keys.insert().values(id=1, key_id=noted, since=clock.now()))
            return noted

    def _get_or_create(
        self, database: Database, name: str, row: str, new: dict[str, str]
    ) -> dict[str, str]:
        with database.write() as transaction:
            ciphertext = transaction.scalar(_sealed_text(name))
            if ciphertext is None:
                transaction.execute(
                    vault_secrets.insert().values(
                        name=name,
                        ciphertext=self.seal(transaction, row, new),
                        created_at=clock.now(),
                    )
                )
                return new
            return self.open(row, ciphertext)

    def _read_again(self) -> _Ring:
        """Reads the file's current keys; earlier ones are kept, for ciphertexts read earlier."""
        if self._path is not None:
            found = keyfile.read(self._path)
            known = [key for key in self._ring.keys if key not in found]
            self._ring = _Ring([*found, *known])
        return self._ring


def load(path: Path) -> Vault:
    """The vault with the keys of a file.

    Raises:
        VaultError: the file is missing, empty, damaged, or open to other users.
    """
    return Vault(keyfile.read(path), path)


def generate(path: Path) -> None:
    """Creates a new key file, readable by its owner only. Never overwrites one.

    Raises:
        FileExistsError: it already exists.
    """
    keyfile.make(path, new_key())


def _sealed_text(name: str) -> sa.Select[str]:
    return sa.select(vault_secrets.c.ciphertext).where(vault_secrets.c.name == name)


def _key_missing(noted: str) -> VaultError:
    return VaultError(
        f"The key file lacks the key {noted}, with which this database has been sealed since the "
        "last rotation. Put the newest key file back, or set WB_KEY_FILE to it."
    )
