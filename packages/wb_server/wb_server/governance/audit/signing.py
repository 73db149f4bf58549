"""Keyed digests of rows and seals: what nobody can make up without the log's key.

A row's ``mac`` is over everything that the row says, but not over its number, which the database
gives while the row is added. A seal binds numbers and macs together, and each seal to the one
before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# What a row's mac is over, in this order. A change of it makes every older row look edited.
SIGNED = (
    "record",
    "at",
    "event",
    "actor",
    "address",
    "via",
    "request_id",
    "action",
    "connection_id",
    "target",
    "statement",
    "rows",
    "bytes",
    "duration_ms",
    "outcome",
    "code",
)

_AT = SIGNED.index("at")
# Made once: `json.dumps` makes one for each call, and this is in the way of every query.
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class Seal:
    """One batch of rows, and its place in the chain.

    Attributes:
        ids: the numbers of its rows, as ``1-40,42``.
        digest: over the numbers and macs of its rows, in the order of their numbers.
        adopted: how many of its rows were from before there were macs, and taken as they were.
        adopts_to: in the first seal: the highest number of such a row, if there was one.
        previous: the hash of the seal before; empty in the first one.
        hash: keyed, over all of the above.
        pruned: once its rows are deleted for their age: keyed, says that the service did it.
    """

    id: int
    first_id: int
    last_id: int
    rows: int
    ids: str
    digest: str
    adopted: int
    adopts_to: int | None
    sealed_at: datetime
    previous: str
    hash: str = ""
    pruned: str | None = None
    pruned_at: datetime | None = None


class Signer:
    """Makes the keyed digests of one log.

    Args:
        key: 32 random bytes, the same for as long as the log lives.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def row(self, row: Mapping[Any, Any]) -> str:
        """The mac of a row; a column that is left out counts as empty."""
        values = [row.get(name) for name in SIGNED]
        values[_AT] = _plain(values[_AT])
        return self._mac("row", *values)

    def seal(self, seal: Seal) -> str:
        """The hash of a seal."""
        return self._mac(
            "seal",
            seal.id,
            seal.first_id,
            seal.last_id,
            seal.rows,
            seal.ids,
            seal.digest,
            seal.adopted,
            seal.adopts_to,
            _plain(seal.sealed_at),
            seal.previous,
        )

    def pruned(self, seal: Seal) -> str:
        """The certificate that the rows of a seal were deleted by the service."""
        return self._mac("pruned", seal.id, seal.hash, _plain(seal.pruned_at))

    def _mac(self, *values: object) -> str:
        # JSON keeps the values apart from each other, and texts apart from numbers.
        return hmac.digest(self._key, _encode(values).encode(), "sha256").hex()


def same(mac: object, other: str) -> bool:
    """Whether two digests are equal."""
    return isinstance(mac, str) and hmac.compare_digest(mac.encode(), other.encode())


class Digest:
    """The digest over a batch's rows, taken in the order of their numbers."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, row_id: int, mac: str | None) -> None:
        """Takes one row."""
        self._sum.update(f"{row_id}:{mac or ''}\n".encode())

    def value(self) -> str:
        """The digest of all that were taken."""
        return self._sum.hexdigest()


def to_ranges(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Rising numbers as ranges, first and last included."""
    ranges: list[tuple[int, int]] = []
    for number in ids:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def write_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    """Ranges as a text, such as ``1-40,42``."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def read_ranges(text: str) -> list[tuple[int, int]]:
    """The ranges in a text that ``write_ranges`` made.

    Raises:
        ValueError: it is no such text.
    """
    ranges = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        ranges.append((int(first), int(last or first)))
    return ranges


def numbers(ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    """All numbers in the ranges."""
    for first, last in ranges:
        yield from range(first, last + 1)


def _plain(moment: datetime | None) -> str | None:
    """A time as a text that is the same before and after a way through either database."""
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")
