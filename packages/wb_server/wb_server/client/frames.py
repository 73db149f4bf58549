"""Frames made of Arrow tables, with the types and names that each kind of frame can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]


_THREADS_BYTES = 2**20


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A pandas frame with the types that :meth:`Result.df` promises."""
    import pandas as pd

    masked: dict[pa.DataType, Any] = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }

    def exact(kind: pa.DataType) -> Any:
        return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) or pa.types.is_time(kind) else None

    def with_nulls(kind: pa.DataType) -> Any:
        return masked.get(kind) or exact(kind)

    def convert(part: pa.Table, mapper: Any) -> pd.DataFrame:
        return cast(
            "pd.DataFrame",
            part.to_pandas(
                types_mapper=mapper,
                date_as_object=False,
                ignore_metadata=True,
                # Waking threads takes longer than converting a small table.
                use_threads=part.nbytes > _THREADS_BYTES,
            ),
        )

    names = table.column_names
    # numpy has no missing integer: it would become a float, and large keys would lose digits.
    holed = [i for i, col in enumerate(table.columns) if col.null_count and col.type in masked]
    if not holed and len(set(names)) == len(names):
        return convert(table, exact)
    numbered = table.rename_columns([str(i) for i in range(len(names))])
    rest = [i for i in range(len(names)) if i not in set(holed)]
    parts = [
        convert(numbered.select(rest), exact),
        convert(numbered.select(holed), with_nulls),
    ]
    frame = pd.concat([part for part in parts if part.shape[1]], axis="columns")
    frame = frame[[str(i) for i in range(len(names))]]
    frame.columns = pd.Index(names)
    return frame


def distinct(names: list[str]) -> list[str]:
    """The names, with a number added to those that come again."""
    seen: set[str] = set()
    taken = set(names)
    made = []
    for name in names:
        new, number = name, 0
        while new in seen or (number and new in taken):
            number += 1
            new = f"{name}_{number}"
        seen.add(new)
        made.append(new)
    return made
