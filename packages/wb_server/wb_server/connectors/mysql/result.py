"""Reads the rows of a result from a MySQL or MariaDB connection: from packets into record batches."""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
from pymysql.constants import SERVER_STATUS
from pymysql.protocol import MysqlPacket

from ...kit.errors import InvalidInput
from ..base import MAX_ROW_BYTES, row_too_large
from .block import broken_answer
from .rows import Columns

_MAX_PACKET: Final = 0xFFFFFF  # a packet of this size continues in the next one
_PADDING: Final = bytes(16)  # so that a fixed number of bytes can be read past the last row


class Source(Protocol):
    """A source of bytes."""

    def more(self, size: int) -> bytes:
        """The next bytes: at least one, at most ``size``."""


class ResultRows:
    """The rows of a result, read on demand.

    Args:
        connection: where the packets come from.
        columns: the columns of the result.
    """

    def __init__(self, connection: Source, columns: Columns) -> None:
        self.columns = columns
        self._connection = connection
        self._rest = bytearray()
        self._done = False

    def batch(self, size: int) -> Any:
        """The next rows as a record batch of about ``size`` bytes, or ``None`` after the last.

        Raises:
            pymysql.Error, OSError: the server reports an error, or the connection is lost.
            TooLarge: a row exceeds the maximum size; it isn't read.
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
        """Records the spans of complete rows, from ``place`` on.

        Returns:
            Where to continue, and True after the last row.
        """
        here = len(data)
        while place + 4 <= here and place < size:
            length = data[place] | data[place + 1] << 8 | data[place + 2] << 16
            if length == _MAX_PACKET:
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
        """Joins a row of several packets; returns its length, or 0 if it isn't complete."""
        end, total = place, 0
        heads = []
        while len(data) - end >= 4:
            length = data[end] | data[end + 1] << 8 | data[end + 2] << 16
            heads.append(end)
            total += length
            if total > MAX_ROW_BYTES:
                raise row_too_large("substring(x, 1, 1000) takes a part")
            end += 4 + length
            if length < _MAX_PACKET:
                break
        else:
            return 0
        if end > len(data):
            return 0
        for head in reversed(heads[1:]):
            del data[head : head + 4]
        return total

    def _end(self, packet: bytes) -> None:
        """Handles the packet after the last row: the end of the rows, or an error."""
        self._done = True
        ending = MysqlPacket(packet, "utf8")
        if ending.is_error_packet():
            ending.raise_for_error()
        if not ending.is_eof_packet():
            raise broken_answer()
        if int.from_bytes(packet[3:5], "little") & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS:
            raise InvalidInput(
                "The procedure returns rows, and only the number of changed rows can be read from "
                "a CALL here. Its changes were rolled back, unless it commits itself. Have it "
                "write the rows into a table.",
                code="not_supported",
            )
