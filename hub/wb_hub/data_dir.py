"""The data folder of ``./wb up``: its checks, and what the first start creates in it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# The file in the Hub's folder that says where it listens.
ADDRESS = "address"
_ADMIN = "admin"
# Without letters and digits that are easily confused when read aloud or typed from paper.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_MARK = "workbench-data"
_MARK_TEXT = (
    "This folder belongs to the Workbench (./wb up). Back it up whole; master.key is a secret.\n"
)
_KEY_BYTES = 32
# A full check reads the whole file: above this size only its header and its tables are checked.
_CHECKED_WHOLE_BYTES = 256 * 1024 * 1024
# How long a second start waits for the first: a running one may just have been asked to stop; one that
# is ending has to stop its Hub, and one that was killed leaves a Hub that has yet to notice.
_RUNNING_SECONDS = 2
_ENDING_SECONDS = 30
_ENDING = "ending"
_RUNTIME_PREFIX = "wb-"
# Not the environment's temporary folder, whose path may be long: a socket's path has about 100 characters.
_SHORT = "/tmp"  # noqa: S108  mkdtemp creates a private folder in it
_SHORT_LETTERS = 30
_SQLITE_HEAD = b"SQLite format 3\x00"


class Refused(Exception):
    """The start failed; the text is what the user reads at the terminal."""


@dataclass(frozen=True)
class FirstAdmin:
    """The administrator that the first start creates; the password is shown once and not kept."""

    name: str
    password: str


def check_database(path: Path, what: str, tables: frozenset[str]) -> None:
    """Refuses a file that isn't an intact SQLite database with one of ``tables``.

    A missing or empty file is fine: it will be created.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            return
        with path.open("rb") as file:
            head = file.read(len(_SQLITE_HEAD))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise Refused(f"{what}: {path} can't be read: {error.strerror}") from None
    if head != _SQLITE_HEAD:
        raise Refused(f"{what}: {path} isn't an SQLite database. Move it away or restore a backup")
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as db:
            found = {
                row[0] for row in db.execute("select name from sqlite_master where type = 'table'")
            }
            sound = size > _CHECKED_WHOLE_BYTES or [
                row[0] for row in db.execute("pragma quick_check(1)")
            ] == ["ok"]
    except sqlite3.OperationalError as error:
        raise Refused(f"{what}: {path} can't be opened: {error}") from None
    except sqlite3.DatabaseError:
        sound, found = False, set()
    if not sound:
        raise Refused(f"{what}: {path} is damaged. Restore a backup")
    if found and not found & tables:
        raise Refused(f"{what}: {path} is a database of another program. Choose another --data-dir")


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def _remove_runtime_dir(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.name.startswith(_RUNTIME_PREFIX) and path.lstat().st_uid == os.getuid():
            shutil.rmtree(path, ignore_errors=True)


class DataDir:
    """One data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hub = path / "hub"
        self.logs = path / "logs"
        self.users = path / "users"
        self.files = path / "files"
        self.database = path / "workbench.db"
        self._hub_database = self.hub / "jupyterhub.sqlite"
        self._first_admin = self.hub / "first-admin.json"

    def prepare(self) -> None:
        """Checks the folder and its databases, and creates missing subfolders.

        Raises:
            Refused: It can't be used.
        """
        if self.path.exists() and not self.path.is_dir():
            raise Refused(f"{self.path} is a file; the data folder must be a folder")
        check_database(self.database, "The metadata database", frozenset({"alembic_version"}))
        check_database(self._hub_database, "The Hub's database", frozenset({"users"}))
        try:
            self._claim()
            for folder in (self.hub, self.logs, self.users, self.files):
                folder.mkdir(mode=0o700, exist_ok=True)
            probe = self.hub / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise Refused(
                f"The data folder {self.path} can't be written: {error.strerror}"
            ) from None

    def _claim(self) -> None:
        mark = self.path / _MARK
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not mark.exists():
            ours = {self.database.name, self.hub.name, "master.key"}
            there = {entry.name for entry in self.path.iterdir()}
            if there and not there & ours:
                raise Refused(
                    f"{self.path} already holds other files. Choose an empty or new folder: "
                    "--data-dir"
                )
            mark.write_text(_MARK_TEXT, encoding="utf-8")
        self.path.chmod(0o700)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[int]:
        """Locks the folder for one Workbench. The Hub inherits the lock's descriptor, so that a Hub
        that briefly outlives its ``up`` still holds the lock.

        Raises:
            Refused: Another Workbench holds it, and isn't about to end.
        """
        path = self.hub / "lock"
        with path.open("a+", encoding="utf-8") as file:
            start = time.monotonic()
            while not _locked(file):
                file.seek(0)
                holder, _, state = file.read().strip().partition(" ")
                runs = _runs(holder) and state != _ENDING
                if time.monotonic() - start > (_RUNNING_SECONDS if runs else _ENDING_SECONDS):
                    raise Refused(
                        f"A Workbench is already running on {self.path} (process {holder})"
                    )
                time.sleep(0.2)
            file.seek(0)
            file.truncate()
            file.write(f"{os.getpid()}\n")
            file.flush()
            # A process named in this file isn't ours, and the Hub would kill it.
            (self.hub / "proxy.pid").unlink(missing_ok=True)
            yield file.fileno()

    def note_address(self, url: str) -> None:
        """Notes where this machine's commands reach the Hub."""
        (self.hub / ADDRESS).write_text(f"{url}\n", encoding="utf-8")

    def ending(self) -> None:
        """Tells a start that waits for the lock that this process is ending. Only for the holder."""
        (self.hub / "lock").write_text(f"{os.getpid()} {_ENDING}\n", encoding="utf-8")

    @contextlib.contextmanager
    def runtime_dir(self) -> Iterator[Path]:
        """A private folder for sockets with a short path, removed afterwards. One that a killed start
        left behind is removed now."""
        note = self.hub / "runtime-dir"
        with contextlib.suppress(OSError):
            _remove_runtime_dir(Path(note.read_text(encoding="utf-8")))
        base = os.environ.get("XDG_RUNTIME_DIR", "")
        usable = base and len(base) < _SHORT_LETTERS and os.access(base, os.W_OK)
        path = Path(tempfile.mkdtemp(prefix=_RUNTIME_PREFIX, dir=base if usable else _SHORT))
        note.write_text(str(path), encoding="utf-8")
        try:
            yield path
        finally:
            _remove_runtime_dir(path)

    def master_key(self, path: Path, *, needed: bool) -> None:
        """Creates the master key if there is none; never replaces an existing one.

        Args:
            needed: A metadata database exists, with secrets that only its own key opens.

        Raises:
            Refused: The key is needed but missing, or the file isn't a key.
        """
        if not path.exists():
            if needed:
                raise Refused(
                    f"The master key {path} is missing, and the stored credentials can't be read "
                    "without it. Restore it from a backup"
                )
            key = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES))
            new = path.with_name(f"{path.name}.new")
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # link() fails where rename() would replace a key created meanwhile.
            os.link(new, path)
            new.unlink()
            return
        try:
            keys = path.read_bytes().split()
            sound = bool(keys) and all(
                len(base64.urlsafe_b64decode(key)) == _KEY_BYTES for key in keys
            )
        except (OSError, binascii.Error):
            sound = False
        if not sound:
            raise Refused(
                f"The master key {path} can't be read or isn't a key. Restore it from a backup"
            )
        if path.stat().st_mode & 0o077 and path.stat().st_uid == os.getuid():
            path.chmod(0o600)

    def first_admin(self) -> FirstAdmin | None:
        """A new administrator, if no start has completed on this folder yet."""
        if self._hub_database.exists() and not self._first_admin.exists():
            return None
        import bcrypt

        password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
        made = {
            "username": _ADMIN,
            "password_hash": bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode(),
        }
        new = self._first_admin.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
        new.replace(self._first_admin)
        return FirstAdmin(_ADMIN, password)

    def first_start_done(self) -> None:
        self._first_admin.unlink(missing_ok=True)
