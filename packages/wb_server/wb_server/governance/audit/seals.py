"""The chain of seals: batches of committed rows, each bound to the one before by a keyed hash."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

import sqlalchemy as sa

from ...kit import clock
from ...kit.db import Database, UtcDateTime, metadata
from ..secrets.vault import vault_secrets
from .batch import BatchCheck, Finding
from .signing import Digest, Seal, Signer, to_ranges, write_ranges
from .store import audit

log = logging.getLogger(__name__)

# The advisory lock that one sealer at a time holds in PostgreSQL: "wb_audit" as a number.
_LOCK = int.from_bytes(b"wb_audit", "big")

audit_seals = sa.Table(
    "audit_seals",
    metadata,
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("first_id", sa.BigInteger, nullable=False),
    sa.Column("last_id", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("ids", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("adopted", sa.BigInteger, nullable=False),
    sa.Column("adopts_to", sa.BigInteger),
    sa.Column("sealed_at", UtcDateTime, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("pruned", sa.String(64)),
    sa.Column("pruned_at", UtcDateTime),
    sa.Index(
        "ix_audit_seals_living",
        "id",
        sqlite_where=sa.text("pruned IS NULL"),
        postgresql_where=sa.text("pruned IS NULL"),
    ),
)


class PruneRefused(Exception):
    """Old rows are kept because they don't match their seal: deleting them would hide that."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)


