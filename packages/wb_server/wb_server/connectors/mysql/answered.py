"""Rows on their way over a connection to MySQL or MariaDB: packets, cut into record batches."""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
from pymysql.protocol import MysqlPacket

from ..base import MAX_ROW_BYTES, row_too_large
from .block import broken_answer
from .rows import Columns

_LARGEST: Final = 0xFFFFFF  # a packet of this size goes on in the next one
_PADDING: Final = bytes(16)  # so that a fixed number of bytes can be taken behind the last row


class Source(Protocol):
    """Where bytes come from."""

    def more(self, size: int) -> bytes:
        """Some of the bytes that come next, at least one."""


class Answered:
    """Rows on their way, read as they are asked for.

    Args:
        columns: what they are.
    """

    def __init__(self, connection: Source, columns: Columns) -> None:
        self.columns = columns
        self._connection = connection
        self._rest = bytearray()
        self._done = False

    def batch(self, size: int) -> Any:
        """The next rows as a record batch of about ``size`` bytes, or ``None`` after the last.

        Raises:
            pymysql.Error, OSError: what the server says, or that it says nothing more.
            TooLarge: a row is larger than one may be; it isn't read.
        """
        if self._done:
            return None
        data, self._rest = self._rest, bytearray()
        starts: list[int] = []
        ends: list[int] = []
        place = 0
        while True:
            place, ended = self._scan(data, place, size, starts, ends)
            if ended or place >= size:
                break
            data += self._connection.more(max(1 << 16, size - len(data)))
        self._rest = data[place:]
        if not starts:
            return None
        del data[place:]
        data += _PADDING
        return self.columns.batch(
            np.frombuffer(data, np.uint8), np.array(starts, np.int64), np.array(ends, np.int64)
        )

    def _scan(
        self, data: bytearray, place: int, size: int, starts: list[int], ends: list[int]
    ) -> tuple[int, bool]:
        """Notes where whole rows lie, from ``place`` on.

        Returns:
            Where to go on, and whether that was all.
        """
        here = len(data)
        while place + 4 <= here and place < size:
            length = data[place] | data[place + 1] << 8 | data[place + 2] << 16
            if length == _LARGEST:
                length = self._join(data, place)
                here = len(data)
                if not length:
                    break
            end = place + 4 + length
            if end > here:
                break
            if not length or data[place + 4]:
                self._end(bytes(data[place + 4 : end]))
                return place, True
            starts.append(place + 4)
            ends.append(end)
            place = end
        return place, False

    def _join(self, data: bytearray, place: int) -> int:
        """Joins a row that came in several packets; its length, or 0 if it isn't all here."""
        end, total = place, 0
        heads = []
        while len(data) - end >= 4:
            length = data[end] | data[end + 1] << 8 | data[end + 2] << 16
            heads.append(end)
            total += length
            if total > MAX_ROW_BYTES:
                raise row_too_large("substring(x, 1, 1000) takes a part")
            end += 4 + length
            if length < _LARGEST:
                break
        else:
            return 0
        if end > len(data):
            return 0
        for head in reversed(heads[1:]):
            del data[head : head + 4]
        return total

    def _end(self, packet: bytes) -> None:
        """What isn't a row is the end of them, or an error."""
        self._done = True
        ending = MysqlPacket(packet, "utf8")
        if ending.is_error_packet():
            ending.raise_for_error()
        if not ending.is_eof_packet():
            raise broken_answer()
