"""Which column of the rows goes into which column of the table, before anything is written.

What can be known from names and types is known here: an unknown column, one that is missing and must
have a value, two of one name. What depends on values is checked batch by batch.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ...kit.errors import InvalidInput, TooLarge, WorkbenchError

MAX_ROW_BYTES: Final = 64 * 2**20
_PIECE_BYTES: Final = 4 * 2**20


@dataclass(frozen=True)
class TableColumn:
    """A column of the table that rows go into.

    Attributes:
        kind: the type's plain name, as the database's catalog has it.
        shown: the type as a person writes it.
        required: whether a row must bring a value: not null, and without default.
        generated: whether the database computes it.
        precision: of a decimal, where declared; with ``scale``.
        second_digits: decimals of a second that it keeps.
    """

    name: str
    kind: str
    shown: str
    required: bool = False
    generated: bool = False
    precision: int | None = None
    scale: int | None = None
    second_digits: int = 6


@dataclass(frozen=True)
class Pair:
    """A column of the rows, and the one of the table that it goes into."""

    field: pa.Field
    column: TableColumn


def pair(
    schema: pa.Schema, columns: Sequence[TableColumn], table: str, *, fold_case: bool
) -> list[Pair]:
    """Each column of the rows with its column of the table.

    Args:
        fold_case: whether the database takes ``ID`` and ``id`` for one column.

    Raises:
        InvalidInput: ``duplicate_column``, ``unknown_column``, ``generated_column`` or
            ``missing_column``, with the names in ``details.columns``.
    """

    def same(name: str) -> str:
        return name.casefold() if fold_case else name

    names = [same(field.name) for field in schema]
    twice = sorted({field.name for field in schema if names.count(same(field.name)) > 1})
    if twice:
        raise _refused("duplicate_column", "The rows have two columns of one name", twice)
    if not names:
        raise InvalidInput("The rows have no columns.", code="missing_column", columns=[])
    known = {same(column.name): column for column in columns}
    unknown = [field.name for field in schema if same(field.name) not in known]
    if unknown:
        raise _refused(
            "unknown_column",
            f"The table {table} has no such column",
            unknown,
            has=[column.name for column in columns][:100],
        )
    pairs = [Pair(field, known[same(field.name)]) for field in schema]
    computed = [each.field.name for each in pairs if each.column.generated]
    if computed:
        raise _refused("generated_column", f"The table {table} computes this itself", computed)
    missing = [
        column.name for column in columns if column.required and same(column.name) not in names
    ]
    if missing:
        raise _refused(
            "missing_column",
            f"The table {table} wants a value that the rows don't have",
            missing,
        )
    return pairs


def key_of(pairs: Sequence[Pair], key: Sequence[str], *, fold_case: bool) -> list[str]:
    """The key's columns, as the table names them.

    Raises:
        InvalidInput: ``unknown_key``: the rows don't have one of them.
    """
    found = {
        each.field.name.casefold() if fold_case else each.field.name: each.column.name
        for each in pairs
    }
    wanted = [name.casefold() if fold_case else name for name in key]
    lost = [name for name, folded in zip(key, wanted, strict=True) if folded not in found]
    if lost:
        raise _refused("unknown_key", "The rows have no such column, which the key names", lost)
    return [found[name] for name in wanted]


def _refused(code: str, said: str, names: Sequence[str], **more: object) -> WorkbenchError:
    shown = ", ".join(f"“{name}”" for name in names[:10])
    return InvalidInput(f"{said}: {shown}.", code=code, columns=list(names), **more)


def no_unique_index(table: str, key: Sequence[str]) -> WorkbenchError:
    shown = ", ".join(key)
    return InvalidInput(
        f"The table {table} has no unique index on exactly ({shown}), which an upsert by this key "
        "needs. Make one, or choose another key.",
        code="no_unique_index",
        key=list(key),
    )


def same_key_twice(key: Sequence[str]) -> WorkbenchError:
    return InvalidInput(
        f"The rows hold the same key ({', '.join(key)}) twice, so it isn't clear which one counts. "
        "Make it unique in the query.",
        code="duplicate_key",
        key=list(key),
    )


def require_key_values(batch: pa.RecordBatch, places: Sequence[int]) -> None:
    """Checks that no row's key has a hole: null is equal to nothing.

    Raises:
        InvalidInput: ``null_key``.
    """
    for place in places:
        if batch.column(place).null_count:
            raise InvalidInput(
                f"A row has no value in “{batch.schema.field(place).name}”, which belongs to the "
                "key.",
                code="null_key",
                column=batch.schema.field(place).name,
            )


# --- values that fit ---------------------------------------------------------------------------


def mismatch(each: Pair, hint: str = "") -> WorkbenchError:
    name, kind = each.field.name, each.column.shown
    return InvalidInput(
        f"The column “{name}” brings {_words(each.field.type)}, and the table's is {kind}. "
        f"{hint or 'Cast it in the query.'}",
        code="type_mismatch",
        column=name,
        brings=str(each.field.type),
        takes=kind,
    )


def no_type(field: pa.Field) -> WorkbenchError:
    return InvalidInput(
        f"The column “{field.name}” brings {_words(field.type)}, for which there is no type of "
        "column there. Cast it in the query.",
        code="unsupported_type",
        column=field.name,
        brings=str(field.type),
    )


def _words(kind: pa.DataType) -> str:
    for test, words in (
        (pa.types.is_boolean, "true and false"),
        (pa.types.is_integer, "whole numbers"),
        (pa.types.is_floating, "floating-point numbers"),
        (pa.types.is_decimal, f"decimal numbers, {kind}"),
        (pa.types.is_date, "dates"),
        (pa.types.is_time, "times of day"),
        (pa.types.is_duration, "spans of time"),
        (pa.types.is_nested, "nested values"),
        (is_text, "text"),
        (is_bytes, "bytes"),
    ):
        if test(kind):
            return words
    if pa.types.is_timestamp(kind):
        return "points in time" if kind.tz else "dates with a time"
    return f"values of the type {kind}"


def is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def plain(values: pa.Array) -> pa.Array:
    """Values without a type of its own for how they are kept: dictionaries, large and view types."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return plain(values.storage)
    if isinstance(values, pa.DictionaryArray):
        return plain(values.dictionary_decode())
    if is_text(kind) and not pa.types.is_string(kind):
        return values.cast(pa.string())
    if is_bytes(kind) and not pa.types.is_binary(kind):
        return values.cast(pa.binary())
    return values


