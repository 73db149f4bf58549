"""Rows of MySQL's binary protocol as Arrow record batches.

The rows of a prepared statement are binary: integers and floats as in memory, dates in parts, all else
as bytes with a length. The text protocol would round a FLOAT to six digits, and every number would have
to be parsed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import decimals
from .block import Block, Bytes, Places, broken_answer
from .types import Described, column


class Columns:
    """The columns of an answer; turns blocks of rows into record batches.

    Args:
        described: the server's description of the columns.
    """

    def __init__(self, described: list[Described]) -> None:
        # Two columns may have the same name, in an answer and in Arrow.
        made = [column(one) for one in described]
        self.schema = pa.schema([field for field, _ in made])
        self._takes = [take for _, take in made]

    @property
    def wide(self) -> bool:
        """True if there are decimals of more than 38 digits."""
        return any(pa.types.is_decimal256(kind) for kind in self.schema.types)

    def batch(self, data: Bytes, starts: Places, ends: Places) -> pa.RecordBatch:
        """Makes a record batch.

        Args:
            data: the rows, with some zeros after the last one.
            starts: for each row, the place of its first byte.
            ends: for each row, the place after its last byte.

        Raises:
            InvalidInput: ``numeric_overflow`` or ``bad_value``: a value that Arrow can't hold.
            SourceFailed: the bytes aren't rows of these columns.
        """
        count = len(self._takes)
        width = (count + 9) // 8  # a bit for each column, after two unused ones
        block = Block(data, starts + 1 + width, ends)
        if len(starts) and bool(np.any(block.at > ends)):
            raise broken_answer()
        arrays = []
        for index, take in enumerate(self._takes):
            place, bit = divmod(index + 2, 8)
            mask = (data[starts + 1 + place] >> bit & 1).astype(bool)
            arrays.append(take(block, mask))
        if bool(np.any(block.at != ends)):
            raise broken_answer()
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def narrowed(
    schema: pa.Schema, batches: list[pa.RecordBatch]
) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """Narrows decimals to 38 digits if all rows allow it, because more readers support those."""
    for place, field in enumerate(schema):
        if not pa.types.is_decimal256(field.type):
            continue
        kind = pa.decimal128(decimals.MAX_DIGITS, field.type.scale)
        try:
            # The scale stays, so a value that doesn't fit raises instead of changing.
            columns = [pc.cast(batch.column(place), kind) for batch in batches]
        except pa.ArrowInvalid:
            continue
        schema = schema.set(place, field.with_type(kind))
        batches = [
            batch.set_column(place, schema.field(place), column)
            for batch, column in zip(batches, columns, strict=True)
        ]
    return schema, batches
