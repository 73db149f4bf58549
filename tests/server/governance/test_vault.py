"""The vault: only the right key and the right row open a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from wb_server.governance.secrets import keyfile
from wb_server.governance.secrets.vault import Vault, VaultError, generate, key_id, load, vault_keys
from wb_server.kit.db import Database

SECRETS = {"password": "s3cret"}


def key() -> str:
    return Fernet.generate_key().decode()


def proved(database: Database, *keys: str) -> Vault:
    """A vault whose first key the database names."""
    vault = Vault(keys or [key()])
    vault.prove(database)
    return vault


def seal(vault: Vault, database: Database, row: str = "row") -> str:
    with database.write() as transaction:
        return vault.seal(transaction, row, SECRETS)


def test_a_secret_opens_for_its_row(database: Database) -> None:
    vault = proved(database)
    assert vault.open("row", seal(vault, database)) == SECRETS


def test_a_ciphertext_moved_to_another_row_does_not_open(database: Database) -> None:
    vault = proved(database)
    with pytest.raises(VaultError, match="another row"):
        vault.open("mine", seal(vault, database, "theirs"))


def test_another_key_does_not_open_it(database: Database) -> None:
    sealed = seal(proved(database), database)
    with pytest.raises(VaultError, match="does not open"):
        Vault([key()]).open("row", sealed)


def test_the_named_key_seals_and_every_key_opens(database: Database) -> None:
    old, new = key(), key()
    before = seal(proved(database, old), database)
    both = Vault([new, old])
    assert both.open("row", before) == SECRETS
    # The new key is in the file already, and the database doesn't name it yet.
    assert Vault([old]).open("row", seal(both, database)) == SECRETS
    name(database, new)
    assert Vault([new]).open("row", seal(both, database)) == SECRETS


def name(database: Database, new: str) -> None:
    with database.write() as transaction:
        transaction.execute(vault_keys.update().values(key_id=key_id(new)))


def test_nothing_is_sealed_before_the_database_knows_its_key(database: Database) -> None:
    with pytest.raises(VaultError, match="doesn't know its key"):
        seal(Vault([key()]), database)


def test_a_running_vault_rereads_the_file_when_another_key_is_named(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "master.key"
    generate(path)
    vault = load(path)
    vault.prove(database)
    before = seal(vault, database)
    old, new = keyfile.read(path)[0], key()
    keyfile.replace(path, [new, old])
    name(database, new)
    after = seal(vault, database)
    assert Vault([new]).open("row", after) == SECRETS
    # Read before the rotation reached it, opened after the old key was removed from the file.
    keyfile.replace(path, [new])
    assert vault.open("row", before) == SECRETS


def test_a_running_vault_rereads_the_file_for_a_secret_that_it_cannot_open(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "master.key"
    generate(path)
    vault = load(path)
    vault.prove(database)
    new = key()
    keyfile.replace(path, [new])
    name(database, new)
    assert vault.open("row", seal(Vault([new]), database)) == SECRETS


def test_a_vault_without_the_named_key_does_not_seal(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    generate(path)
    vault = load(path)
    vault.prove(database)
    name(database, key())
    with pytest.raises(VaultError, match="lacks the key"):
        seal(vault, database)
    with pytest.raises(VaultError, match="lacks the key"):
        vault.prove(database)


def test_a_key_file_readable_by_others_is_not_reread(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    generate(path)
    vault = load(path)
    vault.prove(database)
    name(database, key())
    path.chmod(0o640)
    with pytest.raises(VaultError, match="chmod 600"):
        seal(vault, database)


def test_a_secret_of_the_service_stays_the_same(database: Database) -> None:
    vault = proved(database)
    made = vault.secret(database, "audit")
    assert len(made) == 32
    assert vault.secret(database, "audit") == made
    assert vault.secret(database, "other") != made


def test_the_key_belongs_to_the_database(database: Database) -> None:
    right = Vault([key()])
    right.prove(database)
    right.prove(database)
    with pytest.raises(VaultError, match="doesn't belong to"):
        Vault([key()]).prove(database)


def test_a_generated_key_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    generate(path)
    assert path.stat().st_mode & 0o777 == 0o600
    load(path)
    with pytest.raises(FileExistsError):
        generate(path)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "missing"),
        ("", 0o600, "empty"),
        ("not a key", 0o600, "damaged"),
        pytest.param(key(), 0o644, "chmod 600", id="readable by all"),
    ],
)
def test_an_unusable_key_file_is_refused_with_the_reason(
    tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    path = tmp_path / "master.key"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(VaultError, match=words):
        load(path)
