"""A block of rows in MySQL's binary protocol, read column by column.

The rows follow each other in a block of bytes. Each column is taken out of all rows at once, so
no Python object is made for a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...kit.errors import SourceFailed, WorkbenchError

# Average bytes of a value above which values are copied one by one.
_LONG: Final = 200

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass
class Block:
    """Rows in a block of bytes, and how far each has been read.

    Attributes:
        data: the bytes, with some zeros after the last row.
        at: for each row, the place of its next value.
        ends: for each row, the place after its last byte.
    """

    data: Bytes
    at: Places
    ends: Places

    def fixed(self, kind: np.dtype[Any], mask: Mask) -> npt.NDArray[Any]:
        """The next value of each row, of a fixed width; zero for those that are null."""
        width = kind.itemsize
        if mask.any():
            values = np.zeros(len(self.at), kind)
            places = self.at[~mask]
            values[~mask] = self._gather(places, width).view(kind)[:, 0]
            self.at[~mask] += width
            return values
        values = self._gather(self.at, width).view(kind)[:, 0]
        self.at += width
        return values

    def _gather(self, places: Places, width: int) -> npt.NDArray[np.uint8]:
        self._within(places, width)
        gathered: npt.NDArray[np.uint8] = self.data[places[:, None] + np.arange(width)]
        return gathered

    def _within(self, places: Places, width: int) -> None:
        if len(places) and int(places.max()) + width > len(self.data):
            raise broken_answer()

    def parts(self, width: int, mask: Mask) -> tuple[Places, npt.NDArray[np.uint8]]:
        """The next date or time of each row: its length, and its bytes padded with zeros."""
        lengths = np.zeros(len(self.at), np.int64)
        lengths[~mask] = self._gather(self.at[~mask], 1)[:, 0]
        if lengths.size and int(lengths.max()) > width:
            raise broken_answer()
        start = self.at + 1
        used = np.arange(width) < lengths[:, None]
        bytes_ = np.where(used, self.data[np.where(used, start[:, None] + np.arange(width), 0)], 0)
        self.at += np.where(mask, 0, lengths + 1)
        return lengths, bytes_.astype(np.uint8)

    def sized(self, mask: Mask) -> tuple[npt.NDArray[np.int64], pa.Buffer]:
        """The next length-prefixed value of each row, as offsets and bytes; nulls are empty."""
        first = np.zeros(len(self.at), np.int64)
        present = ~mask
        first[present] = self._gather(self.at[present], 1)[:, 0]
        lengths, heads = first.copy(), np.ones(len(first), np.int64)
        for mark, size in ((252, 2), (253, 3), (254, 8)):
            rows = np.flatnonzero(first == mark)
            if len(rows):
                raw = np.zeros((len(rows), 8), np.uint8)
                raw[:, :size] = self._gather(self.at[rows] + 1, size)
                lengths[rows] = raw.view(np.int64)[:, 0]
                heads[rows] = 1 + size
        if bool(np.any((first == 251) | (first == 255))):
            raise broken_answer()
        heads[mask] = 0
        starts = self.at + heads
        self.at = starts + lengths
        if bool(np.any((lengths < 0) | (self.at > self.ends))):
            raise broken_answer()
        offsets = np.zeros(len(first) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        if int(offsets[-1]) > _LONG * len(first):
            # Few and long values: indexing their bytes would take sixteen times their size.
            whole = self.data.data
            ends = self.at.tolist()
            return offsets, pa.py_buffer(
                b"".join(whole[start:end] for start, end in zip(starts.tolist(), ends, strict=True))
            )
        places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return offsets, pa.py_buffer(self.data[places])


def broken_answer() -> WorkbenchError:
    """The error for bytes that aren't what the protocol says."""
    return SourceFailed(
        "The database's answer can't be read: it isn't what its protocol says.",
        code="source_failed",
    )
