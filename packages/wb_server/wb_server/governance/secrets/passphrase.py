"""Seals a file's content with a passphrase, for what leaves the machine: the key of a backup.

The key comes from the passphrase by scrypt (RFC 7914) with a new salt each time; the content is then
a Fernet token. Cost and salt lie beside it in clear, so that they can rise later.
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
# What a file may ask of the machine that opens it.
_HIGHEST_COST, _HIGHEST_BLOCK, _HIGHEST_LANES = 2**20, 16, 4


class PassphraseError(Exception):
    """The passphrase or the sealed file will not do; the text is one line for a person."""


def check(passphrase: str) -> None:
    """Refuses a passphrase that is too easily guessed.

    Raises:
        PassphraseError: it is too short, or all of one letter.
    """
    if len(passphrase) < SHORTEST:
        raise PassphraseError(f"The passphrase must be at least {SHORTEST} characters.")
    if len(passphrase) > _LONGEST:
        raise PassphraseError(f"The passphrase must be at most {_LONGEST} characters.")
    if len(set(passphrase)) < 4:
        raise PassphraseError("The passphrase must contain at least 4 different characters.")


def seal(content: bytes, passphrase: str) -> bytes:
    """The text of a file that only the passphrase opens.

    Raises:
        PassphraseError: the passphrase is too short.
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
    """What was sealed.

    Raises:
        PassphraseError: the passphrase is another one, or the text isn't a sealed file any more.
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
    # One letter can be typed as one code point or as two; both are meant.
    secret = unicodedata.normalize("NFC", passphrase).encode()
    try:
        key = Scrypt(salt=salt, length=32, n=cost, r=block, p=lanes).derive(secret)
    except (MemoryError, UnsupportedAlgorithm) as error:
        raise PassphraseError(
            "scrypt failed on this machine: it needs 128 MB of memory."
        ) from error
    return Fernet(base64.urlsafe_b64encode(key))
