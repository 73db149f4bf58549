"""Endpoints of a user's Jupyter server for the kernels that run attempts of their pipelines.

``POST workbench/attempts/{id}`` with a snapshot as its body starts one, ``GET workbench/attempts``
lists them, ``DELETE workbench/attempts/{id}`` ends one. ``PUT …/{id}/inputs/{task}/{name}`` writes a file
to its folder, ``GET …/{id}/outputs`` lists the files that its notebook left, and
``GET …/{id}/outputs/{name}`` sends one of them. A worker calls them through the Hub's proxy, with a token
for this server. The user may call them too: whatever runs here is theirs.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
from typing import IO, Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import iostream, web
from tornado.ioloop import IOLoop

from ..kit.errors import InvalidInput, NotSignedIn, TooLarge, Unavailable, WorkbenchError
from . import PIPELINES_SERVER, files
from .kernels import AttemptKernels

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KERNEL = re.compile(r"[A-Za-z0-9._-]{1,100}")


def mount(server: ServerApp, base: str) -> AttemptKernels:
    """Adds the endpoints to a Jupyter server."""
    # A user's normal server has better uses for the memory.
    keep_spare = os.environ.get("JUPYTERHUB_SERVER_NAME") == PIPELINES_SERVER
    attempts = AttemptKernels(server.kernel_manager, spare=keep_spare)
    atexit.register(attempts.close_now)
    path = url_path_join(base, "/workbench/attempts")
    arguments = {"attempts": attempts}
    assert server.web_app is not None
    server.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$",
        [
            (path, AttemptsHandler, arguments),
            (rf"{path}/([^/]+)", AttemptHandler, arguments),
            (rf"{path}/([^/]+)/inputs/([^/]+)/([^/]+)", InputHandler, arguments),
            (rf"{path}/([^/]+)/outputs", OutputsHandler, arguments),
            (rf"{path}/([^/]+)/outputs/([^/]+)", OutputHandler, arguments),
        ],
    )
    return attempts


class ServerHandler(JupyterHandler):
    """The base of our endpoints in a user's server: JSON, with errors in the API's shape."""

    def get_login_url(self) -> str:
        """Answers 401 instead of redirecting to a sign-in page: this is an API."""
        raise web.HTTPError(401)

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        """Answers with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Sends every error in the API's shape."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, WorkbenchError):
            status_code = error.status
        elif status_code in (401, 403) and not self.current_user:
            error = NotSignedIn("Send a token that opens this server.", code="not_signed_in")
        else:
            error = WorkbenchError(self._reason or "The request was refused.", code="http_error")
        self.answer(error.to_wire(), status_code)

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        if not isinstance(error, WorkbenchError):
            super().log_exception(kind, error, trace)

    def compute_etag(self) -> str | None:
        return None


class _Handler(ServerHandler):
    # The permission for kernels covers these endpoints.
    auth_resource = "kernels"

    def initialize(self, attempts: AttemptKernels) -> None:
        self.attempts = attempts

    def _header(self, name: str, pattern: re.Pattern[str]) -> str:
        return _checked(f"The header {name}", pattern, self.request.headers.get(name, ""))


class AttemptsHandler(_Handler):
    """The collection of attempts."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Lists attempts: their fences and kernels, and whether each kernel's process is alive."""
        self.answer({"items": [attempt.view() for attempt in self.attempts.all()]})


class AttemptHandler(_Handler):
    """One attempt."""

    @web.authenticated
    @authorized
    async def get(self, attempt_id: str) -> None:
        """Shows an attempt."""
        self.answer(self.attempts.get(attempt_id).view())

    @web.authenticated
    @authorized
    async def post(self, attempt_id: str) -> None:
        """Starts an attempt's kernel, once older attempts of the same task run are gone."""
        fence = self._header("Workbench-Fence", re.compile(r"[0-9]{1,18}"))
        attempt = await self.attempts.start(
            _checked("The attempt's id", _ID, attempt_id),
            self._header("Workbench-Task-Run", _ID),
            int(fence),
            self._header("Workbench-Kernel", _KERNEL),
            self.request.body,
            unquote(self.request.headers.get("Workbench-Folder", "")),
        )
        started = {
            "kernel_id": attempt.kernel.id,
            "folder": str(attempt.folder),
            "packages": attempt.packages,
        }
        self.answer(started, 201)

    @web.authenticated
    @authorized
    async def delete(self, attempt_id: str) -> None:
        """Ends an attempt's kernel and removes its folder.

        With ``?now=1`` the kernel is killed, and is gone when this answers; otherwise it is asked to
        shut down, and killed two seconds later.
        """
        if self.get_argument("now", "") == "1":
            await self.attempts.end(attempt_id, now=True)
            self.answer({})
        else:
            self.attempts.end_soon(attempt_id)
            self.answer({}, 202)


