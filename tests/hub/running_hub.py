"""A real ``./wb up`` for tests: on a free port, in its own data folder, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

REPO = Path(__file__).resolve().parents[2]
READY_SECONDS = 120

_READY = re.compile(r"The Workbench is ready after \d+ s: (http://\S+)")
_PASSWORD = re.compile(r"^\s+Password:\s+(\S+)$")
LAST_LINE = "Ctrl-C stops everything."


class NotStarted(Exception):
    """``./wb up`` exited before it was ready; the message has its whole output."""

    def __init__(self, status: int, output: str) -> None:
        super().__init__(f"status {status}\n{output}")
        self.status = status
        self.output = output


@dataclass
class Running:
    """A started Workbench.

    Attributes:
        url: Its address, without a trailing slash.
        admin_password: Printed by a first start only; else None.
        seconds: From the start of the process until it reported that it is ready.
        lines: The lines it has printed so far.
    """

    process: subprocess.Popen[str]
    data_dir: Path
    pid: int = 0
    url: str = ""
    admin_password: str | None = None
    seconds: float = 0.0
    lines: list[str] = field(default_factory=list)
    reader: threading.Thread = field(default_factory=threading.Thread)

    def descendants(self) -> list[psutil.Process]:
        """All of its descendant processes."""
        return psutil.Process(self.pid).children(recursive=True)

    def __getstate__(self) -> dict[str, object]:
        """Pickled for another process of the test run, which can't stop it."""
        return {**vars(self), "process": None, "reader": None}

    def log(self) -> str:
        """The Hub's log, with the service's and the users' servers' lines."""
        return (self.data_dir / "logs" / "hub.log").read_text(encoding="utf-8", errors="replace")

    def stop(self, sign: signal.Signals = signal.SIGINT, timeout: float = 60) -> int:
        """Signals it to stop, waits, and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        status = self.process.wait(timeout)
        self.reader.join(timeout)
        return status


def _read(running: Running, lines: queue.Queue[str | None]) -> None:
    assert running.process.stdout is not None
    with running.process.stdout as output:
        for line in output:
            running.lines.append(line.rstrip("\n"))
            lines.put(running.lines[-1])
    lines.put(None)


def command(data_dir: Path, *args: str, port: int = 0) -> list[str]:
    """The command line of ``wb up``."""
    up = [sys.executable, "-P", "-m", "wb_hub.up"]
    return [*up, "--port", str(port), "--data-dir", str(data_dir), *args]


def launch(
    data_dir: Path, *args: str, env: Mapping[str, str] | None = None, port: int = 0
) -> Running:
    """Starts ``wb up`` and waits until it is ready.

    Runs the module with this environment's Python, as ``./wb up`` does once everything is installed.

    Args:
        args: Further options of ``wb up``.
        env: Variables added to this process's environment.

    Raises:
        NotStarted: It exited instead.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        command(data_dir, *args, port=port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={**os.environ, **(env or {})},
        # A session of its own: a test's signals, or Ctrl-C for the test run, must not reach both.
        start_new_session=True,
    )
    running = Running(process, data_dir, process.pid)
    lines: queue.Queue[str | None] = queue.Queue()
    running.reader = threading.Thread(target=_read, args=(running, lines), daemon=True)
    running.reader.start()
    try:
        while True:
            line = lines.get(timeout=max(0.1, start + READY_SECONDS - time.monotonic()))
            if line is None:
                raise NotStarted(process.wait(), "\n".join(running.lines))
            if found := _READY.search(line):
                running.url = found[1]
                running.seconds = time.monotonic() - start
            elif found := _PASSWORD.match(line):
                running.admin_password = found[1]
            elif line == LAST_LINE:
                return running
    except BaseException:
        running.stop(signal.SIGTERM)
        raise


@contextlib.contextmanager
def start_up(
    data_dir: Path, *args: str, env: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[Running]:
    """A Workbench for the length of a ``with`` block; see :func:`launch`."""
    running = launch(data_dir, *args, env=env, port=port)
    try:
        yield running
    finally:
        running.stop()


def until(condition, seconds: float = 30, what: str = "the condition"):  # type: ignore[no-untyped-def]
    """Waits until ``condition()`` is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Browser:
    """An HTTP client that acts like a browser: cookies, redirects, the XSRF field of forms."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(
            base_url=url, follow_redirects=True, timeout=90, trust_env=False, verify=False
        )

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *raised: object) -> None:
        self.http.close()

    def xsrf(self, path: str = "/hub/") -> str:
        """The XSRF token of ``path``: the Hub and each server have their own."""
        found = [c for c in self.http.cookies.jar if c.name == "_xsrf" and c.path == path]
        return found[0].value or "" if found else ""

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Submits a form of the Hub."""
        return self.http.post(
            path, data=fields | {"_xsrf": self.xsrf()}, headers={"Sec-Fetch-Mode": "navigate"}
        )

    def sign_in(self, name: str, password: str) -> httpx.Response:
        """Submits the sign-in page; returns the page that it leads to."""
        self.http.get("/hub/login", headers={"Sec-Fetch-Mode": "navigate"})
        # An explicit next page: by default, signing in starts the user's server.
        return self.post("/hub/login?next=%2Fhub%2Ftoken", username=name, password=password)

    def sign_up(self, name: str, password: str) -> httpx.Response:
        self.http.get("/hub/signup", headers={"Sec-Fetch-Mode": "navigate"})
        return self.post(
            "/hub/signup",
            username=name,
            signup_password=password,
            signup_password_confirmation=password,
        )

    def signed_in(self) -> str | None:
        """The name of the signed-in user, according to the Hub."""
        answer = self.api("GET", "/user")
        return str(answer.json()["name"]) if answer.status_code == 200 else None

    def api(self, method: str, path: str, **more: object) -> httpx.Response:
        """Calls the Hub's REST API as the Hub's own pages do."""
        return self.http.request(
            method,
            f"/hub/api{path}",
            headers={"X-XSRFToken": self.xsrf(), "Referer": f"{self.url}/hub/home"},
            **more,  # type: ignore[arg-type]
        )

    def start_server(self, name: str) -> None:
        """Starts the user's server and waits until it answers."""
        answer = self.api("POST", f"/users/{name}/server")
        assert answer.status_code in {201, 202}, answer.text
        until(
            lambda: self.api("GET", f"/users/{name}").json()["servers"].get("", {}).get("ready"),
            90,
            f"the server of {name} is ready",
        )
        # The first page goes through the Hub and sets the server's own cookies.
        assert self.http.get(f"/user/{name}/api/status").status_code in {200, 403}
        self.http.get(f"/user/{name}/lab", headers={"Sec-Fetch-Mode": "navigate"})

    def server(self, method: str, name: str, path: str, **more: object) -> httpx.Response:
        """Calls the REST API of the user's Jupyter server."""
        base = f"/user/{name}/"
        return self.http.request(
            method,
            f"{base}{path}",
            headers={"X-XSRFToken": self.xsrf(base)},
            **more,  # type: ignore[arg-type]
        )
