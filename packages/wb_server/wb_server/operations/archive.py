"""The archive of a backup: a plain tar file, written and read member by member.

Writing uses only ``tarfile``'s headers: a file that shrinks while it is copied has to be copied again,
which ``tarfile`` itself can't do. Reading trusts nothing: names are checked before anything is written,
files are always newly created and never through a link, and links are created last.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from .manifest import MANIFEST, PARTS, SETTINGS, Member
from .report import OperationError

_CHUNK = 1024 * 1024
_TRIES = 5
# The manifest is held in memory: 100 bytes plus the name for each member.
_LONGEST_MANIFEST = 512 * 1024 * 1024
_TOP = frozenset({MANIFEST, SETTINGS})
_USERS_FILES = ("users/", "files/")

Step = Callable[[int], None]


class ArchiveWriter:
    """Writes members into a file that is open for writing and seeking.

    Args:
        step: called for every chunk, with its size in bytes.
    """

    def __init__(self, file: IO[bytes], step: Step = lambda _: None) -> None:
        self._file = file
        self._step = step
        self.members: list[Member] = []

    def folder(self, name: str, info: os.stat_result) -> None:
        """Adds a folder, without its content."""
        header = _header(name, tarfile.DIRTYPE, mode=info.st_mode, mtime=info.st_mtime)
        self._write_header(header)
        self.members.append(Member(name))

    def link(self, name: str, target: str, info: os.stat_result) -> None:
        """Adds a symbolic link as a link."""
        header = _header(name, tarfile.SYMTYPE, mode=0o777, mtime=info.st_mtime)
        header.linkname = target
        self._write_header(header)
        self.members.append(Member(name, link=target))

    def content(self, name: str, content: bytes, mtime: float) -> Member:
        """Adds a small file from memory."""
        self._write_header(_header(name, mode=0o600, mtime=mtime, size=len(content)))
        self._file.write(content)
        self._pad(len(content))
        return self._added(Member(name, len(content), hashlib.sha256(content).hexdigest()))

    def file(self, name: str, source: IO[bytes]) -> Member:
        """Adds an open file. What is appended to it meanwhile is left out; if it gets truncated, it
        is copied again.

        Raises:
            OperationError: it was truncated during every try.
        """
        start = self._file.tell()
        for _ in range(_TRIES):
            info = os.fstat(source.fileno())
            source.seek(0)
            size = info.st_size
            self._write_header(_header(name, mode=info.st_mode, mtime=info.st_mtime, size=size))
            digest, left = hashlib.sha256(), size
            while left and (chunk := source.read(min(_CHUNK, left))):
                digest.update(chunk)
                self._file.write(chunk)
                self._step(len(chunk))
                left -= len(chunk)
            if not left:
                self._pad(size)
                return self._added(Member(name, size, digest.hexdigest()))
            self._file.seek(start)
            self._file.truncate()
        raise OperationError(f"{name} keeps getting shorter while it is copied. Try again later.")

    def close(self) -> None:
        """Ends the archive and flushes it to the disk."""
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._pad(self._file.tell(), tarfile.RECORDSIZE)
        self._file.flush()
        os.fsync(self._file.fileno())

    def undo(self) -> None:
        """Removes the last member, which must be a file."""
        self.members.pop()
        self._file.seek(self._last)
        self._file.truncate()

    def _added(self, member: Member) -> Member:
        self.members.append(member)
        return member

    def _write_header(self, header: tarfile.TarInfo) -> None:
        self._last = self._file.tell()
        self._file.write(header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))

    def _pad(self, size: int, block: int = tarfile.BLOCKSIZE) -> None:
        self._file.write(bytes(-size % block))


def _header(
    name: str, kind: bytes = tarfile.REGTYPE, *, mode: int, mtime: float, size: int = 0
) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type = kind
    # Owner and setuid bits mean nothing on another machine.
    header.mode = stat.S_IMODE(mode) & 0o777
    header.mtime = int(mtime)
    header.size = size
    return header


class Extracted:
    """The result of unpacking an archive: its actual members, and the manifest's text."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.manifest: bytes | None = None
        self.links: list[tuple[str, str]] = []
        self.folders: list[tuple[str, int]] = []


