"""Snapshots of a folder: unpacked as they were packed, and never outside of the folder."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from wb_server.kit import snapshot
from wb_server.kit.errors import InvalidInput, TooLarge, WorkbenchError

FILES = {"n.ipynb": b"{}", "lib/helper.py": b"X = 1\n", "lib/daten/ü.csv": b"\x00\xff" * 1000}


def tar(*entries: tuple[str, bytes | None], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            entry.size = len(content or b"")
            file.addfile(entry, io.BytesIO(content or b""))
    return buffer.getvalue()


def unpacked(packed: bytes, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    snapshot.unpack(packed, folder)
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_files_are_unpacked_as_they_were_packed(compress, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert unpacked(compress(snapshot.pack(FILES)), tmp_path / "f") == FILES


def test_equal_files_give_equal_bytes() -> None:
    assert snapshot.pack(FILES) == snapshot.pack(dict(reversed(FILES.items())))


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(tar(("/etc/x", b"x")), id="absolute"),
        pytest.param(tar(("../x", b"x")), id="above"),
        pytest.param(tar(("a/../../x", b"x")), id="above, inside"),
        pytest.param(tar(("a/./x", b"x")), id="dot"),
        pytest.param(tar(("a//x", b"x")), id="empty part"),
        pytest.param(tar(("a\\..\\x", b"x")), id="backslash"),
        pytest.param(tar(("a\nb", b"x")), id="line end"),
        pytest.param(tar(("a" * 1001, b"x")), id="long"),
        pytest.param(tar(("l", None), kind=tarfile.SYMTYPE, link="/etc/passwd"), id="symlink"),
        pytest.param(tar(("l", None), kind=tarfile.LNKTYPE, link="n"), id="hard link"),
        pytest.param(tar(("p", None), kind=tarfile.FIFOTYPE), id="pipe"),
        pytest.param(tar(("d", None), kind=tarfile.CHRTYPE), id="device"),
        pytest.param(tar(("a", b"1"), ("a", b"2")), id="twice"),
        pytest.param(tar(("a", b"1"), ("a/b", b"2")), id="a file as a folder"),
        pytest.param(b"no tar at all" * 100, id="no tar"),
        pytest.param(b"\x1f\x8bno gzip" * 100, id="no gzip"),
        pytest.param(gzip.compress(tar(("a", b"1")))[:-20], id="cut"),
    ],
)
def test_unsafe_and_damaged_snapshots_are_refused(packed: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        unpacked(packed, tmp_path / "f")
    assert raised.value.code == "bad_snapshot"
    assert not [path for path in tmp_path.iterdir() if path.name != "f"]


def test_the_size_of_a_snapshot_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MAX_PACKED", 2**20)
    monkeypatch.setattr(snapshot, "MAX_UNPACKED", 2 * 2**20)
    monkeypatch.setattr(snapshot, "MAX_ENTRIES", 10)
    bomb = gzip.compress(tar(("zeros", bytes(20 * 2**20))))
    assert len(bomb) < 2**20
    many = tar(*((f"f{number}", b"") for number in range(11)))
    for number, packed in enumerate([bytes(2**20 + 1), bomb, many]):
        with pytest.raises(TooLarge) as raised:
            unpacked(packed, tmp_path / str(number))
        assert raised.value.code == "snapshot_too_large"
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert written <= 4 * 2**20


def test_a_header_that_claims_gigabytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MAX_UNPACKED", 2**20)
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.XHDTYPE, 8 * 2**30
    with pytest.raises(WorkbenchError):
        unpacked(gzip.compress(entry.tobuf() + bytes(30 * 2**20)), tmp_path / "f")
