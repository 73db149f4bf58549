"""Users' servers for notebooks of pipelines, which the Hub starts for a worker.

Each user has one, a named server at the Hub. It is started on demand and stopped after it has been idle
for a while. Only the worker's token may start it, and the Hub limits their number; see
``hub/wb_hub/notebook_servers.py``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

import httpx

from ..kit.endpoint import HangUp
from ..kit.errors import Unavailable
from ..kit.failure import TaskFailed
from ..kit.http import configured_client
from ..pipelines.kernels.base import Server
from ..user_server import PIPELINES_SERVER

_log = logging.getLogger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
# A failed spawn may succeed on the second try: a node was full, or an image wasn't pulled yet.
_TRIES = 2


class HubServers:
    """Asks the Hub's API. Safe from any thread.

    Args:
        api_url: the Hub's API, such as ``http://hub:8081/hub/api``.
        token: a service's token, with ``servers``, ``access:servers`` and ``read:servers``.
        proxy_url: where users' servers are reached, without their own path.
        start_seconds: maximum wait for a server to start, including the wait for a free slot.
    """

    def __init__(
        self, api_url: str, token: str, proxy_url: str, *, start_seconds: float = 120.0
    ) -> None:
        self._headers = {"Authorization": f"token {token}"}
        self._proxy_url = proxy_url.rstrip("/")
        self._start_seconds = start_seconds
        self._http = configured_client(api_url, headers=self._headers, timeout=30)

    def acquire(
        self,
        user: str,
        *,
        again: bool,
        deadline: float,
        hang_up: HangUp,
        log: Callable[[str], None],
    ) -> Server:
        """See ``NotebookServers``."""
        gone = threading.Event()
        hang_up.then(gone.set)
        until = min(deadline, time.monotonic() + self._start_seconds)
        wait, tries, full = _FIRST_WAIT, 0, False
        if again:
            # The Hub checks a server every few seconds, and at once when asked to start it.
            self._start(user)
        while True:
            model = self._model(user)
            if model is not None and model["ready"]:
                return self._server(model)
            if model is None or not model["pending"]:
                if tries == _TRIES:
                    raise TaskFailed(
                        "server_not_started",
                        "The owner's notebook server did not start; the Hub's log says why.",
                    )
                answer = self._start(user)
                if answer == "full" and not full:
                    log("The limit of notebook servers is reached; waiting for one to stop.")
                elif answer == "starts" and tries == 0:
                    log("Starting the owner's notebook server.")
                full = answer == "full"
                tries += answer == "starts"
            if time.monotonic() > until:
                raise TaskFailed(
                    "no_server_free" if full else "server_not_started",
                    "The limit of notebook servers is reached, and none stopped within "
                    f"{self._start_seconds:.0f} s."
                    if full
                    else "The owner's notebook server did not start within "
                    f"{self._start_seconds:.0f} s.",
                )
            if gone.wait(wait):
                raise TaskFailed("stopped", "The notebook was stopped.", retry=False)
            wait = min(wait * 1.5, _LONGEST_WAIT)

    def running(self, user: str) -> Server | None:
        """See ``NotebookServers``."""
        model = self._model(user)
        return self._server(model) if model is not None and model["ready"] else None

    def close(self) -> None:
        """Closes the connections to the Hub."""
        self._http.close()

    def _server(self, model: dict[str, Any]) -> Server:
        path = model["url"].rstrip("/")
        # With a domain per user it is already a full URL.
        own = path.startswith(("http://", "https://"))
        return Server(path if own else f"{self._proxy_url}{path}", self._headers)

    def _model(self, user: str) -> dict[str, Any] | None:
        """The Hub's model of a user's server; ``None`` if there never was one."""
        answer = self._ask("GET", user)
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise _refused(answer)
        model: dict[str, Any] = answer.json()
        return model

    def _start(self, user: str) -> Literal["starts", "full", "busy"]:
        """Asks the Hub to start a server; ``busy`` if it is already running, starting or stopping."""
        answer = self._ask("POST", user)
        if answer.status_code == 404:
            raise TaskFailed(
                "unknown_owner",
                f"The Hub has no user {user}: notebooks need a user's server.",
                retry=False,
            )
        if answer.status_code == 429:
            return "full"
        # 500 and above: the spawner failed.
        if answer.status_code not in (201, 202, 400) and answer.status_code < 500:
            raise _refused(answer)
        if answer.status_code >= 400:
            _log.info("the Hub didn't start it: %s %s", answer.status_code, answer.text[:200])
        return "busy" if answer.status_code == 400 else "starts"

    def _ask(self, method: str, user: str) -> httpx.Response:
        path = f"/users/{quote(user, safe='')}/servers/{PIPELINES_SERVER}"
        try:
            return self._http.request(method, path)
        except httpx.HTTPError as error:
            raise Unavailable("The Hub does not answer; try again.", code="hub_down") from error


def _refused(answer: httpx.Response) -> Exception:
    return TaskFailed(
        "hub_refused",
        f"The Hub refused to start a notebook server for the worker (HTTP {answer.status_code}). "
        "The worker's token may lack a right; the Hub's log says why.",
    )