def extract(archive: IO[bytes], into: Path, step: Step = lambda _: None) -> Extracted:
    """Unpacks an archive into an empty folder, hashing every file.

    Nothing in it may be used before its members were compared with the manifest. ``finish`` adds links
    and the modes of folders.

    Raises:
        OperationError: the archive is truncated, damaged, or has a member that doesn't belong in a
            backup.
        OSError: a file can't be written.
    """
    found = Extracted()
    try:
        with tarfile.open(fileobj=archive, mode="r:", encoding="utf-8") as tar:
            while (info := tar.next()) is not None:
                # tarfile would keep every header in memory.
                tar.members = []  # type: ignore[attr-defined]
                _extract_one(tar, info, into, found, step)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise OperationError("The backup is damaged: it isn't a complete tar file.") from error
    return found


def _extract_one(
    tar: tarfile.TarFile, info: tarfile.TarInfo, into: Path, found: Extracted, step: Step
) -> None:
    name = info.name
    path = into.joinpath(*_parts(name))
    if name in found.members or (name == MANIFEST and found.manifest is not None):
        raise OperationError(f"The backup is damaged: it holds {_shown(name)} twice.")
    if info.isdir():
        _folder(into, path)
        found.members[name] = Member(name)
        found.folders.append((name, info.mode))
        return
    if info.issym():
        found.members[name] = Member(name, link=info.linkname)
        found.links.append((name, info.linkname))
        return
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise OperationError(
            f"The backup holds {_shown(name)}, which is neither a file nor a folder."
        )
    source = tar.extractfile(info)
    assert source is not None
    if name == MANIFEST:
        if info.size > _LONGEST_MANIFEST:
            raise OperationError("The backup is damaged: its manifest is too large.")
        found.manifest = source.read()
        return
    _folder(into, path.parent)
    digest, size = hashlib.sha256(), 0
    # Users' own files keep their modes; the Workbench's are for its own user only.
    mode = info.mode & 0o777 | stat.S_IRUSR if name.startswith(_USERS_FILES) else 0o600
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
            step(len(chunk))
        os.fchmod(target.fileno(), mode)
    os.utime(path, (info.mtime, info.mtime))
    if size != info.size:
        raise OperationError("The backup is damaged: it is truncated.")
    found.members[name] = Member(name, size, digest.hexdigest())


def finish(found: Extracted, into: Path) -> None:
    """Creates the links and sets the modes of folders, once the members have been verified."""
    for name, target in found.links:
        path = into.joinpath(*_parts(name))
        _folder(into, path.parent)
        path.symlink_to(target)
    for name, mode in reversed(found.folders):
        into.joinpath(*_parts(name)).chmod(mode & 0o777 | stat.S_IRWXU)


def _folder(root: Path, path: Path) -> None:
    """Creates a folder below the root. No link can be followed: links are created last."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.is_relative_to(root):
        raise OperationError(f"The backup names {path}, which is outside its folder.")


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a member's name.

    Raises:
        OperationError: the name leads outside the folder, or isn't one of a backup.
    """
    parts = PurePosixPath(name).parts
    plain = "/".join(parts)
    if (
        not parts
        or plain != name
        or "\0" in name
        or name.startswith("/")
        or any(part in {"", ".", ".."} for part in parts)
        or not (name in _TOP or (len(parts) > 1 and parts[0] in PARTS) or name in PARTS)
    ):
        raise OperationError(
            f"The backup holds {_shown(name)}, which doesn't belong in a backup. Either `wb "
            "backup` didn't make it, or it was changed."
        )
    return parts


def _shown(name: str) -> str:
    """A member's name, made safe to show at a terminal."""
    return ascii(name[:200])
