"""Services beside the Hub's own, which tests can kill, restart, and run several of at once.

The shared Hub identifies callers, as it does for its own service; folder, database and key belong to
the test.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from wb_server.governance.secrets import vault
from wb_server.settings import Settings

from .api import Api
from .command import Command, start
from .metadata import migrate_new
from .people import People
from .ports import free_port
from .wait import wait_for


@dataclass
class Installation:
    """A data folder with its key and its migrated database, and the services on it.

    Attributes:
        environment: the settings, for services and commands.
    """

    people: People
    folder: Path
    environment: dict[str, str]
    services: list[Service] = field(default_factory=list)

    @property
    def key_file(self) -> Path:
        return self.folder / "master.key"

    def command(self, *arguments: str, output: int | None = None) -> Command:
        """Starts a ``wb`` command with this installation's settings."""
        return start(arguments, self.environment, output)

    def run(self, *arguments: str, status: int = 0) -> str:
        """Runs a command and returns its output."""
        process = self.command(*arguments)
        output, _ = process.communicate(timeout=100)
        assert process.returncode == status, output
        return output

    def start(self) -> Service:
        """Starts another service and waits until it answers."""
        port = free_port()
        environment = {
            **self.environment,
            **_identity(self.people),
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        }
        with (self.folder / "service.log").open("ab") as log:
            process = start(["service"], environment, log)
        service = Service(self, process, f"http://127.0.0.1:{port}/services/workbench")
        self.services.append(service)
        wait_for(service.answers, 60)
        return service


@dataclass
class Service:
    """One running service."""

    installation: Installation
    process: Command
    url: str

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(httpx.TransportError):
            return (
                httpx.get(f"{self.url}/api/v1/health", trust_env=False, verify=False).status_code
                == 200
            )
        return False

    def log(self) -> str:
        """The output of all services of the installation."""
        return (self.installation.folder / "service.log").read_text()

    def api(self, name: str) -> Api:
        """This service's API as a user."""
        return Api(self.url, self.installation.people.token(name))

    def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Stops it with a signal."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        self.process.wait(30)


@contextlib.contextmanager
def installation(
    people: People, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Creates an installation, whose services end with the block; starts no service."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WB_", "WORKBENCH_", "JUPYTER"))
    }
    environment |= {"WB_DATA_DIR": str(folder), "WB_ALLOW_LOOPBACK": "1", **(settings or {})}
    folder.mkdir(mode=0o700, exist_ok=True)
    it = Installation(people, folder, environment)
    vault.generate(it.key_file)
    migrate_new(Settings.from_environment(environment).database)
    try:
        yield it
    finally:
        for service in it.services:
            service.end()


def _identity(people: People) -> dict[str, str]:
    """The variables that the Hub sets for its own service: its address and a token."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found = {n: v for n, v in process.environ().items() if n.startswith("JUPYTERHUB_")}
            if found.get("JUPYTERHUB_SERVICE_NAME") == "workbench" and _knows(people, found):
                return found
    raise AssertionError("the Hub runs no service")


def _knows(people: People, found: Mapping[str, str]) -> bool:
    # Other Hubs on this machine reject the token.
    answer = httpx.get(
        f"{people.url}/hub/api/user",
        headers={"Authorization": f"token {found.get('JUPYTERHUB_API_TOKEN')}"},
        trust_env=False,
        verify=False,
    )
    return answer.status_code == 200
