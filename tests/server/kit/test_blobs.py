"""Blobs: the same bytes are stored once, counted, and removed only when nothing refers to them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from wb_server.kit.blobs import Blobs
from wb_server.kit.db import Database
from wb_server.kit.errors import NotFound

NOW = timedelta(seconds=-1)


@pytest.fixture
def blobs(tmp_path: Path, database: Database) -> Blobs:
    return Blobs(tmp_path / "blobs", database)


def test_bytes_are_read_by_their_digest(blobs: Blobs) -> None:
    digest = blobs.put([b"one", b"two"])
    assert digest == hashlib.sha256(b"onetwo").hexdigest()
    with blobs.open(digest) as file:
        assert file.read() == b"onetwo"


def test_the_same_bytes_are_stored_once(blobs: Blobs, tmp_path: Path) -> None:
    assert blobs.put([b"same"]) == blobs.put([b"sa", b"me"])
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 1


def test_a_blob_lives_while_something_refers_to_it(blobs: Blobs, database: Database) -> None:
    digest = blobs.put([b"kept"])
    with database.write() as connection:
        blobs.refer(connection, digest)
    assert blobs.sweep(NOW) == 0
    with database.write() as connection:
        blobs.refer(connection, digest, by=-1)
    assert blobs.sweep(NOW) == 1
    with pytest.raises(NotFound):
        blobs.open(digest)


def test_a_young_orphan_stays(blobs: Blobs) -> None:
    digest = blobs.put([b"its row is on the way"])
    assert blobs.sweep() == 0
    blobs.open(digest).close()


def test_a_failed_write_leaves_no_file(blobs: Blobs, tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield b"half"
        raise OSError("the source broke")

    with pytest.raises(OSError, match="broke"):
        blobs.put(broken())
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "0" * 63, "G" * 64])
def test_only_digests_name_blobs(blobs: Blobs, digest: str) -> None:
    with pytest.raises(NotFound):
        blobs.open(digest)


def test_an_unknown_blob_cannot_be_referred_to(blobs: Blobs, database: Database) -> None:
    with pytest.raises(NotFound), database.write() as connection:
        blobs.refer(connection, "0" * 64)
