"""How a user's server is started: as one system user for all, or each as their own."""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from traitlets import Unicode


class WorkbenchSpawner(LocalProcessSpawner):  # type: ignore[misc]
    """What both ways share: a short, private folder for the sockets of a user's kernels."""

    runtime_root = Unicode(
        "",
        config=True,
        help="Folder for sockets. A socket's path has about 100 letters at most, a home's is often longer.",
    )

    def _runtime_dir(self) -> str:
        """Made here, because the user may not be allowed to write into its parent."""
        if not self.runtime_root:
            return ""
        # One for each server, of a fixed length whatever the names are.
        which = hashlib.sha256(f"{self.user.name}/{self.name}".encode()).hexdigest()[:12]
        path = Path(self.runtime_root, which)
        path.mkdir(mode=0o700, exist_ok=True)
        self.own(path)
        return str(path)

    def own(self, path: Path) -> None:
        """Gives ``path`` to the user that the server runs as."""

    def get_env(self) -> dict[str, str]:
        env: dict[str, str] = super().get_env()
        runtime = self._runtime_dir()
        if runtime:
            env["JUPYTER_RUNTIME_DIR"] = runtime
        return env


class LocalSpawner(WorkbenchSpawner):
    """Each server as the system user of the same name. The Hub runs as root."""

    def own(self, path: Path) -> None:
        user = pwd.getpwnam(self.user.name)
        os.chown(path, user.pw_uid, user.pw_gid)


class SimpleSpawner(WorkbenchSpawner, SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Every server as the user that runs the Hub, with a home folder of its own.

    Keeps nobody apart from anybody: for one machine and evaluation.
    """

    def make_preexec_fn(self, name: str) -> Callable[[], Any]:
        home = self.home_dir

        def enter_home() -> None:
            os.makedirs(home, 0o700, exist_ok=True)
            os.chdir(home)

        return enter_home
