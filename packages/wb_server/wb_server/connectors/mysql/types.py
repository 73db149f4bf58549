"""How MySQL's types map to Arrow, and how their values are read from a block of rows.

===============================  ==========================================================
MySQL, MariaDB                   Arrow
===============================  ==========================================================
tinyint, smallint, mediumint,    int8, int16, int32, int32, int64; unsigned: uint8 … uint64.
int, bigint                      ``tinyint(1)``, which ``boolean`` stands for, is int8
year                             int16
float, double                    float, double
decimal(p, s)                    decimal128(p, s); of more than 38 digits, as sums often are,
                                 decimal128(38, s) where that is enough for all rows of a short
                                 answer (about 1 MiB), else decimal256(p, s)
date                             date32
datetime(n)                      timestamp[us]
timestamp(n)                     timestamp[us, UTC]
time(n)                          duration[us]: it goes from -838 to 838 hours
bit(n)                           uint64
char, varchar, text, enum, set,  string
json, uuid, inet6
binary, varbinary, blob,         binary
geometry
null                             null
===============================  ==========================================================

A zero date (``0000-00-00``, ``2024-00-00``) has no value in Arrow: it is an error (``bad_value``)
that says how to replace it. Each field's metadata holds ``source_type``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pymysql.constants import FIELD_TYPE, FLAG

from ...kit.errors import InvalidInput
from .. import decimals
from .block import Block, Mask, broken_answer

Take = Callable[[Block, Mask], pa.Array]

_BINARY: Final = 63  # the number of the character set "binary"
_DAY: Final = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Described:
    """The server's description of a column."""

    name: str
    type_code: int
    flags: int
    length: int
    scale: int
    charset: int


_INTEGERS: Final = {
    FIELD_TYPE.TINY: ("tinyint", "i1", "u1", 8),
    FIELD_TYPE.SHORT: ("smallint", "<i2", "<u2", 16),
    FIELD_TYPE.INT24: ("mediumint", "<i4", "<u4", 32),
    FIELD_TYPE.LONG: ("int", "<i4", "<u4", 32),
    FIELD_TYPE.LONGLONG: ("bigint", "<i8", "<u8", 64),
}
_SIGNED: Final = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_UNSIGNED: Final = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}


def column(one: Described) -> tuple[pa.Field, Take]:
    """The Arrow field of a column, and what reads its values from a block."""
    kind, source, take = _kind(one)
    return pa.field(one.name, kind, metadata={"source_type": source}), take


def _kind(one: Described) -> tuple[pa.DataType, str, Take]:
    code = one.type_code
    unsigned = bool(one.flags & FLAG.UNSIGNED)
    if code in _INTEGERS:
        name, plain, without_sign, bits = _INTEGERS[code]
        kind = _UNSIGNED[bits] if unsigned else _SIGNED[bits]
        source = f"{name} unsigned" if unsigned else name
        return kind, source, _number(without_sign if unsigned else plain, kind)
    if code == FIELD_TYPE.YEAR:
        return pa.int16(), "year", _number("<i2", pa.int16())
    if code == FIELD_TYPE.FLOAT:
        return pa.float32(), "float", _number("<f4", pa.float32())
    if code == FIELD_TYPE.DOUBLE:
        return pa.float64(), "double", _number("<f8", pa.float64())
    if code in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
        return _decimal(one, unsigned)
    if code in (FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE):
        return pa.date32(), "date", _date(one.name)
    if code == FIELD_TYPE.DATETIME:
        return pa.timestamp("us"), "datetime", _moment(one.name, pa.timestamp("us"))
    if code == FIELD_TYPE.TIMESTAMP:
        kind = pa.timestamp("us", "UTC")
        return kind, "timestamp", _moment(one.name, kind)
    if code == FIELD_TYPE.TIME:
        return pa.duration("us"), "time", _time
    if code == FIELD_TYPE.BIT:
        return pa.uint64(), f"bit({one.length})", _bits
    if code == FIELD_TYPE.NULL:
        return pa.null(), "null", lambda block, mask: pa.nulls(len(mask))
    if code == FIELD_TYPE.JSON:
        return pa.string(), "json", _text(one.name)
    if code == FIELD_TYPE.GEOMETRY:
        return pa.binary(), "geometry", _binary
    if one.charset == _BINARY:
        return pa.binary(), "blob" if code in _BLOBS else "binary", _binary
    return pa.string(), _text_source(one), _text(one.name)


_BLOBS: Final = (
    FIELD_TYPE.TINY_BLOB,
    FIELD_TYPE.BLOB,
    FIELD_TYPE.MEDIUM_BLOB,
    FIELD_TYPE.LONG_BLOB,
)


def _text_source(one: Described) -> str:
    if one.flags & FLAG.ENUM:
        return "enum"
    if one.flags & FLAG.SET:
        return "set"
    if one.type_code in _BLOBS:
        return "text"
    return "char" if one.type_code == FIELD_TYPE.STRING else "varchar"


def _number(plain: str, kind: pa.DataType) -> Take:
    dtype: np.dtype[Any] = np.dtype(plain)

    def take(block: Block, mask: Mask) -> pa.Array:
        return pa.array(block.fixed(dtype, mask), kind, mask=mask if mask.any() else None)

    return take