def whole_numbers(values: pa.Array, each: Pair) -> pa.Array:
    """Decimals without anything after the point."""
    return _with_scale(values, 0, each, "a number with decimals")


def rescaled(values: pa.Array, each: Pair) -> pa.Array:
    """Decimals as the column keeps them, which would round them without a word.

    Raises:
        InvalidInput: ``bad_value``: a number has more decimals than the column.
    """
    kind, scale = values.type, each.column.scale
    if scale is None or not pa.types.is_decimal(kind) or kind.scale <= scale:
        return values
    return _with_scale(values, max(scale, 0), each, "a number with more digits")


def _with_scale(values: pa.Array, scale: int, each: Pair, what: str) -> pa.Array:
    """Decimals with no more digits after the point; never with more, which Arrow's cast would wrap."""
    if values.type.scale <= scale:
        return values
    wide = pa.types.is_decimal256(values.type)
    try:
        return pc.cast(values, pa.decimal256(76, scale) if wide else pa.decimal128(38, scale))
    except pa.ArrowInvalid:
        raise _does_not_fit(each, what) from None


def in_micros(values: pa.Array, each: Pair) -> pa.Array:
    """Times in microseconds, with no more decimals of a second than the column keeps.

    Raises:
        InvalidInput: ``bad_value``: a time has more.
    """
    kind = values.type
    if pa.types.is_timestamp(kind):
        wanted = pa.timestamp("us", kind.tz)
    elif pa.types.is_duration(kind):
        wanted = pa.duration("us")
    else:
        wanted = pa.time64("us")
    try:
        values = values.cast(wanted)
    except pa.ArrowInvalid:
        raise _does_not_fit(
            each, "a time with more decimals of a second, or out of range"
        ) from None
    step = 10 ** (6 - each.column.second_digits)
    if step > 1:
        ticks = values.view(pa.int64())
        kept = pc.multiply(pc.divide(ticks, step), step)
        if pc.any(pc.not_equal(ticks, kept)).as_py():
            raise _does_not_fit(each, "a time with more decimals of a second")
    return values


def json_texts(values: pa.Array, each: Pair) -> pa.Array:
    """Nested values as JSON; decimals, dates and the like are texts in it, bytes hexadecimal digits.

    Raises:
        InvalidInput: ``bad_value``: a value that JSON or Python doesn't have.
    """
    return each_text(values, each, lambda value: _JSON.encode(value))


