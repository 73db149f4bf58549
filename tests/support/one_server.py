"""One server, run as root: the Hub as root, the service and every user as a system user.

It follows the instructions of ``docs/trust.md`` for administrators. System users are created for the
test and removed afterwards, and all files are in one temporary folder.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from running_hub import REPO

from wb_hub.data_dir import DataDir

from .command import start
from .people import SERVICE, People
from .ports import free_port
from .wait import wait_for

_READY_SECONDS = 60
_LOW_PORTS = range(600, 1024)


@dataclass
class OneServer:
    """A started Hub.

    Attributes:
        base: The folder with everything; anyone may enter it.
        data_dir: The service's folder.
        hub_dir: The Hub's folder.
        log: The output of the Hub and its children.
        accounts: The users' system users, by their short names in tests.
        service_account: The service's system user.
    """

    base: Path
    url: str
    hub_port: int
    proxy_api_port: int
    service_port: int
    accounts: dict[str, pwd.struct_passwd]
    service_account: pwd.struct_passwd
    process: subprocess.Popen[bytes]
    people: People = field(default_factory=lambda: People("", ""))

    @property
    def data_dir(self) -> Path:
        return self.base / "data"

    @property
    def hub_dir(self) -> Path:
        return self.base / "hub"

    @property
    def log(self) -> Path:
        return self.base / "log"

    def find(self, *words: str, account: pwd.struct_passwd | None = None) -> psutil.Process:
        """The only process of this Hub with these words in its command line, and this system user."""

        def found() -> list[psutil.Process]:
            return [
                process
                for process in psutil.Process(self.process.pid).children(recursive=True)
                if all(word in " ".join(process.cmdline()) for word in words)
                and (account is None or process.uids().real == account.pw_uid)
            ]

        (only,) = wait_for(found)
        return only


@contextlib.contextmanager
def one_server(names: Sequence[str]) -> Iterator[OneServer]:
    """Runs a Hub as root while the block runs, with a system user for each short name."""
    with contextlib.ExitStack() as stack:
        # Not pytest's folder, which only its user may enter.
        base = Path(tempfile.mkdtemp(prefix="wb-one-"))
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        base.chmod(0o755)
        mark = secrets.token_hex(3)
        service = stack.enter_context(_account(f"wb-{mark}-service", base, system=True))
        people = {name: stack.enter_context(_account(f"wb-{mark}-{name}", base)) for name in names}
        _first_start(base / "data")
        (base / "data" / "hub").rename(base / "hub")
        subprocess.run(["chown", "-R", f"{service.pw_name}:", str(base / "data")], check=True)
        (base / "run").mkdir()
        (base / "run").chmod(0o711)
        # A deployment's own configuration: here, a token with which the test manages users.
        (base / "hub" / "jupyterhub_config.d").mkdir(mode=0o700)
        token = secrets.token_hex(16)
        (base / "hub" / "jupyterhub_config.d" / "test.py").write_text(
            _CONFIG.format(token=token, scopes=_SCOPES)
        )
        ports = {
            "WB_PORT": free_port(),
            "WB_HUB_PORT": _low_port(),
            "WB_SERVICE_PORT": free_port(),
        }
        ports["WB_PROXY_API_PORT"] = _low_port(besides=ports["WB_HUB_PORT"])
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WB_", "JUPYTER", "PYTHON"))
        }
        env |= {name: str(port) for name, port in ports.items()}
        env |= {
            "WB_DATA_DIR": str(base / "data"),
            "WB_HUB_DIR": str(base / "hub"),
            "WB_RUNTIME_DIR": str(base / "run"),
            "WB_SPAWNER": "local",
            "WB_SERVICE_USER": service.pw_name,
            "WB_ISOLATED": "1",
            # Only for tests: nothing is left behind if the test run is killed.
            "WB_TETHER": "1",
        }
        # A file that only root may read, as many administrators keep logs.
        with open(base / "log", "ab", opener=_private) as log:
            process = subprocess.Popen(
                [*passage(base), sys.executable, "-P", "-m", "wb_hub.quick", "jupyterhub", "-f",
                 str(REPO / "jupyterhub_config.py")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=base / "hub",
                env=env,
                start_new_session=True,
            )  # fmt: skip
        stack.callback(_stop, process)
        it = OneServer(
            base,
            f"http://127.0.0.1:{ports['WB_PORT']}",
            ports["WB_HUB_PORT"],
            ports["WB_PROXY_API_PORT"],
            ports["WB_SERVICE_PORT"],
            people,
            service,
            process,
        )
        it.people = People(it.url, token)
        wait_for(lambda: _ready(it), _READY_SECONDS)
        yield it


_SCOPES = [
    "access:servers",
    "admin:groups",
    "admin:servers",
    "admin:users",
    "list:services",
    "proxy",
    "shutdown",
    "tokens",
    *SERVICE,
]
_CONFIG = """\
c.JupyterHub.services.append({{"name": "test", "api_token": {token!r}}})
c.JupyterHub.load_roles.append({{"name": "test", "services": ["test"], "scopes": {scopes}}})
"""


def _first_start(data_dir: Path) -> None:
    """Prepares a new data folder as ``./wb up`` does, without starting anything."""
    data = DataDir(data_dir)
    data.prepare()
    data.master_key(data_dir / "master.key", needed=False)
    data.first_admin()
    migrate = start(["migrate", "--data-dir", data_dir], os.environ)
    text, _ = migrate.communicate(60)
    assert migrate.returncode == 0, text


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _ready(server: OneServer) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    with (
        contextlib.suppress(httpx.TransportError),
        httpx.Client(trust_env=False, verify=False) as http,
    ):
        paths = ("/hub/health", "/services/workbench/api/v1/health")
        return all(http.get(f"{server.url}{path}").status_code == 200 for path in paths)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        known = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for left in psutil.wait_procs(known, timeout=10)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        psutil.wait_procs(known, timeout=5)


@contextlib.contextmanager
def _account(name: str, base: Path, *, system: bool = False) -> Iterator[pwd.struct_passwd]:
    """Creates a system user while the block runs."""
    kind = (
        ["--system", "--no-create-home", "--home-dir", str(base / "data")]
        if system
        else ["--create-home", "--key", "HOME_MODE=0700", "--home-dir", str(base / name)]
    )
    command = ["useradd", *kind, "--shell", "/bin/sh", "--user-group", name]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield pwd.getpwnam(name)
    finally:
        subprocess.run(["userdel", name], check=True, capture_output=True)


def _low_port(besides: int = 0) -> int:
    """A free port that only root may listen on."""
    for port in _LOW_PORTS:
        with socket.socket() as probe:
            if port != besides and probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port below 1024")


def passage(base: Path) -> list[str]:
    """A command prefix that lets other users reach this environment's Python.

    The environment, or the Python that it was created with, may be in a private home. The command
    then gets its own mount namespace, in which just these folders are reachable; nothing changes for
    other processes.
    """
    needed = {Path(path).resolve() for path in (REPO, sys.prefix, sys.base_prefix)}
    closed: dict[Path, list[Path]] = {}
    for path in sorted(needed):
        for above in reversed(path.parents):
            if not above.stat().st_mode & 0o001:
                closed.setdefault(above, []).append(path)
                break
    if not closed:
        return []
    lines = []
    for number, (folder, paths) in enumerate(closed.items()):
        held = [base / f"passage-{number}-{index}" for index in range(len(paths))]
        for hold, path in zip(held, paths, strict=True):
            lines += [f"mkdir '{hold}'", f"mount --bind '{path}' '{hold}'"]
        lines.append(f"mount -t tmpfs -o mode=0755 tmpfs '{folder}'")
        for hold, path in zip(held, paths, strict=True):
            lines += [f"mkdir -p '{path}'", f"mount --move '{hold}' '{path}'", f"rmdir '{hold}'"]
    script = "\n".join(["set -e", "umask 022", *lines, 'exec "$@"'])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "passage"]
