"""Keyset paging: a cursor names the last row seen, so that a page follows on the one before it."""

from __future__ import annotations

import base64
import binascii
import json

from .errors import InvalidInput


def encode_cursor(key: int) -> str:
    """The opaque cursor after which the next page starts."""
    return _encode(str(key))


def encode_key(key: tuple[str, ...]) -> str:
    """As :func:`encode_cursor`, for a key of texts."""
    return _encode(json.dumps(key))


def decode_cursor(cursor: str) -> int:
    """The key in a cursor.

    Raises:
        InvalidInput: the cursor is malformed (``bad_cursor``).
    """
    try:
        key = int(_decode(cursor))
    except ValueError as error:
        raise _bad_cursor() from error
    if not 0 <= key < 2**63:
        raise _bad_cursor()
    return key


def decode_key(cursor: str) -> tuple[str, ...]:
    """As :func:`decode_cursor`, for a key of texts."""
    try:
        key = json.loads(_decode(cursor))
    except (ValueError, RecursionError) as error:
        raise _bad_cursor() from error
    if not isinstance(key, list) or not all(isinstance(part, str) for part in key):
        raise _bad_cursor()
    return tuple(key)


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.urlsafe_b64decode(padded.encode("ascii")).decode()
    except (ValueError, binascii.Error) as error:
        raise _bad_cursor() from error


def _bad_cursor() -> InvalidInput:
    return InvalidInput(
        "The cursor is not valid. Omit it to start from the first page.", code="bad_cursor"
    )
