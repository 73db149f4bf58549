"""Converts decimal numbers from text to Arrow's decimals without changing a digit.

Arrow's cast from text computes modulo 2^128 (2^256 for ``decimal256``): a number beyond that becomes
a different one, without an error (apache/arrow#49817). So digits are counted before it is used.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

MAX_DIGITS: Final = 38  # of a decimal128
MOST_DIGITS: Final = 76  # of a decimal256


def decimal(digits: int, scale: int) -> pa.DataType:
    """``decimal128`` if its 38 digits suffice, else ``decimal256``."""
    return pa.decimal128(digits, scale) if digits <= MAX_DIGITS else pa.decimal256(digits, scale)


def digits(texts: pa.Array) -> tuple[int, int]:
    """The maximum number of digits before the point, and the maximum after it.

    Sign and leading zeros don't count; trailing zeros do.
    """
    bare = pc.ascii_ltrim(texts, characters="-+0")
    point = pc.find_substring(bare, ".")
    length = pc.binary_length(bare)
    has_point = pc.greater_equal(point, 0)
    before = pc.max(pc.if_else(has_point, point, length)).as_py()
    after = pc.max(pc.if_else(has_point, pc.subtract(pc.subtract(length, point), 1), 0)).as_py()
    return before or 0, after or 0


def trimmed(texts: pa.Array) -> pa.Array:
    """The numbers without trailing zeros after the point."""
    return pc.replace_substring_regex(texts, r"(\.\d*?)0+$", r"\1")


def read(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """The numbers in this type. Trailing zeros may be lost, but no other digit.

    Raises:
        pa.ArrowInvalid: one doesn't fit, or isn't a number.
    """
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    capacity = MAX_DIGITS if pa.types.is_decimal128(kind) else MOST_DIGITS
    if longest + kind.scale <= capacity:
        # Numbers this short can't overflow, even when shifted by the scale.
        try:
            return pc.cast(texts, kind)
        except pa.ArrowInvalid:
            pass
    texts = trimmed(texts)
    before, after = digits(texts)
    if after > kind.scale or before + kind.scale > kind.precision:
        raise pa.ArrowInvalid(f"a number does not fit into {kind}")
    return pc.cast(texts, kind)
