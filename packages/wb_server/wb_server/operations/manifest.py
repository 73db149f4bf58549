"""The manifest of a backup: its content, when it was made, by which version, with which tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from .report import OperationError

# Incremented when older versions could no longer read the file.
FORMAT = 1
MANIFEST = "manifest.json"
SETTINGS = "settings.json"
WORKBENCH_SQLITE = "database/workbench.db"
WORKBENCH_POSTGRES = "database/workbench.dump"
HUB_SQLITE = "hub/jupyterhub.sqlite"
# The top-level folders of a backup; a member elsewhere doesn't belong in it.
PARTS = frozenset({"database", "hub", "jupyterhub_config.d", "blobs", "users", "files"})

DatabaseKind = Literal["sqlite", "postgresql"]


@dataclass(frozen=True)
class Member:
    """One member of the archive: a file with its hash, a link with its target, or a folder."""

    name: str
    size: int = 0
    sha256: str = ""
    link: str | None = None

    def row(self) -> dict[str, Any]:
        """Its entry in the manifest."""
        if self.link is not None:
            return {"name": self.name, "link": self.link}
        if not self.sha256:
            return {"name": self.name, "folder": True}
        return {"name": self.name, "size": self.size, "sha256": self.sha256}

    @classmethod
    def of(cls, row: dict[str, Any]) -> Member:
        """Parses an entry of a manifest."""
        name = row["name"]
        link = row.get("link")
        size, sha256 = row.get("size", 0), row.get("sha256", "")
        if not (
            isinstance(name, str)
            and isinstance(size, int)
            and isinstance(sha256, str)
            and (link is None or isinstance(link, str))
        ):
            raise TypeError("a member of the manifest")
        return cls(name, size, sha256, link)


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DatabasePart(_Model):
    """A database in the archive.

    Attributes:
        revision: The version of its tables; ``None`` for the Hub's, which tracks its own.
        tables: Rows by table, counted in the copy.
        server: Version of the PostgreSQL server.
    """

    kind: DatabaseKind
    member: str
    revision: str | None = None
    tables: dict[str, int]
    server: str | None = None


class Manifest(_Model):
    """The description of a backup, without its list of members.

    Attributes:
        data_dir: The data folder that was backed up.
        left_out: Names in the data folder that are not in the backup.
        secrets: How many secrets the keys open; ``closed_secrets``: how many they don't.
        damaged_blobs: Blobs that the database names but that were missing or damaged in the folder.
    """

    format: int
    version: str
    created_at: AwareDatetime
    data_dir: str
    database: DatabasePart
    hub: DatabasePart | None = None
    secrets: int
    closed_secrets: int = 0
    left_out: list[str] = []
    damaged_blobs: list[str] = []


def write(manifest: Manifest, members: Iterable[Member]) -> bytes:
    """The text of ``manifest.json``."""
    # File names may contain bytes that aren't UTF-8, which pydantic rejects and JSON can escape.
    text = manifest.model_dump(mode="json") | {"members": [member.row() for member in members]}
    return json.dumps(text, indent=1).encode() + b"\n"


def read(text: bytes) -> tuple[Manifest, dict[str, Member]]:
    """Parses the manifest, and its members by name.

    Raises:
        OperationError: it isn't a manifest, or is one of a newer version.
    """
    try:
        content = json.loads(text)
        check_format(content["format"])
        rows = content.pop("members")
        members = {row["name"]: Member.of(row) for row in rows}
        if len(members) != len(rows):
            raise ValueError("a member twice")
        return Manifest.model_validate(content), members
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise OperationError("The backup is damaged: its manifest can't be read.") from error


@dataclass(frozen=True)
class Bound:
    """The content of the key file: the keys, and the backup that they belong to."""

    keys: list[str]
    manifest_sha256: str
    revision: str | None

    def fits(self, text: bytes) -> bool:
        """Whether this is the manifest of the backup that the key belongs to."""
        return hashlib.sha256(text).hexdigest() == self.manifest_sha256


def bind(text: bytes, keys: list[str], revision: str | None) -> bytes:
    """The content of the key file, before it is sealed.

    It holds the manifest's hash, and the manifest holds every member's: nobody can change the archive
    unnoticed without opening the key file.
    """
    content = {
        "format": FORMAT,
        "keys": keys,
        "manifest_sha256": hashlib.sha256(text).hexdigest(),
        "revision": revision,
    }
    return json.dumps(content).encode()


def bound(content: bytes) -> Bound:
    """Parses the content of an opened key file.

    Raises:
        OperationError: it isn't the key of a backup, or is one of a newer version.
    """
    try:
        file = json.loads(content)
        check_format(file["format"])
        return Bound(
            [str(key) for key in file["keys"]], str(file["manifest_sha256"]), file["revision"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise OperationError("The key file is not the key of a backup.") from error


def check_format(found: object) -> None:
    """Rejects a file of a newer format.

    Raises:
        OperationError: it is newer; the text says what to do.
        ValueError: it isn't a format number.
    """
    if not isinstance(found, int) or found < 1:
        raise ValueError("not a format")
    if found > FORMAT:
        raise OperationError(
            f"The backup was made by a newer version of the Workbench (format {found}; this "
            f"version reads {FORMAT}). Update the Workbench first."
        )
