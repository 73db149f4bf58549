"""A passphrase opens what it sealed, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.passphrases import cheap

from wb_server.governance.secrets.passphrase import PassphraseError, check, seal, unseal

pytestmark = pytest.mark.slow

WORDS = "eleven plain words"


@pytest.fixture
def cheaply() -> Iterator[None]:
    with cheap():
        yield


def test_only_its_passphrase_opens_what_was_sealed() -> None:
    sealed = seal(b"the key", WORDS)
    assert b"the key" not in sealed
    # What each guess costs: 128 MB, and half a second.
    file = json.loads(sealed)
    assert [file[name] for name in ("kdf", "n", "r", "p")] == ["scrypt", 2**17, 8, 1]
    assert unseal(sealed, WORDS) == b"the key"
    with pytest.raises(PassphraseError, match="the wrong one"):
        unseal(sealed, f"{WORDS} ")


@pytest.mark.usefixtures("cheaply")
def test_a_passphrase_is_the_same_in_both_unicode_forms() -> None:
    # One code point here, a letter and an accent there.
    assert unseal(seal(b"x", "caf\u00e9 au lait, please"), "cafe\u0301 au lait, please") == b"x"


@pytest.mark.usefixtures("cheaply")
def test_each_seal_has_its_own_salt() -> None:
    one, two = json.loads(seal(b"x", WORDS)), json.loads(seal(b"x", WORDS))
    assert one["salt"] != two["salt"]


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [("short", "at least 12"), ("x" * 1025, "at most"), ("abcabcabcabc", "4 different")],
)
def test_a_weak_passphrase_is_refused(passphrase: str, words: str) -> None:
    with pytest.raises(PassphraseError, match=words):
        check(passphrase)


@pytest.mark.usefixtures("cheaply")
@pytest.mark.parametrize(
    "change",
    [
        {"n": 2**30},  # more memory than any machine should spend on it
        {"n": 3},
        {"n": "many"},
        {"r": 1000},
        {"p": 0},
        {"salt": "not base64!"},
        {"sealed": None},
        {"sealed": "x"},
        {"format": "another"},
        {"kdf": "none"},
    ],
)
def test_a_damaged_file_is_refused(change: dict[str, object]) -> None:
    file = json.loads(seal(b"x", WORDS)) | change
    with pytest.raises(PassphraseError):
        unseal(json.dumps(file).encode(), WORDS)


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"null", b"\xff\xfe"])
def test_another_kind_of_file_is_refused(text: bytes) -> None:
    with pytest.raises(PassphraseError, match="damaged"):
        unseal(text, WORDS)
