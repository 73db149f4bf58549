"""Reads the whole log and reports what was done to it behind the service's back."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice

import sqlalchemy as sa

from ...kit.db import Database
from .batch import BatchCheck, Finding
from .models import Checkpoint
from .seals import audit_seals
from .signing import Seal, Signer, read_ranges, same, to_ranges, write_ranges
from .store import audit

# How many seals are checked together, and how many rows are fetched at once.
_SEALS, _ROWS = 200, 1000
# A row is sealed within seconds. If it is older than the seal before its own by this much, it was
# inserted later, or the clock was set back.
_LATE = timedelta(hours=1)
# How many of those are named.
_NOTED = 20


@dataclass
class Summary:
    """What was checked."""

    rows: int = 0
    seals: int = 0
    unsealed: int = 0
    pruned_rows: int = 0
    pruned_seals: int = 0
    adopted: int = 0
    last: Seal | None = None


class Verifier:
    """One check of one state of the log.

    Args:
        checkpoints: earlier states of the chain, kept elsewhere.

    Attributes:
        summary: what was checked; complete once ``findings`` has ended.
        notes: what an auditor should know although it need not be wrong.
    """

    def __init__(
        self, database: Database, signer: Signer, checkpoints: Sequence[Checkpoint] = ()
    ) -> None:
        self._database = database
        self._signer = signer
        self._checkpoints = sorted(checkpoints, key=lambda checkpoint: checkpoint.seal)
        self._holes = Holes()
        self._total = 0
        self._late = 0
        self.summary = Summary()
        self.notes: list[str] = []

    def findings(self) -> Iterator[Finding]:
        """Yields all defects as they are found. Memory use doesn't grow with the log."""
        with self._database.snapshot() as connection:
            yield from self._chain(connection)
            yield from self._strays(connection)
            yield from self._unsealed(connection)
            yield from self._copies(connection)
            yield from self._gaps(connection)
        if self._late > _NOTED:
            self.notes.append(f"{self._late - _NOTED} more rows were added late, like those above")
        for checkpoint in self._checkpoints:
            last = self.summary.last
            yield Finding(
                "cut",
                f"the end of the log was cut off: the checkpoint of {checkpoint.at.isoformat()} names "
                f"seal {checkpoint.seal}, and the log ends with "
                + (f"seal {last.id}" if last else "no seal at all"),
            )

    # --- seals and their rows --------------------------------------------------------------

    def _chain(self, connection: sa.Connection) -> Iterator[Finding]:
        found = sa.select(audit_seals).order_by(audit_seals.c.id)
        seals = (Seal(**row) for row in _stream(connection, found))
        while chunk := list(islice(seals, _SEALS)):
            checks: dict[int, BatchCheck] = {}
            before: dict[int, datetime] = {}
            for seal in chunk:
                yield from self._link(seal)
                check = BatchCheck(self._signer, seal)
                yield from check.findings_of_seal()
                yield from self._compare(seal)
                with contextlib.suppress(ValueError):  # the check has reported it
                    self._holes.cover(read_ranges(seal.ids))
                if self.summary.last:
                    before[seal.id] = self.summary.last.sealed_at
                self._count(seal)
                if seal.pruned is None:
                    checks[seal.id] = check
            yield from self._rows(connection, chunk, checks, before)

    def _rows(
        self,
        connection: sa.Connection,
        chunk: list[Seal],
        checks: dict[int, BatchCheck],
        before: dict[int, datetime],
    ) -> Iterator[Finding]:
        living = [seal for seal in chunk if seal.id in checks]
        if not living:
            return
        found = (
            sa.select(audit)
            .where(
                audit.c.id.between(
                    min(seal.first_id for seal in living), max(seal.last_id for seal in living)
                ),
                audit.c.seal.between(living[0].id, living[-1].id),
            )
            .order_by(audit.c.id)
        )
        for row in _stream(connection, found):
            check = checks.get(row["seal"])
            if check is None or not check.covers(row["id"]):
                continue  # a stray
            yield from check.take(row)
            sealed = before.get(row["seal"])
            if sealed is not None and row["at"] < sealed - _LATE:
                self._note_late(row, sealed)
        for check in checks.values():
            yield from check.findings_at_end()
            self.summary.rows += check.rows

    def _note_late(self, row: sa.RowMapping, sealed: datetime) -> None:
        self._late += 1
        if self._late <= _NOTED:
            self.notes.append(
                f"row {row['id']} (record {row['record']}) is from {row['at'].isoformat()} and "
                f"came into the log after {sealed.isoformat()}: the clock was set back, or an "
                "old row was inserted again"
            )

    def _link(self, seal: Seal) -> Iterator[Finding]:
        last = self.summary.last
        due = last.id + 1 if last else 1
        if seal.id != due:
            ids = f"seal {due} is" if seal.id == due + 1 else f"seals {due}-{seal.id - 1} are"
            yield Finding("deleted", f"{ids} missing: nothing proves the rows")
        elif not same(seal.previous, last.hash if last else ""):
            yield Finding(
                "seal", f"seal {seal.id} doesn't follow seal {seal.id - 1}: one of them is forged"
            )

    def _compare(self, seal: Seal) -> Iterator[Finding]:
        """Compares the chain with the checkpoints up to this seal."""
        while self._checkpoints and self._checkpoints[0].seal <= seal.id:
            noted = self._checkpoints.pop(0)
            fits = noted.seal == seal.id and noted.hash == seal.hash
            if not fits or noted.rows != self._total + seal.rows:
                yield Finding(
                    "cut",
                    f"seal {noted.seal} isn't the one that the checkpoint of "
                    f"{noted.at.isoformat()} names: the log was truncated there, or started again",
                )

    def _count(self, seal: Seal) -> None:
        self._total += seal.rows
        self.summary.last = seal
        self.summary.seals += 1
        self.summary.adopted += seal.adopted
        if seal.pruned is not None:
            self.summary.pruned_seals += 1
            self.summary.pruned_rows += seal.rows

    # --- rows beside the chain -------------------------------------------------------------

    def _strays(self, connection: sa.Connection) -> Iterator[Finding]:
        """Rows that name a seal which doesn't exist, covers other rows, or was pruned."""
        holds = audit.c.id.between(audit_seals.c.first_id, audit_seals.c.last_id)
        found = (
            sa.select(
                audit.c.id,
                audit.c.record,
                audit.c.seal,
                audit_seals.c.pruned,
                audit_seals.c.id.label("found"),
            )
            .join_from(audit, audit_seals, audit.c.seal == audit_seals.c.id, isouter=True)
            .where(
                audit.c.seal.is_not(None),
                sa.or_(
                    audit_seals.c.id.is_(None), sa.not_(holds), audit_seals.c.pruned.is_not(None)
                ),
            )
            .order_by(audit.c.id)
        )
        for (seal, why), rows in groupby(_stream(connection, found), key=_strayed):
            for part in iter(lambda rows=rows: list(islice(rows, _ROWS)), []):  # type: ignore[misc]
                self._holes.cover([(row["id"], row["id"]) for row in part])
                ids = write_ranges(to_ranges(row["id"] for row in part))
                if len(part) == 1:
                    text = (
                        f"row {ids} (record {part[0]['record']}) says that it is in seal {seal}, "
                    )
                else:
                    text = f"rows {ids} say that they are in seal {seal}, "
                yield Finding("inserted", text + why)

    def _unsealed(self, connection: sa.Connection) -> Iterator[Finding]:
        first = sa.select(audit_seals.c.adopts_to).where(audit_seals.c.id == 1)
        adopts_to = connection.scalar(first) or 0
        older = 0
        found = sa.select(audit).where(audit.c.seal.is_(None)).order_by(audit.c.id)
        for row in _stream(connection, found):
            self.summary.rows += 1
            self.summary.unsealed += 1
            self._holes.cover([(row["id"], row["id"])])
            if row["mac"] is None and (self.summary.last is None or row["id"] <= adopts_to):
                older += 1
            elif not same(row["mac"], self._signer.row(row)):
                yield Finding(
                    "inserted",
                    f"row {row['id']} (record {row['record']}, not sealed yet) doesn't match its "
                    "MAC: it was forged or edited",
                )
        if older:
            self.notes.append(
                f"{older} rows date from before rows had MACs, and no seal covers them yet"
            )

    def _copies(self, connection: sa.Connection) -> Iterator[Finding]:
        """Copied rows: their macs are valid, but not unique."""
        twice = (
            sa.select(audit.c.mac)
            .where(audit.c.mac.is_not(None))
            .group_by(audit.c.mac)
            .having(sa.func.count() > 1)
        )
        for (mac,) in connection.execute(twice).all():
            rows = connection.execute(
                sa.select(audit.c.id, audit.c.record).where(audit.c.mac == mac).order_by(audit.c.id)
            ).all()
            yield Finding(
                "copied",
                f"row {', '.join(str(row.id) for row in rows[1:])} is a copy of row {rows[0].id} "
                f"(record {rows[0].record})",
            )

    def _gaps(self, connection: sa.Connection) -> Iterator[Finding]:
        """Numbers that no seal and no row has."""
        if self._database.sqlite:
            # SQLite numbers without gaps, and remembers the last number.
            last = connection.execute(
                sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
            ).scalar()
            self._holes.reach(int(last or 0))
        for first, last in self._holes.left():
            ids = write_ranges([(first, last)])
            if self._database.sqlite:
                text = f"rows {ids} were deleted before they were sealed, or with their seals"
                yield Finding("gap", text)
            else:
                self.notes.append(
                    f"no row has the numbers {ids}: PostgreSQL skips numbers when it is "
                    "interrupted, or rows were deleted before they were sealed"
                )


