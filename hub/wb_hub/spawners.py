"""How users' servers are started: all as one system user, or each as the user's own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.services.service import _ServiceSpawner
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from tornado import web
from traitlets import Integer, Unicode

from wb_hub import former_homes, notebook_servers

_LOG_KEPT_BYTES = 10 * 1024 * 1024
# The user that stands for "no user".
_NOBODY = 65534


class WorkbenchSpawner(LocalProcessSpawner):  # type: ignore[misc]
    """The base of both spawners: a private folder for sockets, and servers for pipelines' notebooks."""

    runtime_root = Unicode(
        "",
        config=True,
        help="Folder for sockets. A socket's path is limited to about 100 characters, which a "
        "path in a home folder often exceeds.",
    )

    notebooks_idle_seconds = Integer(
        900, config=True, help="Seconds without work after which a notebook server stops."
    )

    def _runtime_dir(self) -> str:
        """Creates the folder here, because the user may not be allowed to write to its parent."""
        if not self.runtime_root:
            return ""
        # One for each server of each user, with a name of fixed length.
        whose = f"{self.user.name}/{self.user.orm_user.created}/{self.name}"
        which = hashlib.sha256(whose.encode()).hexdigest()[:12]
        path = Path(self.runtime_root, which)
        path.mkdir(mode=0o700, exist_ok=True)
        self.own(path)
        return str(path)

    async def start(self) -> tuple[str, int]:
        note = former_homes.note_of(self.user.orm_user)
        if note is not None:
            self.leave_former_home(note)
        address: tuple[str, int] = await super().start()
        return address

    def leave_former_home(self, note: Path) -> None:
        """Makes sure that the server doesn't start in the home of a former user of the same name.

        Args:
            note: the file that says that there was one.
        """
        raise NotImplementedError

    def own(self, path: Path) -> None:
        """Gives ``path`` to the user that the server runs as."""

    def get_args(self) -> list[str]:
        args: list[str] = super().get_args()
        if self.name == notebook_servers.NAME:
            args += notebook_servers.arguments(self.notebooks_idle_seconds)
        return args

    def get_env(self) -> dict[str, str]:
        env: dict[str, str] = super().get_env()
        runtime = self._runtime_dir()
        if runtime:
            env["JUPYTER_RUNTIME_DIR"] = runtime
        return env


class ServiceSpawner(_ServiceSpawner):  # type: ignore[misc]
    """Restarts a managed service within seconds of its end, instead of half a minute."""

    poll_interval = Integer(3)


class LocalSpawner(WorkbenchSpawner):
    """Runs each server as the system user of the same name. The Hub runs as root."""

    least_uid = Integer(
        1000,
        config=True,
        help="The lowest uid of a system user that may be a person. Below are the accounts of "
        "programs, whose files a user of the same name would get.",
    )
    service_user = Unicode("", config=True, help="The service's system user: never a person's.")

    def account(self) -> pwd.struct_passwd:
        """The user's system account.

        Raises:
            HTTPError: there is none, or it isn't a person's.
        """
        try:
            account = pwd.getpwnam(self.user.name)
        except KeyError:
            raise web.HTTPError(
                403, f"There is no system user {self.user.name} on this machine yet."
            ) from None
        if (
            account.pw_uid < self.least_uid
            or account.pw_uid == _NOBODY
            or account.pw_name == self.service_user
        ):
            raise web.HTTPError(
                403, f"{self.user.name} is a system account of this machine, not a user's."
            )
        return account

    async def start(self) -> tuple[str, int]:
        self.account()
        address: tuple[str, int] = await super().start()
        return address

    def leave_former_home(self, note: Path) -> None:
        raise web.HTTPError(
            403,
            f"The system user {self.user.name} was that of a former user of the Hub. Replace it, or "
            f"move its home away, then delete {note}",
        )

    def own(self, path: Path) -> None:
        account = self.account()
        # Not through a link, and not a folder that somebody else created first.
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(handle).st_uid not in (os.geteuid(), account.pw_uid):
                raise web.HTTPError(403, f"{path} belongs to another user.")
            os.fchown(handle, account.pw_uid, account.pw_gid)
            os.fchmod(handle, 0o700)
        finally:
            os.close(handle)

    def make_preexec_fn(self, name: str) -> Callable[[], Any]:
        become = super().make_preexec_fn(name)
        home = Path(self.account().pw_dir)

        def prepare() -> None:
            become()
            # From here on it runs as the user. The inherited output is a descriptor of the Hub's log,
            # with which the user could truncate the file.
            output = _own_log(home / ".workbench")
            os.dup2(output, 1)
            os.dup2(output, 2)

        return prepare


def _own_log(folder: Path) -> int:
    """A descriptor for the output of a user's server: a file in their home, or /dev/null."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "server.log"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > _LOG_KEPT_BYTES:
                path.replace(folder / "server.log.1")
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


class SimpleSpawner(WorkbenchSpawner, SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Runs every server as the user that runs the Hub, each with its own home folder.

    Users aren't isolated from each other: for one machine and evaluation.
    """

    def leave_former_home(self, note: Path) -> None:
        former_homes.move_away(Path(self.home_dir), note)

    def make_preexec_fn(self, name: str) -> Callable[[], Any]:
        home = self.home_dir

        def enter_home() -> None:
            os.makedirs(home, 0o700, exist_ok=True)
            os.chdir(home)

        return enter_home