def _sized(block: Block, mask: Mask, kind: pa.DataType) -> pa.Array:
    """An array of bytes or text, without checking the text."""
    offsets, data = block.sized(mask)
    valid = pa.array(~mask).buffers()[1] if mask.any() else None
    # Only a single value can make a block this large.
    if int(offsets[-1]) > 2**31 - 1:
        raise InvalidInput("A value is larger than 2 GiB.", code="bad_value")
    places = pa.py_buffer(offsets.astype(np.int32))
    return pa.Array.from_buffers(kind, len(mask), [valid, places, data])


def _binary(block: Block, mask: Mask) -> pa.Array:
    return _sized(block, mask, pa.binary())


def _text(name: str) -> Take:
    def take(block: Block, mask: Mask) -> pa.Array:
        values = _sized(block, mask, pa.binary())
        try:
            return values.cast(pa.string())  # checks that it is UTF-8
        except pa.ArrowInvalid:
            raise InvalidInput(
                f"The column “{name}” holds text that isn't valid in its character set. Cast it "
                f"in the query: cast({quoted(name)} as binary).",
                code="bad_value",
                column=name,
            ) from None

    return take


def _decimal(one: Described, unsigned: bool) -> tuple[pa.DataType, str, Take]:
    scale = one.scale
    digits = one.length - (1 if scale else 0) - (0 if unsigned else 1)
    digits = min(max(digits, scale, 1), decimals.MOST_DIGITS)
    kind = decimals.decimal(digits, scale)

    def take(block: Block, mask: Mask) -> pa.Array:
        texts = _sized(block, mask, pa.string())
        try:
            return decimals.read(texts, kind)
        except pa.ArrowInvalid:
            raise InvalidInput(
                f"The column “{one.name}” holds a number that does not fit into the {digits} digits "
                f"with {scale} decimals that the server says it has. Cast it in the query: "
                f"cast({quoted(one.name)} as char).",
                code="numeric_overflow",
                column=one.name,
            ) from None

    return kind, f"decimal({digits},{scale})", take


def _bits(block: Block, mask: Mask) -> pa.Array:
    """At most 8 bytes, big-endian."""
    offsets, data = block.sized(mask)
    lengths = np.diff(offsets)
    if lengths.size and int(lengths.max()) > 8:
        raise broken_answer()
    raw = np.frombuffer(data, np.uint8) if data.size else np.zeros(0, np.uint8)
    values = np.zeros(len(mask), np.uint64)
    for place in range(int(lengths.max()) if lengths.size else 0):
        rows = lengths > place
        values[rows] = values[rows] << np.uint64(8) | raw[offsets[:-1][rows] + place]
    return pa.array(values, pa.uint64(), mask=mask if mask.any() else None)


def _date(name: str) -> Take:
    def take(block: Block, mask: Mask) -> pa.Array:
        _, parts = block.parts(11, mask)
        days = _days(name, parts, mask)
        return pa.array(days.astype(np.int32), pa.int32(), mask=mask if mask.any() else None).view(
            pa.date32()
        )

    return take


def _moment(name: str, kind: pa.DataType) -> Take:
    def take(block: Block, mask: Mask) -> pa.Array:
        _, parts = block.parts(11, mask)
        values = _days(name, parts, mask) * _DAY + _clock(parts, 4)
        return pa.array(values, pa.int64(), mask=mask if mask.any() else None).view(kind)

    return take


def _time(block: Block, mask: Mask) -> pa.Array:
    """Reads sign, days, hours, minutes, seconds, microseconds."""
    _, parts = block.parts(12, mask)
    days = np.ascontiguousarray(parts[:, 1:5]).view("<u4")[:, 0].astype(np.int64)
    values = days * _DAY + _clock(parts, 5)
    values = np.where(parts[:, 0] != 0, -values, values)
    return pa.array(values, pa.int64(), mask=mask if mask.any() else None).view(pa.duration("us"))


def _clock(parts: npt.NDArray[np.uint8], start: int) -> npt.NDArray[np.int64]:
    hours, minutes, seconds = (parts[:, start + i].astype(np.int64) for i in range(3))
    micros = np.ascontiguousarray(parts[:, start + 3 : start + 7]).view("<u4")[:, 0]
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros.astype(np.int64)


def _days(name: str, parts: npt.NDArray[np.uint8], mask: Mask) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01 in the proleptic Gregorian calendar, as the server counts them."""
    years = np.ascontiguousarray(parts[:, 0:2]).view("<u2")[:, 0].astype(np.int64)
    months, days = parts[:, 2].astype(np.int64), parts[:, 3].astype(np.int64)
    if bool(np.any(((months == 0) | (days == 0)) & ~mask)):
        column = quoted(name)
        raise InvalidInput(
            f"The column “{name}” holds a zero date such as 0000-00-00, which is no date. Replace "
            f"it in the query: if(month({column}) * day({column}) = 0, null, {column}), or "
            f"cast({column} as char).",
            code="bad_value",
            column=name,
        )
    # Howard Hinnant's days_from_civil: years begin in March, so that leap days come last.
    years = years - (months <= 2)
    era = years // 400
    of_era = years - era * 400
    of_year = (153 * (months + np.where(months > 2, -3, 9)) + 2) // 5 + days - 1
    result: npt.NDArray[np.int64] = (
        era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    )
    return result


def quoted(name: str) -> str:
    """A name as written in a statement: quoted only if necessary."""
    return (
        name
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
        else "`" + name.replace("`", "``") + "`"
    )
