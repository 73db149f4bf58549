"""Seals a file's content with a passphrase, for what leaves the machine: the key of a backup.

scrypt (RFC 7914) derives the key from the passphrase, with a new salt each time; the content is then
a Fernet token. Cost and salt are stored beside it in the clear, so that the cost can rise later.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import unicodedata

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

SHORTEST = 12
_LONGEST = 1024
_FORMAT = "workbench-sealed-1"
# 128 MB and about half a second for each guess.
_COST, _BLOCK, _LANES = 2**17, 8, 1
# The most that a file may demand of the machine that opens it.
_HIGHEST_COST, _HIGHEST_BLOCK, _HIGHEST_LANES = 2**20, 16, 4


class PassphraseError(Exception):
    """The passphrase or the sealed file is unusable; the text is one line for the user."""


def check(passphrase: str) -> None:
    """Rejects a passphrase that is too easy to guess, or over the maximum length.

    Raises:
        PassphraseError: it is too short, too long, or has fewer than 4 different characters.
    """
    if len(passphrase) < SHORTEST:
        raise PassphraseError(f"The passphrase must be at least {SHORTEST} characters.")
    if len(passphrase) > _LONGEST:
        raise PassphraseError(f"The passphrase must be at most {_LONGEST} characters.")
    if len(set(passphrase)) < 4:
        raise PassphraseError("The passphrase must contain at least 4 different characters.")


def seal(content: bytes, passphrase: str) -> bytes:
    """Encrypts content into the text of a file that only the passphrase opens.

    Raises:
        PassphraseError: ``check`` rejects the passphrase.
    """
    check(passphrase)
    salt = secrets.token_bytes(16)
    sealed = _fernet(passphrase, salt, _COST, _BLOCK, _LANES).encrypt(content)
    text = {
        "format": _FORMAT,
        "kdf": "scrypt",
        "n": _COST,
        "r": _BLOCK,
        "p": _LANES,
        "salt": base64.b64encode(salt).decode(),
        "sealed": sealed.decode(),
    }
    return json.dumps(text, indent=1).encode() + b"\n"


def unseal(text: bytes, passphrase: str) -> bytes:
    """Decrypts the content of a sealed file.

    Raises:
        PassphraseError: the passphrase is wrong, or the file is damaged.
    """
    try:
        file = json.loads(text)
        if file["format"] != _FORMAT or file["kdf"] != "scrypt":
            raise PassphraseError("The key file was made by a newer version of the Workbench.")
        salt = base64.b64decode(file["salt"], validate=True)
        cost, block, lanes = (int(file[name]) for name in ("n", "r", "p"))
        sealed = file["sealed"].encode("ascii")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise PassphraseError("The key file is damaged.") from error
    if not (
        2 <= cost <= _HIGHEST_COST
        and cost & (cost - 1) == 0
        and 1 <= block <= _HIGHEST_BLOCK
        and 1 <= lanes <= _HIGHEST_LANES
    ):
        raise PassphraseError("The key file is damaged.")
    try:
        return _fernet(passphrase, salt, cost, block, lanes).decrypt(sealed)
    except InvalidToken as error:
        raise PassphraseError(
            "The passphrase does not open the key file: it is the wrong one, or the file is "
            "damaged."
        ) from error


def _fernet(passphrase: str, salt: bytes, cost: int, block: int, lanes: int) -> Fernet:
    # The same letter can be typed as one code point or as two; both must give the same key.
    secret = unicodedata.normalize("NFC", passphrase).encode()
    try:
        key = Scrypt(salt=salt, length=32, n=cost, r=block, p=lanes).derive(secret)
    except (MemoryError, UnsupportedAlgorithm) as error:
        raise PassphraseError(
            "scrypt failed on this machine: it needs 128 MB of memory."
        ) from error
    return Fernet(base64.urlsafe_b64encode(key))
