"""A passphrase opens what it sealed, and nothing else does."""

from __future__ import annotations

import json

import pytest

from wb_server.governance.secrets.passphrase import PassphraseError, check, seal, unseal

pytestmark = pytest.mark.slow

WORDS = "eleven plain words"


def test_what_was_sealed_comes_back() -> None:
    sealed = seal(b"the key", WORDS)
    assert b"the key" not in sealed
    assert unseal(sealed, WORDS) == b"the key"
    with pytest.raises(PassphraseError, match="the wrong one"):
        unseal(sealed, f"{WORDS} ")


def test_a_letter_may_be_typed_in_two_ways() -> None:
    # One code point here, a letter and an accent there.
    assert unseal(seal(b"x", "caf\u00e9 au lait, please"), "cafe\u0301 au lait, please") == b"x"


def test_the_same_content_is_never_sealed_alike() -> None:
    one, two = json.loads(seal(b"x", WORDS)), json.loads(seal(b"x", WORDS))
    assert one["salt"] != two["salt"]


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [("short", "at least 12"), ("x" * 1025, "at most"), ("abcabcabcabc", "4 different")],
)
def test_what_is_easily_guessed_is_refused(passphrase: str, words: str) -> None:
    with pytest.raises(PassphraseError, match=words):
        check(passphrase)


@pytest.mark.parametrize(
    "change",
    [
        {"n": 2**30},  # more memory than any machine should give for it
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
def test_what_is_no_such_file_is_refused(text: bytes) -> None:
    with pytest.raises(PassphraseError, match="damaged"):
        unseal(text, WORDS)
