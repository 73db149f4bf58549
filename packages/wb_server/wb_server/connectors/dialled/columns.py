"""Maps the columns of rows to those of a table, before anything is written.

Errors that follow from names and types are raised here: an unknown column, a missing one that must
have a value, two with the same name. What depends on values is checked batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from ...kit.errors import Conflict, InvalidInput, TooLarge, WorkbenchError

MAX_ROW_BYTES: Final = 64 * 2**20
_PIECE_BYTES: Final = 4 * 2**20


@dataclass(frozen=True)
class TableColumn:
    """A column of the table that rows are loaded into.

    Attributes:
        kind: the type's plain name, as in the database's catalog.
        shown: the type as a user writes it.
        required: True if a row must have a value: not null, and without a default.
        generated: True if the database computes it.
        precision: the precision of a decimal, if declared; with ``scale``.
        second_digits: the number of decimals of a second that it stores.
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
    """A column of the rows, and the table's column that it is loaded into."""

    field: pa.Field
    column: TableColumn


def pair(
    schema: pa.Schema, columns: Sequence[TableColumn], table: str, *, fold_case: bool
) -> list[Pair]:
    """Pairs each column of the rows with its column of the table.

    Args:
        schema: the columns of the rows.
        columns: the columns of the table.
        table: the table's name, for errors.
        fold_case: True if ``ID`` and ``id`` are the same column to the database.

    Raises:
        InvalidInput: ``duplicate_column``, ``unknown_column``, ``generated_column`` or
            ``missing_column``, with the names in ``details.columns``.
    """

    def same(name: str) -> str:
        return name.casefold() if fold_case else name

    names = [same(field.name) for field in schema]
    twice = sorted({field.name for field in schema if names.count(same(field.name)) > 1})
    if twice:
        raise _refused("duplicate_column", "The rows have two columns with the same name", twice)
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
        raise _refused("generated_column", f"The table {table} computes this column", computed)
    missing = [
        column.name for column in columns if column.required and same(column.name) not in names
    ]
    if missing:
        raise _refused(
            "missing_column",
            f"The table {table} requires a value that the rows don't have",
            missing,
        )
    return pairs


def key_of(pairs: Sequence[Pair], key: Sequence[str], *, fold_case: bool) -> list[str]:
    """The key's columns, as the table names them.

    Raises:
        InvalidInput: ``unknown_key``: the rows lack one of them.
    """
    found = {
        each.field.name.casefold() if fold_case else each.field.name: each.column.name
        for each in pairs
    }
    wanted = [name.casefold() if fold_case else name for name in key]
    lost = [name for name, folded in zip(key, wanted, strict=True) if folded not in found]
    if lost:
        raise _refused("unknown_key", "The key names columns that the rows don't have", lost)
    return [found[name] for name in wanted]


def _refused(code: str, message: str, names: Sequence[str], **more: object) -> WorkbenchError:
    shown = ", ".join(f"“{name}”" for name in names[:10])
    return InvalidInput(f"{message}: {shown}.", code=code, columns=list(names), **more)


def already_there(table: str) -> WorkbenchError:
    return Conflict(
        f"There is a table {table} already. Add the rows to it with append, or put them in the place of "
        "its rows with replace.",
        code="table_exists",
        name=table,
    )


def no_unique_index(table: str, key: Sequence[str]) -> WorkbenchError:
    shown = ", ".join(key)
    return InvalidInput(
        f"The table {table} has no unique index on exactly ({shown}), which an upsert by this key "
        "needs. Create one, or choose another key.",
        code="no_unique_index",
        key=list(key),
    )


def same_key_twice(key: Sequence[str]) -> WorkbenchError:
    return InvalidInput(
        f"The rows contain the same key ({', '.join(key)}) twice, so it isn't clear which row "
        "counts. Make it unique in the query.",
        code="duplicate_key",
        key=list(key),
    )


def require_key_values(batch: pa.RecordBatch, places: Sequence[int]) -> None:
    """Checks that no row's key contains null, which equals nothing.

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


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Splits a batch into pieces of a few MiB: the text of a piece is held whole, several times.

    Raises:
        TooLarge: a row exceeds the maximum size.
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
                f"A row is larger than {MAX_ROW_BYTES // 2**20} MiB, the maximum. Leave out or "
                "shorten long values in the query.",
                code="too_large",
                limit=MAX_ROW_BYTES,
            )
        else:
            yield piece
