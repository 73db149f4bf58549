"""The vault: encrypts secrets with the master key, bound to the row that they belong to.

Fernet (https://github.com/fernet/spec) authenticates its text but knows no context, so a ciphertext
could be moved to another row. The sealed text therefore names its row, and opening checks it.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ...kit import clock
from ...kit.db import Database, UtcDateTime, metadata

_CHECK_NAME, _CHECK_ROW = "check", "vault"
_CHECK_TEXT = {"check": "this key opens this database"}

# The service's own secrets; "check" proves that a key is the database's.
vault_secrets = sa.Table(
    "vault_secrets",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("ciphertext", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)


class VaultError(Exception):
    """The vault can't be used; the text says what to do. The service must not start."""


class Vault:
    """Encrypts and decrypts with the keys of one file, the first of which encrypts."""

    def __init__(self, keys: list[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise VaultError(
                "The master key is damaged: each line of its file has to be a Fernet key."
            ) from error

    def seal(self, row: str, values: dict[str, str]) -> str:
        """The secrets as a ciphertext that only opens for the same ``row``."""
        text = json.dumps({"row": row, "secrets": values})
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, row: str, ciphertext: str) -> dict[str, str]:
        """The secrets in a ciphertext.

        Raises:
            VaultError: no key opens it, or it was sealed for another row.
        """
        try:
            content = json.loads(self._fernet.decrypt(ciphertext.encode()))
        except InvalidToken as error:
            raise VaultError("The master key does not open this secret.") from error
        if content["row"] != row:
            raise VaultError("This secret was sealed for another row.")
        values: dict[str, str] = content["secrets"]
        return values

    def prove(self, database: Database) -> None:
        """Checks that the key is the database's own, or makes it so for a new database.

        Raises:
            VaultError: the database was sealed with another key.
        """
        try:
            self._kept(database, _CHECK_NAME, _CHECK_ROW, _CHECK_TEXT)
        except VaultError as error:
            raise VaultError(
                "The master key is not the one that this database was sealed with. "
                "Put the right key file back, or name it by WB_KEY_FILE."
            ) from error

    def secret(self, database: Database, name: str) -> bytes:
        """A secret of the service's own, 32 random bytes made when it is first asked for.

        It stays the same when the master key changes.
        """
        made = {"secret": secrets.token_hex(32)}
        return bytes.fromhex(self._kept(database, name, f"vault_secrets/{name}", made)["secret"])

    def _kept(self, database: Database, name: str, row: str, new: dict[str, str]) -> dict[str, str]:
        found = sa.select(vault_secrets.c.ciphertext).where(vault_secrets.c.name == name)
        with database.write() as connection:
            ciphertext = connection.execute(found).scalar()
            if ciphertext is None:
                connection.execute(
                    vault_secrets.insert().values(
                        name=name, ciphertext=self.seal(row, new), created_at=clock.now()
                    )
                )
                return new
        return self.open(row, ciphertext)


def load(path: Path) -> Vault:
    """The vault with the keys of a file.

    Raises:
        VaultError: the file is missing, empty, damaged, or open to other users.
    """
    try:
        mode = path.stat().st_mode
        keys = path.read_text("ascii").split()
    except FileNotFoundError as error:
        raise VaultError(
            f"The master key is missing: there is no file {path}. Put it back from your copy; "
            "without it no stored password can be read."
        ) from error
    except (OSError, UnicodeError) as error:
        raise VaultError(f"The master key in {path} can't be read.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise VaultError(f"The master key in {path} is open to other users: chmod 600 it.")
    if not keys:
        raise VaultError(f"The master key in {path} is empty.")
    return Vault(keys)


def generate(path: Path) -> None:
    """Makes a new key file, readable by its owner only. Never overwrites one.

    Raises:
        FileExistsError: there is one already.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())
