"""The vault: only the right key and the right row open a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from wb_server.governance.secrets.vault import Vault, VaultError, generate, load
from wb_server.kit.db import Database

SECRETS = {"password": "s3cret"}


def key() -> str:
    return Fernet.generate_key().decode()


def test_a_secret_comes_back_for_its_row() -> None:
    vault = Vault([key()])
    assert vault.open("row", vault.seal("row", SECRETS)) == SECRETS


def test_a_ciphertext_moved_to_another_row_does_not_open() -> None:
    vault = Vault([key()])
    with pytest.raises(VaultError, match="another row"):
        vault.open("mine", vault.seal("theirs", SECRETS))


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(VaultError, match="does not open"):
        Vault([key()]).open("row", Vault([key()]).seal("row", SECRETS))


def test_the_first_key_seals_and_all_open() -> None:
    old, new = key(), key()
    sealed_before = Vault([old]).seal("row", SECRETS)
    both = Vault([new, old])
    assert both.open("row", sealed_before) == SECRETS
    assert Vault([new]).open("row", both.seal("row", SECRETS)) == SECRETS


def test_the_key_belongs_to_the_database(database: Database) -> None:
    right = Vault([key()])
    right.prove(database)
    right.prove(database)
    with pytest.raises(VaultError, match="not the one"):
        Vault([key()]).prove(database)


def test_a_made_key_is_its_owners_only_and_is_never_overwritten(tmp_path: Path) -> None:
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
        (key(), 0o644, "chmod 600"),
    ],
)
def test_a_key_file_that_will_not_do_says_why(
    tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    path = tmp_path / "master.key"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(VaultError, match=words):
        load(path)
