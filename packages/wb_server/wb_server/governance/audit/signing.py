"""Keyed digests of rows and seals, which nobody can forge without the log's key.

A row's ``mac`` covers all of the row's content, but not its number, which the database assigns on
insert. A seal binds numbers and macs together, and each seal to the one before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# The columns that a row's mac covers, in this order. Changing it makes every older row look edited.
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
# Built once: `json.dumps` builds an encoder for each call, and this is in the path of every query.
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class Seal:
    """One batch of rows, and its place in the chain.

    Attributes:
        ids: the numbers of its rows, such as ``1-40,42``.
        digest: over the numbers and macs of its rows, in the order of their numbers.
        adopted: how many of its rows predate macs, and were accepted as they were.
        adopts_to: in the first seal: the highest number of such a row, if there was one.
        previous: the hash of the seal before; empty in the first one.
        hash: keyed, over all of the above.
        pruned: a keyed certificate that the service deleted its rows for their age.
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
    """Computes the keyed digests of one log.

    Args:
        key: 32 random bytes, the same for the lifetime of the log.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def row(self, row: Mapping[Any, Any]) -> str:
        """The mac of a row; a missing column counts as NULL."""
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
        # JSON delimits the values, and distinguishes strings from numbers.
        return hmac.digest(self._key, _encode(values).encode(), "sha256").hex()


def same(mac: object, other: str) -> bool:
    """Whether two digests are equal, in constant time."""
    return isinstance(mac, str) and hmac.compare_digest(mac.encode(), other.encode())


class Digest:
    """The digest over a batch's rows, added in the order of their numbers."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, row_id: int, mac: str | None) -> None:
        """Adds one row."""
        self._sum.update(f"{row_id}:{mac or ''}\n".encode())

    def value(self) -> str:
        """The digest of all rows added."""
        return self._sum.hexdigest()


def to_ranges(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges, first and last included."""
    ranges: list[tuple[int, int]] = []
    for number in ids:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def write_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    """Formats ranges as text, such as ``1-40,42``."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def read_ranges(text: str) -> list[tuple[int, int]]:
    """Parses the text of ``write_ranges``.

    Raises:
        ValueError: it isn't such a text.
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
    """A time as text that is the same before and after a round trip through either database."""
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")