class Holes:
    """The numbers not seen so far, of those up to the highest."""

    def __init__(self) -> None:
        self._next = 1
        self._holes: list[tuple[int, int]] = []

    def cover(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Marks these numbers as seen."""
        for first, last in ranges:
            if first > self._next:
                self._holes.append((self._next, first - 1))
            elif first < self._next:
                self._fill(first, min(last, self._next - 1))
            self._next = max(self._next, last + 1)

    def reach(self, last: int) -> None:
        """Adds numbers up to this one, as not seen."""
        if last >= self._next:
            self._holes.append((self._next, last))
            self._next = last + 1

    def left(self) -> list[tuple[int, int]]:
        """The ranges of numbers not seen."""
        return list(self._holes)

    def _fill(self, first: int, last: int) -> None:
        place = max(bisect.bisect_right(self._holes, (first, first)) - 1, 0)
        while place < len(self._holes) and self._holes[place][0] <= last:
            start, end = self._holes[place]
            if end < first:
                place += 1
                continue
            parts = [(start, first - 1), (last + 1, end)]
            left = [part for part in parts if part[0] <= part[1]]
            self._holes[place : place + 1] = left
            place += len(left)


def _strayed(row: sa.RowMapping) -> tuple[int, str]:
    if row["found"] is None:
        return row["seal"], "which isn't there"
    if row["pruned"] is not None:
        return row["seal"], "whose rows were deleted for their age"
    return row["seal"], "which doesn't hold it"


def _stream(
    connection: sa.Connection, found: sa.Select[tuple[object, ...]]
) -> Iterator[sa.RowMapping]:
    """The rows of a statement, without holding all of them in memory."""
    options = {"yield_per": _ROWS}
    yield from connection.execute(found, execution_options=options).mappings()