@web.stream_request_body
class InputHandler(_Handler):
    """Receives an artifact of an earlier task into an attempt's folder."""

    def initialize(self, attempts: AttemptKernels) -> None:
        super().initialize(attempts)
        self._open = contextlib.ExitStack()
        self._file: IO[bytes] | None = None
        self._left = 0
        self._refused: Exception | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        """Opens the file. The body of a refused request is read and discarded."""
        await super().prepare()
        if self.request.method != "PUT":
            return
        try:
            opening = self._begin(*self.path_args)
            assert opening is not None
            await opening
        except (WorkbenchError, web.HTTPError) as error:
            # Answering before the end of the body would break the connection.
            self._refused = error

    @web.authenticated
    @authorized
    async def _begin(self, attempt_id: str, task: str, name: str) -> None:
        folder = self.attempts.get(attempt_id).folder
        _checked("The task", files.TASK, task)
        _checked("The file's name", files.NAME, name)
        self._left = int(self._header("Content-Length", re.compile(r"[0-9]{1,18}")))
        if self._left > files.MAX_INPUT_BYTES:
            raise TooLarge(
                f"Input files may be at most {files.MAX_INPUT_BYTES // 2**20:,} MiB.",
                code="inputs_too_large",
            )
        self.request.connection.set_max_body_size(files.MAX_INPUT_BYTES)  # type: ignore[union-attr]
        self._file = self._open.enter_context(files.new_input(folder, task, name))

    def data_received(self, chunk: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(chunk)
            self._left -= len(chunk)
        except OSError as error:
            self._refused = Unavailable(
                "The disk of the notebook server is full or failing.",
                code="storage_full",
            )
            self._give_up(error)

    @web.authenticated
    @authorized
    async def put(self, attempt_id: str, task: str, name: str) -> None:
        """Confirms that the file is complete."""
        if self._refused is not None:
            raise self._refused
        if self._left:
            raise InvalidInput("Only part of the file arrived.", code="incomplete")
        self._file = None
        self._open.close()
        self.answer({"path": f"{files.INPUTS}/{task}/{name}"}, 201)

    def on_finish(self) -> None:
        self._give_up(ConnectionError("refused"))

    def on_connection_close(self) -> None:
        self._give_up(ConnectionError("the client has gone"))
        super().on_connection_close()

    def _give_up(self, error: Exception) -> None:
        """Removes an incomplete file."""
        if self._file is not None:
            self._file = None
            with contextlib.suppress(WorkbenchError, type(error)):
                self._open.__exit__(type(error), error, None)


class OutputsHandler(_Handler):
    """The files that a notebook left for later tasks."""

    @web.authenticated
    @authorized
    async def get(self, attempt_id: str) -> None:
        """Lists the entries of the folder ``outputs``, at most 100."""
        folder = self.attempts.get(attempt_id).folder
        found = await IOLoop.current().run_in_executor(None, files.output_files, folder)
        self.answer({"items": [each.view() for each in found]})


class OutputHandler(_Handler):
    """One of these files."""

    @web.authenticated
    @authorized
    async def get(self, attempt_id: str, name: str) -> None:
        """Sends the file in chunks, byte for byte."""
        folder = self.attempts.get(attempt_id).folder
        loop = IOLoop.current()
        file, size = await loop.run_in_executor(None, files.open_output, folder, name)
        with file:
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Disposition", "attachment")
            self.set_header("X-Content-Type-Options", "nosniff")
            self.set_header("Cache-Control", "no-store")
            self.set_header("Content-Length", str(size))
            with contextlib.suppress(iostream.StreamClosedError):
                while size > 0:
                    length = min(size, files.PIECE)
                    piece = await loop.run_in_executor(None, file.read, length)
                    if not piece:
                        break  # the file shrank: the short response tells the client
                    size -= len(piece)
                    self.write(piece)
                    await self.flush()


def _checked(what: str, pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise InvalidInput(f"{what} must match {pattern.pattern}.", code="invalid_field")
    return value