class SealStore:
    """Adds seals and prunes old rows. Safe to use from several processes at once.

    It remembers the last seal that it made or saw, and continues from there: if somebody cuts off
    the chain's end during its lifetime, the next seal reveals the gap.
    """

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer
        self._seen: Seal | None = None
        self._adopts_to: int | None = None

    def waiting(self) -> bool:
        """Whether there is an unsealed row."""
        with self._database.read() as connection:
            return connection.execute(_UNSEALED.limit(1)).first() is not None

    def seal(self, limit: int, *, wait: bool = False) -> Seal | None:
        """Seals the oldest unsealed rows.

        Args:
            limit: how many rows at most.
            wait: whether to wait for another sealer; otherwise the rows are left to it.

        Returns:
            The seal; ``None`` if there is nothing to do, or another sealer is at work.
        """
        try:
            seal = self._seal(limit, wait=wait)
        except _Changed:
            return None
        if seal is not None:
            self._seen = seal
        return seal

    def _seal(self, limit: int, *, wait: bool) -> Seal | None:
        with self._database.write() as connection:
            if not self._acquire_lock(connection, wait=wait):
                return None
            rows = connection.execute(_UNSEALED.limit(limit)).all()
            if not rows:
                return None
            last, number = self._last(connection)
            adopts_to = self._adoption(connection, last)
            adopted = [row.id for row in rows if row.mac is None and row.id <= (adopts_to or 0)]
            macs = self._adopt(connection, adopted)
            digest = Digest()
            for row in rows:
                digest.add(row.id, macs.get(row.id, row.mac))
            ranges = to_ranges(row.id for row in rows)
            seal = Seal(
                id=number + 1,
                first_id=rows[0].id,
                last_id=rows[-1].id,
                rows=len(rows),
                ids=write_ranges(ranges),
                digest=digest.value(),
                adopted=len(adopted),
                adopts_to=None if last else adopts_to,
                sealed_at=clock.now(),
                previous=last.hash if last else "",
            )
            seal = replace(seal, hash=self._signer.seal(seal))
            marked = sum(
                connection.execute(
                    audit.update()
                    .where(audit.c.id.between(first, end), audit.c.seal.is_(None))
                    .values(seal=seal.id)
                ).rowcount
                for first, end in ranges
            )
            if marked != len(rows):
                raise _Changed
            connection.execute(audit_seals.insert(), asdict(seal))
            return seal

    def head(self) -> tuple[Seal, int] | None:
        """The last seal, and how many rows the chain has sealed up to it."""
        with self._database.read() as connection:
            last = _as_seal(connection.execute(_LAST).mappings().first())
            if last is None:
                return None
            total = connection.scalar(sa.select(sa.func.sum(audit_seals.c.rows)))
            return last, int(total or 0)

    def old(self, before: datetime) -> bool:
        """Whether there are rows to prune."""
        with self._database.read() as connection:
            return bool(self._prunable(connection, before, 1))

    def prune(self, before: datetime, limit: int) -> int:
        """Deletes the rows of the oldest batches, if they were sealed before this time.

        One call deletes several batches, up to about ``limit`` rows. Their seals stay, each with a
        certificate.

        Returns:
            How many rows were deleted; 0 if none is old enough.

        Raises:
            PruneRefused: rows don't match their seal.
        """
        with self._database.write() as connection:
            if not self._acquire_lock(connection, wait=True):
                return 0
            total = 0
            for seal in self._prunable(connection, before, limit):
                total += self._prune(connection, seal)
                if total >= limit:
                    break
            return total

    def _prune(self, connection: sa.Connection, seal: Seal) -> int:
        check = BatchCheck(self._signer, seal)
        for finding in check.findings_of_seal():
            raise PruneRefused(finding)
        mine = (audit.c.id.between(seal.first_id, seal.last_id), audit.c.seal == seal.id)
        rows = connection.execute(sa.select(audit).where(*mine).order_by(audit.c.id)).mappings()
        for row in rows:
            for finding in check.take(row):
                raise PruneRefused(finding)
        for finding in check.findings_at_end():
            raise PruneRefused(finding)
        connection.execute(audit.delete().where(*mine))
        pruned = replace(seal, pruned_at=clock.now())
        connection.execute(
            audit_seals.update()
            .where(audit_seals.c.id == seal.id)
            .values(pruned=self._signer.pruned(pruned), pruned_at=pruned.pruned_at)
        )
        return seal.rows

    def _prunable(self, connection: sa.Connection, before: datetime, limit: int) -> list[Seal]:
        """The oldest batches that still have rows, up to the first that isn't old enough."""
        found = (
            sa.select(audit_seals)
            .where(audit_seals.c.pruned.is_(None))
            .order_by(audit_seals.c.id)
            .limit(limit)
        )
        seals: list[Seal] = []
        for row in connection.execute(found).mappings():
            seal = Seal(**row)
            if seal.sealed_at >= before:
                break
            seals.append(seal)
        return seals

    def _acquire_lock(self, connection: sa.Connection, *, wait: bool) -> bool:
        """Locks out other sealers until the transaction ends; SQLite has one writer anyway."""
        if self._database.sqlite:
            return True
        if wait:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            return True
        return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))))

    def _last(self, connection: sa.Connection) -> tuple[Seal | None, int]:
        """The seal that the next one follows, and the highest number of any seal."""
        last = _as_seal(connection.execute(_LAST).mappings().first())
        number = last.id if last else 0
        seen = self._seen
        if seen is not None:
            hashed = sa.select(audit_seals.c.hash).where(audit_seals.c.id == seen.id)
            if connection.scalar(hashed) != seen.hash:
                log.error(
                    "seal %s of the audit log was changed or deleted: run `wb audit verify`",
                    seen.id,
                )
                return seen, max(number, seen.id)
        return last, number

    def _adoption(self, connection: sa.Connection, last: Seal | None) -> int | None:
        """The highest number of a row that predates macs.

        The first seal fixes it for good. A row after it without a mac is forged.
        """
        if last is None:
            highest = sa.select(sa.func.max(audit.c.id)).where(audit.c.mac.is_(None))
            found: int | None = connection.scalar(highest)
            return found
        if self._adopts_to is None:
            first = sa.select(audit_seals.c.adopts_to).where(audit_seals.c.id == 1)
            self._adopts_to = connection.scalar(first) or 0
        return self._adopts_to

    def _adopt(self, connection: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
        """Adds macs to rows that predate them."""
        macs: dict[int, str] = {}
        for first, last in to_ranges(ids):
            found = sa.select(audit).where(audit.c.id.between(first, last))
            for row in connection.execute(found).mappings():
                macs[row["id"]] = self._signer.row(row)
        if macs:
            connection.execute(
                audit.update()
                .where(audit.c.id == sa.bindparam("row_id"), audit.c.mac.is_(None))
                .values(mac=sa.bindparam("row_mac")),
                [{"row_id": number, "row_mac": mac} for number, mac in macs.items()],
            )
        return macs


def key_lost(database: Database) -> bool:
    """Whether there are seals but their key is missing: a new key would not match them."""
    key = sa.select(vault_secrets.c.name).where(vault_secrets.c.name == "audit")
    with database.read() as connection:
        return (
            connection.execute(_LAST).first() is not None
            and connection.execute(key).first() is None
        )


class _Changed(Exception):
    """Rows changed while they were being sealed; the next try seals what is left."""


_LAST = sa.select(audit_seals).order_by(audit_seals.c.id.desc()).limit(1)


# The unsealed rows, the oldest first.
_UNSEALED = sa.select(audit.c.id, audit.c.mac).where(audit.c.seal.is_(None)).order_by(audit.c.id)


def _as_seal(row: sa.RowMapping | None) -> Seal | None:
    return None if row is None else Seal(**row)
