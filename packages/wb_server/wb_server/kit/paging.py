"""Keyset paging: a cursor names the last row seen, so deep pages cost as little as the first."""

from __future__ import annotations

import base64
import binascii

from .errors import InvalidInput


def encode_cursor(key: int) -> str:
    """The opaque cursor after which the next page starts."""
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    """The key in a cursor.

    Raises:
        InvalidInput: the cursor is malformed (``bad_cursor``).
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = int(base64.urlsafe_b64decode(padded.encode("ascii")))
        if not 0 <= key < 2**63:
            raise ValueError("no key of a row")
    except (ValueError, binascii.Error, UnicodeError) as error:
        raise InvalidInput(
            "The cursor is not valid. Omit it to start from the first page.", code="bad_cursor"
        ) from error
    return key
