"""``./wb up``: the whole Workbench on one machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import errno
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import psutil

from wb_hub import settings
from wb_hub.data_dir import DataDir, FirstAdmin, Refused
from wb_hub.settings import REDIS_SERVER, REPO
from wb_hub.supervise import HubProcess, Log, StopRequest

_READY_SECONDS = 120
_TURN_SECONDS = 0.5
# A service that ends more often than this within this time is considered broken.
_ENDS, _ENDS_SECONDS = 10, 300.0
_NOTICE = (
    "Users are isolated neither from each other nor from the service in this mode: whoever can "
    "run a cell can read the key. For one machine and evaluation."
)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wb up", description="Start the Workbench on this machine."
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="public port; 0 picks a free one (default: 8000)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=settings.from_env().data_dir,
        help="folder for databases, keys and files (default: %(default)s)",
    )
    parser.add_argument(
        "--sample", action="store_true", help="create a sample warehouse and a connection to it"
    )
    parser.add_argument("--verbose", action="store_true", help="show the Hub's whole log")
    return parser.parse_args(argv)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def check_port(host: str, port: int) -> None:
    """Refuses an address that can't be listened on.

    Raises:
        Refused: The port is taken or not allowed, or the address isn't this machine's.
    """
    if not 0 < port < 65536:
        raise Refused(f"{port} isn't a port: choose one from 1 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # With the option above two sockets may bind, but only one may listen.
            probe.listen(1)
        except PermissionError:
            raise Refused(
                f"Port {port} needs more privileges. Choose one above 1023: --port 8000"
            ) from None
        except (OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise Refused(
                    f"Port {port} on {host} is in use. Choose another: --port {port + 1}"
                ) from None
            reason = getattr(error, "strerror", None) or error
            raise Refused(f"{host} port {port} can't be listened on: {reason}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _environment(arguments: argparse.Namespace, data: DataDir, runtime: Path) -> dict[str, str]:
    hub_port, proxy_api_port, service_port = _free_ports(3)
    env = dict(os.environ)
    for name in (
        "PYTHONPATH",
        "PYTHONHOME",
        "JUPYTERHUB_API_TOKEN",
        "CONFIGPROXY_AUTH_TOKEN",
        "WB_HUB_DIR",
    ):
        env.pop(name, None)
    env.setdefault("WB_KEY_FILE", str(data.path / "master.key"))
    env.setdefault("WB_DATABASE_URL", f"sqlite:///{data.database}")
    env.setdefault("WB_FILE_ROOTS", str(data.files))
    env.setdefault("WB_ALLOW_LOOPBACK", "1")
    # On platforms without a build of Redis, the service runs pipelines itself, except notebooks.
    embeds = REDIS_SERVER.exists() and not env.get("WB_SERVICE_USER")
    if not env.get("WB_REDIS_URL") and embeds:
        socket_path = str(runtime / "redis.sock")
        env |= {"WB_REDIS_URL": f"unix://{socket_path}", "WB_REDIS_SOCKET": socket_path}
    env |= {
        "WB_DATA_DIR": str(data.path),
        "WB_MODE": "hub",
        "WB_ISOLATED": "0",
        "WB_HOST": arguments.host,
        "WB_PORT": str(arguments.port),
        "WB_HUB_PORT": str(hub_port),
        "WB_PROXY_API_PORT": str(proxy_api_port),
        "WB_SERVICE_PORT": str(service_port),
        "WB_RUNTIME_DIR": str(runtime),
        "WB_TETHER": "1",
        "PYTHONNOUSERSITE": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}",
    }
    return env


def _run(title: str, command: list[str], env: dict[str, str], log: Path) -> None:
    """Runs a short command; its output goes to the log and, if it fails, to the terminal."""
    done = subprocess.run(
        [sys.executable, "-P", *command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    with log.open("ab") as file:
        file.write(done.stdout)
    if done.returncode:
        text = done.stdout.decode("utf-8", "replace").strip().splitlines()[-20:]
        if text and text[-1].startswith("wb: "):
            # The command's own error message, in one line.
            raise Refused(text[-1].removeprefix("wb: "))
        raise Refused(
            "\n".join([*text, f"{title} failed (status {done.returncode}). The whole log: {log}"])
        )


def _sample(data: DataDir, env: dict[str, str], log: Path) -> None:
    folder = data.files / "sample"
    if not folder.exists():
        part = data.files / ".sample-part"
        shutil.rmtree(part, ignore_errors=True)
        _run(
            "Creating the sample data",
            [str(REPO / "examples/sample/generate.py"), str(part)],
            env,
            log,
        )
        part.rename(folder)
    _run(
        "Adding the connection sample", ["-m", "wb_hub.quick", "wb_server.cli", "sample"], env, log
    )


def _answers(url: str) -> bool:
    # Bypasses any proxy that the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _local_url(host: str, port: int) -> str:
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  asks, doesn't listen
    return f"http://[{reach}]:{port}" if ":" in reach else f"http://{reach}:{port}"


def _wait_ready(hub: HubProcess, log: Log, request: StopRequest, urls: Sequence[str]) -> bool:
    """Waits until all of ``urls`` answer, in this order; False if asked to stop meanwhile."""
    waiting = list(urls)
    until = time.monotonic() + _READY_SECONDS
    while waiting:
        if request.asked:
            return False
        log.show_new()
        if hub.status is not None:
            raise Refused(
                f"{log.tail()}\n\nThe Hub ended (status {hub.status}). The whole log: {log.path}"
            )
        if time.monotonic() > until:
            raise Refused(
                f"{log.tail()}\n\n{waiting[0]} did not respond within {_READY_SECONDS} seconds. "
                f"The whole log: {log.path}"
            )
        if _answers(waiting[0]):
            waiting.pop(0)
        else:
            request.wait(0.1)
    return True


def _summary(url: str, data: DataDir, admin: FirstAdmin | None, seconds: float) -> None:
    print(f"\nThe Workbench is ready after {seconds:.0f} s: {url}\n")
    if admin:
        print(f"  Sign in as:  {admin.name}")
        print(f"  Password:    {admin.password}")
        print("  It is shown only once. Change it: sign in, then Change password in the top bar.\n")
    print(f"  Data folder: {data.path}")
    print(f"  Log:         {data.logs / 'hub.log'}")
    print(f"\n{_NOTICE}\nCtrl-C stops everything.", flush=True)


def _watch(hub: HubProcess, log: Log, request: StopRequest, managed: bool) -> None:
    """Watches the Hub and the service until the request to stop.

    The Hub restarts the service when it ends. If it doesn't come back, or keeps ending, we give up.
    """
    service = hub.service() if managed else None
    ends: list[float] = []
    while not request.wait(_TURN_SECONDS):
        log.show_new()
        hub.reap()
        if hub.status is not None:
            raise Refused(
                f"{log.tail()}\n\nThe Hub ended (status {hub.status}). The whole log: {log.path}"
            )
        if not managed or (service is not None and _runs(service)):
            continue
        now = time.monotonic()
        if service is not None or not ends:
            ends = [*(end for end in ends if now - end < _ENDS_SECONDS), now]
            print(f"{log.tail(5)}\nThe service ended; the Hub restarts it.", file=sys.stderr)
        service = hub.service()
        if len(ends) > _ENDS or (service is None and now - ends[-1] > _READY_SECONDS):
            raise Refused(f"{log.tail()}\n\nThe service ended. The whole log: {log.path}")
        if service is not None:
            print("The service is running again.", file=sys.stderr, flush=True)


def _say(line: str) -> None:
    # The reader may be gone: a terminal that hung up, or `| tee` at Ctrl-C.
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def up(arguments: argparse.Namespace, request: StopRequest) -> None:
    """Starts everything, waits for the request to stop, stops everything.

    Raises:
        Refused: It can't start, or a part of it ended.
    """
    start = time.monotonic()
    if arguments.port == 0:
        (arguments.port,) = _free_ports(1)
    data = DataDir(arguments.data_dir.expanduser().resolve())
    managed = not os.environ.get("WB_SERVICE_URL")
    with contextlib.ExitStack() as stack:
        if (data.hub / "lock").exists():
            # An earlier Workbench that was killed may still be ending, and hold the port.
            lock = stack.enter_context(data.exclusive())
            check_port(arguments.host, arguments.port)
            data.prepare()
        else:
            check_port(arguments.host, arguments.port)
            data.prepare()
            lock = stack.enter_context(data.exclusive())
        env = _environment(arguments, data, stack.enter_context(data.runtime_dir()))
        data.note_address(f"http://127.0.0.1:{env['WB_HUB_PORT']}")
        log = Log(data.logs / "hub.log", verbose=arguments.verbose)
        if managed:
            own = env["WB_DATABASE_URL"] == f"sqlite:///{data.database}"
            stored = data.database.exists() and data.database.stat().st_size > 0 if own else False
            data.master_key(Path(env["WB_KEY_FILE"]), needed=stored)
            _run(
                "Migrating the database",
                ["-m", "wb_hub.quick", "wb_server.cli", "migrate"],
                env,
                log.path,
            )
            if arguments.sample:
                _sample(data, env, log.path)
        admin = None if env.get("WB_OIDC_CLIENT_ID") else data.first_admin()
        if os.geteuid() == 0 and not env.get("WB_SPAWNER"):
            print(
                "Running as root: every user's notebooks run as root too. Better start it as an "
                "ordinary user.",
                file=sys.stderr,
            )
        if not _is_loopback(arguments.host):
            print(
                f"Listening on {arguments.host} with plain HTTP: passwords and data cross the network "
                "unencrypted. Put a proxy with TLS in front.",
                file=sys.stderr,
            )
        hub = HubProcess(
            [
                *(sys.executable, "-P", "-m", "wb_hub.quick", "jupyterhub"),
                *("-f", str(REPO / "jupyterhub_config.py")),
            ],
            env,
            data.hub,
            log.path,
            keep=(lock,),
        )
        try:
            url = _local_url(arguments.host, arguments.port)
            # Directly first: the proxy logs errors for what isn't listening yet.
            health = "/services/workbench/api/v1/health"
            urls = [
                f"http://127.0.0.1:{env['WB_HUB_PORT']}/hub/health",
                *([f"http://127.0.0.1:{env['WB_SERVICE_PORT']}{health}"] if managed else []),
                f"{url}/hub/health",
                f"{url}{health}",
            ]
            if _wait_ready(hub, log, request, urls):
                data.first_start_done()
                _summary(url, data, admin, time.monotonic() - start)
                _watch(hub, log, request, managed)
        finally:
            _say("\nStopping ...")
            with contextlib.suppress(OSError):
                data.ending()
            hub.stop(request)
            _say("Stopped")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs ``wb up`` and returns its exit status."""
    try:
        arguments = _arguments(argv)
        with StopRequest().listening() as request:
            up(arguments, request)
    except (Refused, settings.SettingError) as refusal:
        print(f"wb up: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