def each_text(values: pa.Array, each: Pair, render: Callable[[Any], str]) -> pa.Array:
    """Value by value, for types that have no text in Arrow.

    Raises:
        InvalidInput: ``bad_value``: a value that Python doesn't have, such as a date past 9999.
    """
    try:
        return pa.array(
            [None if value is None else render(value) for value in values.to_pylist()], pa.string()
        )
    except (ValueError, OverflowError):
        raise _does_not_fit(each, "a value such as NaN, or a date outside of 1 to 9999") from None


def item_text(value: Any) -> str:
    """A value in a list, or in a structure, as a database reads it."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, pa.MonthDayNano | dt.timedelta):
        return interval_text(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, dict):
        return _JSON.encode(value)
    return str(value)


def interval_text(value: Any) -> str:
    """A span as ISO 8601, which no setting of a session reads in another way."""
    if isinstance(value, dt.timedelta):
        micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
        months, days, nanos = 0, 0, micros * 1000
    else:
        months, days, nanos = value
    sign, micros = ("-" if nanos < 0 else ""), abs(nanos) // 1000
    # In parts, since PostgreSQL reads each as a double: of many seconds it would lose the last digits.
    minutes, micros = divmod(micros, 60 * 10**6)
    clock = (
        f"{sign}{minutes // 60}H{sign}{minutes % 60}M{sign}{micros // 10**6}.{micros % 10**6:06}S"
    )
    return f"P{months}M{days}DT{clock}"


_JSON: Final = json.JSONEncoder(default=item_text, ensure_ascii=False, allow_nan=False)


def require_finite(values: pa.Array, each: Pair) -> None:
    """Checks that there is no NaN and no infinity."""
    if pc.any(pc.invert(pc.is_finite(values))).as_py():
        raise _does_not_fit(each, "NaN or infinity")


def exact_double(values: pa.Array, each: Pair) -> pa.Array:
    """Whole numbers as floating-point ones, none of them rounded."""
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        raise _does_not_fit(each, "a whole number beyond 2^53") from None


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of a few MiB: the text of a piece is held whole, and several times.

    Raises:
        TooLarge: a row is larger than one may be.
    """
    rows = max(1, batch.num_rows * _PIECE_BYTES // max(batch.nbytes, 1))
    if rows >= batch.num_rows:
        yield batch
        return
    for start in range(0, batch.num_rows, rows):
        piece = batch.slice(start, rows)
        if piece.num_rows > 1 and piece.nbytes > 2 * _PIECE_BYTES:
            half = piece.num_rows // 2
            yield from pieces(piece.slice(0, half))
            yield from pieces(piece.slice(half))
        elif piece.nbytes > MAX_ROW_BYTES:
            raise TooLarge(
                f"A row has more than {MAX_ROW_BYTES // 2**20} MiB, as much as one may have. Leave "
                "out or shorten long values in the query.",
                code="too_large",
                limit=MAX_ROW_BYTES,
            )
        else:
            yield piece


def hex_texts(values: pa.Array, before: str, after: str = "") -> pa.Array:
    """Bytes as hexadecimal digits; null stays null."""
    values = values.cast(pa.large_binary())
    _, offsets, data = values.buffers()
    if len(values) == 0:
        return pa.array([], pa.large_string())
    first = pa.Array.from_buffers(
        pa.int64(), len(values) + 1, [None, offsets], offset=values.offset
    )
    start, stop = first[0].as_py(), first[-1].as_py()
    digits = b"" if data is None else bytes(memoryview(data)[start:stop]).hex().encode()
    places = pc.multiply(pc.subtract(first, start), 2)
    valid = pc.is_valid(values)
    texts = pa.Array.from_buffers(
        pa.large_string(), len(values), [None, places.buffers()[1], pa.py_buffer(digits)]
    )
    whole = pc.binary_join_element_wise(
        pa.scalar(before, pa.large_string()), texts, pa.scalar(after, pa.large_string()),
        pa.scalar("", pa.large_string()),
    )  # fmt: skip
    return pc.if_else(valid, whole, pa.scalar(None, pa.large_string()))


def _does_not_fit(each: Pair, what: str) -> WorkbenchError:
    return InvalidInput(
        f"The column “{each.field.name}” brings {what} than the table's {each.column.shown} keeps. "
        "Round it in the query."
        if "more" in what
        else f"The column “{each.field.name}” brings {what}, which the table's "
        f"{each.column.shown} can't keep. Change it in the query.",
        code="bad_value",
        column=each.field.name,
    )
