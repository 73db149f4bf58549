"""Homes of users who are gone: a later user of the same name must not get them.

The Hub notes every user that it deletes or renames, with the moment when it had created them. A server
of another user of that name starts only without the former one's home.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyterhub import orm
from jupyterhub.utils import utcnow
from sqlalchemy import event, inspect

_folder: Path | None = None


def keep_in(folder: Path) -> None:
    """Sets the folder of the notes, one file a name."""
    global _folder
    _folder = folder


def note_of(user: orm.User) -> Path | None:
    """The note about a former user of this user's name, if there is one."""
    if _folder is None:
        return None
    note = _path(_folder, user.name)
    try:
        former = note.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    # The deletion may have failed after the note was written.
    return None if former == _identity(user) else note


def move_away(home: Path, note: Path) -> None:
    """Moves a former user's home into ``.former`` beside it, and forgets the note."""
    if home.exists():
        # No user has this name: theirs begin with a letter or a digit.
        former = home.parent / ".former"
        former.mkdir(mode=0o700, exist_ok=True)
        home.rename(former / f"{home.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    note.unlink()


def _identity(user: orm.User) -> str:
    return f"{user.created}"


def _path(folder: Path, name: str) -> Path:
    return folder / quote(name, safe="")


def _write(name: str, user: orm.User) -> None:
    if _folder is None:
        return
    _folder.mkdir(mode=0o700, exist_ok=True)
    _path(_folder, name).write_text(_identity(user), encoding="utf-8")


@event.listens_for(orm.User, "before_delete")
def _deleted(mapper: Any, connection: Any, user: orm.User) -> None:
    _write(user.name, user)


@event.listens_for(orm.User, "before_update")
def _renamed(mapper: Any, connection: Any, user: orm.User) -> None:
    names = inspect(user).attrs.name.history.deleted
    for name in names:
        _write(name, user)
    # The service tells users of one name apart by this moment: the last one must be the latest.
    if names and note_of(user) is not None:
        user.created = utcnow()
