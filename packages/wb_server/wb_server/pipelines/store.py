"""The tables of pipelines: the pipelines, their versions and their shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ..governance.owned.models import Owner
from ..governance.owned.store import OwnedStore, owned_columns, shares_table, unique_among_living
from ..governance.people.namesakes import names_group, names_user
from ..kit.blobs import Blobs
from ..kit.db import Database, UtcDateTime, metadata
from .models import Pipeline, Version

pipelines = sa.Table(
    "pipelines",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    # The newest version, and the one that runs: they differ while a change waits for approval.
    sa.Column("head", sa.Integer, nullable=False),
    sa.Column("approved", sa.Integer),
    sa.Column("paused", sa.Boolean, nullable=False),
    # The moment up to which its fires were processed, and the first fire after it.
    sa.Column("fired_to", UtcDateTime, nullable=False),
    sa.Column("next_fire_at", UtcDateTime, index=True),
    # How many runs it has had, which numbers them; old runs are deleted, numbers aren't reused.
    sa.Column("runs", sa.Integer, nullable=False, server_default="0"),
    *owned_columns(),
    unique_among_living("pipelines"),
)

shares = shares_table("pipeline_shares", pipelines, "pipeline_id")

versions = sa.Table(
    "pipeline_versions",
    metadata,
    sa.Column(
        "pipeline_id",
        sa.String(36),
        sa.ForeignKey("pipelines.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    # The snapshot of the folder: path -> digest of a blob.
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("author", sa.String(255), nullable=False, info=names_user()),
    sa.Column("note", sa.String(500), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("approved_by", sa.String(255), info=names_user()),
    sa.Column("approved_at", UtcDateTime),
    # The owner at that time, as ``user:<name>`` or ``team:<group>``: the version runs only with their
    # rights.
    sa.Column(
        "approved_for",
        sa.String(262),
        info=names_user(prefix="user:") | names_group(prefix="team:"),
    ),
)

_STANDING = sa.select(
    pipelines.c.id,
    pipelines.c.owner_kind,
    pipelines.c.owner_name,
    pipelines.c.deleted_at,
    versions.c.number,
    versions.c.approved_by,
    versions.c.approved_for,
).join_from(pipelines, versions, versions.c.pipeline_id == pipelines.c.id)
# Every attempt starts with this query, so it is built once.
_STANDING_OF = _STANDING.where(
    pipelines.c.id == sa.bindparam("pipeline"), versions.c.number == sa.bindparam("number")
)


@dataclass(frozen=True)
class Standing:
    """The facts that decide whether a version may run.

    Attributes:
        owner: the pipeline's current owner.
        approved_by: who approved the version last.
        approved_for: the owner it was approved for, as ``user:<name>`` or ``team:<group>``.
    """

    pipeline_id: str
    number: int
    owner: Owner
    deleted: bool
    approved_by: str | None
    approved_for: str | None


class PipelineStore(OwnedStore[Pipeline]):
    """Reads and writes pipelines and their versions."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        super().__init__(database, Pipeline, pipelines, shares)
        self._blobs = blobs

    def mentions(self, word: str) -> list[tuple[str, int]]:
        """The newest and the approved versions, by pipeline, whose text contains a word."""
        query = (
            sa.select(pipelines.c.id, versions.c.number)
            .join_from(pipelines, versions, versions.c.pipeline_id == pipelines.c.id)
            .where(
                pipelines.c.deleted_at.is_(None),
                versions.c.number.in_((pipelines.c.head, pipelines.c.approved)),
                versions.c.text.contains(word, autoescape=True),
            )
        )
        with self.database.read() as transaction:
            return [(row.id, row.number) for row in transaction.execute(query)]

    def add_version(self, transaction: sa.Connection, pipeline_id: str, version: Version) -> None:
        """Adds a version and a reference to each of its files."""
        for digest in version.files.values():
            self._blobs.refer(transaction, digest)
        transaction.execute(
            versions.insert().values(pipeline_id=pipeline_id, **version.model_dump())
        )

    def approve(
        self,
        transaction: sa.Connection,
        pipeline_id: str,
        number: int,
        by: str,
        owner: str,
        at: datetime,
    ) -> None:
        """Records who approved a version, and for which owner."""
        transaction.execute(
            versions.update()
            .where(versions.c.pipeline_id == pipeline_id, versions.c.number == number)
            .values(approved_by=by, approved_for=owner, approved_at=at)
        )

    def last_approved(self, pipeline_id: str) -> Standing | None:
        """The newest version that was ever approved, for any owner."""
        query = (
            _STANDING.where(pipelines.c.id == pipeline_id, versions.c.approved_for.is_not(None))
            .order_by(versions.c.number.desc())
            .limit(1)
        )
        with self.database.read() as transaction:
            row = transaction.execute(query).mappings().first()
        return _standing(row) if row is not None else None

    def standing(self, pipeline_id: str, number: int) -> Standing | None:
        """The standing of a version, regardless of who asks; ``None`` if it doesn't exist."""
        values = {"pipeline": pipeline_id, "number": number}
        with self.database.read() as transaction:
            row = transaction.execute(_STANDING_OF, values).mappings().first()
        return _standing(row) if row is not None else None

    def version(self, pipeline_id: str, number: int) -> Version | None:
        """One version in full."""
        with self.database.read() as transaction:
            row = (
                transaction.execute(
                    sa.select(versions).where(
                        versions.c.pipeline_id == pipeline_id, versions.c.number == number
                    )
                )
                .mappings()
                .first()
            )
        return _version(row) if row is not None else None

    def versions(self, pipeline_id: str, before: int | None, limit: int) -> list[Version]:
        """Versions, newest first; only those below ``before`` if it is given."""
        query = sa.select(versions).where(versions.c.pipeline_id == pipeline_id)
        if before is not None:
            query = query.where(versions.c.number < before)
        with self.database.read() as transaction:
            rows = transaction.execute(query.order_by(versions.c.number.desc()).limit(limit))
            return [_version(row) for row in rows.mappings()]

    def due(self, now: datetime, limit: int) -> list[str]:
        """The ids of pipelines whose schedule is due, longest overdue first; deleted ones excluded."""
        with self.database.read() as transaction:
            return list(
                transaction.execute(
                    sa.select(pipelines.c.id)
                    .where(
                        pipelines.c.next_fire_at <= now,
                        pipelines.c.deleted_at.is_(None),
                    )
                    .order_by(pipelines.c.next_fire_at)
                    .limit(limit)
                ).scalars()
            )

    def fired(self, pipeline: Pipeline, fired_to: datetime, next_fire_at: datetime | None) -> bool:
        """Records that fires up to a moment were processed; doesn't count as a change of the pipeline.

        Returns:
            False if another scheduler recorded it first, or the pipeline changed in the meantime.
        """
        unchanged = pipelines.c.fired_to == pipeline.fired_to
        return self._reschedule(pipeline, unchanged, fired_to=fired_to, next_fire_at=next_fire_at)

    def put_off(self, pipeline: Pipeline, until: datetime) -> bool:
        """Makes a schedule due later, without losing a fire.

        Returns:
            False if another scheduler did first, or the pipeline changed in the meantime.
        """
        unchanged = pipelines.c.next_fire_at == pipeline.next_fire_at
        return self._reschedule(pipeline, unchanged, next_fire_at=until)

    def _reschedule(
        self, pipeline: Pipeline, unchanged: sa.ColumnElement[bool], **values: datetime | None
    ) -> bool:
        same = (pipelines.c.id == pipeline.id, pipelines.c.version == pipeline.version)
        with self.database.write() as transaction:
            done = transaction.execute(pipelines.update().where(*same, unchanged).values(values))
            return done.rowcount > 0

    def purge(self, before: datetime) -> int:
        """Permanently removes pipelines deleted before a moment, and returns how many."""
        gone = sa.select(pipelines.c.id).where(pipelines.c.deleted_at < before)
        files = sa.select(versions.c.files).where(versions.c.pipeline_id.in_(gone))
        with self.database.write() as transaction:
            for each in transaction.execute(files).scalars().all():
                for digest in each.values():
                    self._blobs.refer(transaction, digest, -1)
            return transaction.execute(
                pipelines.delete().where(pipelines.c.deleted_at < before)
            ).rowcount


def _version(row: sa.RowMapping) -> Version:
    return Version(**{name: row[name] for name in Version.model_fields})


def _standing(row: sa.RowMapping) -> Standing:
    return Standing(
        row["id"],
        row["number"],
        Owner(kind=row["owner_kind"], name=row["owner_name"]),
        row["deleted_at"] is not None,
        row["approved_by"],
        row["approved_for"],
    )
