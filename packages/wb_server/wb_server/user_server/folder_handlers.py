"""An endpoint of a user's Jupyter server that returns the folder of a pipeline file, for saving.

``GET workbench/folder?path=…`` returns the files that ``wb pipeline save`` would save; with ``&names=1``
only their names. Lab uses it because the contents API hides ``.workbenchignore`` and needs a request for
each file.
"""

from __future__ import annotations

import base64
import itertools
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.ioloop import IOLoop

from ..kit.errors import InvalidInput, NotFound, TooLarge
from . import folder as pipeline_folder
from .attempt_handlers import ServerHandler
from .folder import IGNORE_FILE, MAX_FILES, MAX_SNAPSHOT, collect


def mount(server: ServerApp, base: str) -> None:
    """Adds the endpoint to a Jupyter server."""
    assert server.web_app is not None
    server.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$", [(url_path_join(base, "/workbench/folder"), FolderHandler)]
    )


class FolderHandler(ServerHandler):
    """The files of a folder that belong to a pipeline."""

    # The permission for reading files covers this endpoint.
    auth_resource = "contents"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answers with ``names`` and ``files``: path in the folder -> content in Base64."""
        folder = self._folder(self.get_argument("path", ""))
        read = names if self.get_argument("names", "") == "1" else snapshot
        self.answer(await IOLoop.current().run_in_executor(None, read, folder))

    def _folder(self, path: str) -> Path:
        manager: Any = self.contents_manager
        if not hasattr(manager, "_get_os_path"):
            raise InvalidInput(
                "This server's files are not in a local folder. Save the pipeline with `wb "
                "pipeline save` instead.",
                code="no_folder",
            )
        # Refuses paths that lead out of the server's root.
        found = Path(manager._get_os_path(path))
        if not found.is_dir():
            raise NotFound(f"There is no folder “{path[:200]}”.", code="unknown_folder")
        return found


def names(folder: Path) -> dict[str, Any]:
    """The names of the files that ``snapshot`` would take, at most ``MAX_FILES``."""
    return {"names": [name for name, _ in itertools.islice(collect(folder), MAX_FILES)]}


def snapshot(folder: Path) -> dict[str, Any]:
    """The files of a folder that belong to a pipeline.

    Raises:
        TooLarge: they are too many or too large for a pipeline (``snapshot_too_large``).
    """
    files: dict[str, str] = {}
    total = 0
    for name, content in pipeline_folder.snapshot(folder):
        total += len(content)
        if len(files) == MAX_FILES or total > MAX_SNAPSHOT:
            raise TooLarge(
                f"The folder has more than {MAX_FILES} files, or {MAX_SNAPSHOT // 2**20} MiB, "
                "that would belong to the pipeline. Move the pipeline to its own folder, or "
                f"list what it doesn't need in {IGNORE_FILE}.",
                code="snapshot_too_large",
            )
        files[name] = base64.b64encode(content).decode("ascii")
    return {"names": list(files), "files": files}
