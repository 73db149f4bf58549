"""Checks one batch of rows against its seal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from .signing import Digest, Seal, Signer, numbers, read_ranges, same, to_ranges, write_ranges


@dataclass(frozen=True)
class Finding:
    """One defect of the log.

    Attributes:
        kind: ``edited``, ``deleted``, ``inserted``, ``copied``, ``gap``, ``seal`` or ``cut``.
        text: a sentence that names the rows and the seal.
    """

    kind: str
    text: str


class BatchCheck:
    """Takes the rows of one seal in the order of their numbers, and reports what doesn't match."""

    def __init__(self, signer: Signer, seal: Seal) -> None:
        self._signer = signer
        self._seal = seal
        self._digest = Digest()
        self._expected: Iterator[int] = iter(())
        self._next: int | None = None
        self._missing: list[int] = []
        self.rows = 0
        self.good = True

    def findings_of_seal(self) -> Iterator[Finding]:
        """What is wrong with the seal itself. Call it first."""
        seal = self._seal
        if not same(seal.hash, self._signer.seal(seal)):
            yield self._wrong("seal", f"seal {seal.id} was edited: it doesn't match its own hash")
        if seal.pruned is not None and not same(seal.pruned, self._signer.pruned(seal)):
            yield self._wrong(
                "deleted",
                f"the rows of seal {seal.id} ({seal.rows}: {_ids(seal.ids)}) were deleted, but "
                "not by the service for their age: the certificate is forged",
            )
        try:
            self._expected = numbers(read_ranges(seal.ids))
        except ValueError:
            yield self._wrong("seal", f"seal {seal.id} was edited: {seal.ids!r} aren't row numbers")
        self._next = next(self._expected, None)

    def covers(self, number: int) -> bool:
        """Whether a row with this number may belong to the batch."""
        return self._seal.first_id <= number <= self._seal.last_id

    def take(self, row: sa.RowMapping) -> Iterator[Finding]:
        """Takes a row that claims to belong to this seal."""
        number = row["id"]
        while self._next is not None and self._next < number:
            self._missing.append(self._next)
            self._next = next(self._expected, None)
        if number != self._next:
            yield self._wrong(
                "inserted",
                f"row {number} (record {row['record']}) says that it is in seal {self._seal.id}, "
                "which doesn't hold it",
            )
            return
        self._next = next(self._expected, None)
        self.rows += 1
        if not same(row["mac"], self._signer.row(row)):
            yield self._wrong(
                "edited",
                f"row {number} (record {row['record']}, seal {self._seal.id}) was edited: it "
                "doesn't match its MAC",
            )
        self._digest.add(number, row["mac"])

    def findings_at_end(self) -> Iterator[Finding]:
        """What is wrong with the batch as a whole, after its last row."""
        while self._next is not None:
            self._missing.append(self._next)
            self._next = next(self._expected, None)
        if self._missing:
            ids = write_ranges(to_ranges(self._missing))
            yield self._wrong(
                "deleted",
                f"{_ids(ids)} of seal {self._seal.id} {_are(len(self._missing))} not there",
            )
        if self.good and not same(self._seal.digest, self._digest.value()):
            yield self._wrong(
                "edited",
                f"rows of seal {self._seal.id} ({_ids(self._seal.ids)}) were replaced by other "
                "rows of the log",
            )

    def _wrong(self, kind: str, text: str) -> Finding:
        self.good = False
        return Finding(kind, text)


def _are(number: int) -> str:
    return "is" if number == 1 else f"({number} of them) are"


def _ids(text: str) -> str:
    return (
        f"row {text}" if text.isdigit() else f"rows {text if len(text) < 200 else text[:200] + '…'}"
    )
