"""The operating system isolates users from each other if the Hub runs as root.

The Hub runs as root, the service as its own system user, and two users have a system user, a server
and a kernel each. From a cell of the first user's kernel, the tests try what a curious or hostile
user would: files, the memory of processes, sockets, the other services' ports, the APIs with the
cell's token. Each probe must be refused in the stated way. As a control, the same probe succeeds as a
user who has the right, so it wasn't refused for another reason.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from running_hub import REPO
from support.kernel import Kernel, kernel
from support.one_server import OneServer, one_server
from support.wait import wait_for

pytestmark = [
    pytest.mark.slow,
    # In CI it fails instead of being skipped: it would be tested nowhere.
    pytest.mark.skipif(
        os.geteuid() != 0 and not os.environ.get("CI"), reason="needs root, to make system users"
    ),
]

PROBE = Path(__file__).with_name("probe.py")
OF_BO = "what-bo-keeps-to-himself-8Yq"


@dataclass
class Person:
    """A user with a running server and kernel."""

    name: str
    account: pwd.struct_passwd
    kernel: Kernel
    server: psutil.Process
    kernel_process: psutil.Process
    token: str = field(repr=False)
    port: int

    @property
    def home(self) -> Path:
        return Path(self.account.pw_dir)

    @property
    def runtime(self) -> Path:
        """The folder of the kernels' sockets and connection files."""
        command = self.kernel_process.cmdline()
        return Path(next(word for word in command if self.kernel.id in word)).parent


@dataclass
class Scene:
    """Two users on one server; ana is the attacker."""

    server: OneServer
    ana: Person
    bo: Person
    service: psutil.Process
    proxy: psutil.Process
    worker: psutil.Process

    def try_all(self, *probes: list[Any]) -> dict[str, str]:
        """Runs probes in a cell of ana's and returns their results."""
        asked = json.dumps([[str(part[0]), *part[1:]] for part in probes])
        cell = self.ana.kernel.run(f"print(json.dumps(run(json.loads({asked!r}))))")
        assert cell.ok, cell.error
        return dict(json.loads(cell.text))


def as_user(account: pwd.struct_passwd | None, *probes: list[Any]) -> dict[str, str]:
    """Runs probes as a system user, or as root, and returns their results."""
    user = [account.pw_uid, account.pw_gid] if account else None
    asked = {"user": user, "probes": [[str(part[0]), *part[1:]] for part in probes]}
    done = subprocess.run(
        [sys.executable, "-I", str(PROBE)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The server, both users' servers and kernels, and the service's processes."""
    with ExitStack() as stack:
        server = stack.enter_context(one_server(["ana", "bo", "cyd"]))
        accounts = [server.accounts[letters] for letters in ("ana", "bo")]
        for account in accounts:
            server.people.add(account.pw_name, "engineer")
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(server.people.start_server, [it.pw_name for it in accounts]))
        ana, bo = (stack.enter_context(_person(server, account)) for account in accounts)
        loaded = ana.kernel.run(PROBE.read_text().partition("if __name__")[0])
        assert loaded.ok, loaded.error
        bo.kernel.run(f"secret = {OF_BO!r}\nprint(secret)")
        bo.kernel.save("bo.ipynb")
        yield Scene(
            server,
            ana,
            bo,
            server.find("wb_server.cli service"),
            server.find("configurable-http-proxy"),
            server.find("embedded/process.py"),
        )


@contextmanager
def _person(server: OneServer, account: pwd.struct_passwd) -> Iterator[Person]:
    name = account.pw_name
    process = server.find("jupyterhub.singleuser", account=account)
    (listening,) = [c for c in process.net_connections("tcp") if c.status == "LISTEN"]
    token = server.people.token(name, [f"access:servers!user={name}"])
    with kernel(f"{server.url}/user/{name}", token) as running:
        yield Person(
            name,
            account,
            running,
            process,
            wait_for(lambda: server.find(f"kernel-{running.id}", account=account)),
            process.environ()["JUPYTERHUB_API_TOKEN"],
            listening.laddr.port,
        )


def refused(results: dict[str, str], how: str) -> None:
    """Asserts that all probes were refused, in this way."""
    assert results
    assert {name: result for name, result in results.items() if result != f"refused: {how}"} == {}


def allowed(results: dict[str, str]) -> None:
    """Asserts that all probes succeeded."""
    assert results
    failed = {name: text for name, text in results.items() if not text.startswith("got ")}
    assert failed == {}


def test_each_process_runs_as_its_user(scene: Scene) -> None:
    """The premise of the tests below."""
    users = {
        "hub": psutil.Process(scene.server.process.pid),
        "service": scene.service,
        "worker": scene.worker,
        "ana": scene.ana.server,
        "ana's kernel": scene.ana.kernel_process,
        "bo": scene.bo.server,
        "bo's kernel": scene.bo.kernel_process,
    }
    service = scene.server.service_account
    ana, bo = scene.ana.account, scene.bo.account
    assert {name: set(process.uids()) for name, process in users.items()} == {
        "hub": {0},
        "service": {service.pw_uid},
        "worker": {service.pw_uid},
        "ana": {ana.pw_uid},
        "ana's kernel": {ana.pw_uid},
        "bo": {bo.pw_uid},
        "bo's kernel": {bo.pw_uid},
    }
    for name in ("ana", "ana's kernel"):
        status = Path(f"/proc/{users[name].pid}/status").read_text()
        groups, capabilities = (
            next(line for line in status.splitlines() if line.startswith(start)).split()[1:]
            for start in ("Groups:", "CapPrm:")
        )
        assert groups == [str(ana.pw_gid)]
        assert int(capabilities[0], 16) == 0


def test_files_of_the_service(scene: Scene) -> None:
    data = scene.server.data_dir
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    probes = [
        ["the folder", "list", str(data)],
        ["the files of connections", "list", str(data / "files")],
        ["master.key", "read", str(data / "master.key")],
        ["workbench.db", "read", str(data / "workbench.db")],
        ["workbench.db, write", "write", str(data / "workbench.db")],
        ["workbench.db-wal", "read", str(data / "workbench.db-wal")],
        ["logs", "list", str(data / "logs")],
        ["a new file", "create", str(data)],
    ]
    refused(scene.try_all(*probes), "EACCES")
    allowed(as_user(scene.server.service_account, *probes))


def test_files_of_the_hub(scene: Scene) -> None:
    hub = scene.server.hub_dir
    probes = [
        ["the folder", "list", str(hub)],
        ["cookie_secret", "read", str(hub / "cookie_secret")],
        ["jupyterhub.sqlite", "read", str(hub / "jupyterhub.sqlite")],
        ["jupyterhub.sqlite, write", "write", str(hub / "jupyterhub.sqlite")],
        ["its configuration", "list", str(hub / "jupyterhub_config.d")],
        ["a configuration of one's own", "create", str(hub / "jupyterhub_config.d")],
        ["its log", "read", str(scene.server.log)],
        ["its log, write", "write", str(scene.server.log)],
    ]
    refused(scene.try_all(*probes), "EACCES")
    # Nor may the service, which users send requests to: these files run as root.
    refused(as_user(scene.server.service_account, *probes), "EACCES")
    allowed(as_user(None, *probes))


def test_files_have_private_modes(scene: Scene) -> None:
    """Not only their folders."""
    server, mine = scene.server, scene.server.service_account.pw_uid
    for path in (server.data_dir / "master.key", server.data_dir / "workbench.db"):
        assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (mine, 0o600), path
    for path in (server.hub_dir / "cookie_secret", server.hub_dir / "jupyterhub.sqlite"):
        assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600), path
    notebook = scene.bo.home / "bo.ipynb"
    assert OF_BO in notebook.read_text()
    assert stat.S_IMODE(notebook.stat().st_mode) == 0o600


def test_the_shared_code_can_not_be_changed(scene: Scene) -> None:
    """Whoever could change it could act as the Hub, the service and every user."""
    server = REPO / "packages" / "wb_server" / "wb_server"
    folders = (Path(sys.prefix), REPO, REPO / "hub", server)
    files = (REPO / "jupyterhub_config.py", REPO / "hub" / "wb_hub" / "config.py")
    probes = [[path, "create", str(path)] for path in folders]
    probes += [[path, "write", str(path)] for path in files]
    refused(scene.try_all(*probes), "EACCES")
    allowed(as_user(None, *probes))


def test_another_users_home(scene: Scene) -> None:
    bo = scene.bo
    (socket_path, *_) = sorted(bo.runtime.glob(f"kernel-{bo.kernel.id}-ipc-*"))
    probes = [
        ["the home", "list", str(bo.home)],
        ["a notebook", "read", str(bo.home / "bo.ipynb")],
        ["a notebook, write", "write", str(bo.home / "bo.ipynb")],
        ["a new file", "create", str(bo.home)],
        ["the kernels' folder", "list", str(bo.runtime)],
        ["a kernel's key", "read", str(bo.runtime / f"kernel-{bo.kernel.id}.json")],
        ["a kernel's socket", "connect", str(socket_path)],
    ]
    refused(scene.try_all(*probes), "EACCES")
    allowed(as_user(bo.account, *probes))
    own = scene.ana
    allowed(
        scene.try_all(
            ["home", "list", str(own.home)],
            ["kernels", "list", str(own.runtime)],
            ["key", "read", str(own.runtime / f"kernel-{own.kernel.id}.json")],
        )
    )


PROCESSES = ["hub", "proxy", "service", "worker", "server", "kernel"]


@pytest.fixture(params=PROCESSES)
def target(request: pytest.FixtureRequest, scene: Scene) -> psutil.Process:
    """Each process that isn't ana's: the last two are bo's."""
    return {
        "hub": psutil.Process(scene.server.process.pid),
        "proxy": scene.proxy,
        "service": scene.service,
        "worker": scene.worker,
        "server": scene.bo.server,
        "kernel": scene.bo.kernel_process,
    }[request.param]


def test_another_users_process(scene: Scene, target: psutil.Process) -> None:
    pid = target.pid
    folder = f"/proc/{pid}"
    looks = [
        ["environ", "read", f"{folder}/environ"],
        ["maps", "read", f"{folder}/maps"],
        ["memory", "open_memory", pid],
        ["folder", "link", f"{folder}/cwd"],
        ["root", "link", f"{folder}/root"],
        ["program", "link", f"{folder}/exe"],
        ["descriptors", "list", f"{folder}/fd"],
        ["through its root", "list", f"{folder}/root"],
    ]
    touches = [
        ["ptrace", "attach", pid],
        ["memory by a system call", "vm_read", pid],
        ["a descriptor", "take_descriptor", pid],
        ["a signal", "signal", pid],
    ]
    refused(scene.try_all(*looks), "EACCES")
    refused(scene.try_all(*touches, ["priority", "renice", pid]), "EPERM")
    # As its own user or, if even that is refused (Yama), as root.
    own = pwd.getpwuid(target.uids().real)
    controls = as_user(own, *looks, *touches)
    still = [probe for probe in (*looks, *touches) if not controls[probe[0]].startswith("got ")]
    allowed(controls | (as_user(None, *still) if still else {}))
    # The kernel may inspect itself.
    self = f"/proc/{scene.ana.kernel_process.pid}"
    allowed(scene.try_all(["environ", "read", f"{self}/environ"], ["fd", "list", f"{self}/fd"]))


def test_no_descriptors_are_inherited(scene: Scene) -> None:
    """No descriptor of ana's processes is of another user's file: not even of the log, since it
    could be truncated through the descriptor."""
    own = [scene.ana.server.pid, scene.ana.kernel_process.pid]
    before = scene.server.log.read_bytes()
    assert b"JupyterHub is now running" in before
    # Her server's output is in her own file.
    assert "ServerApp" in (scene.ana.home / ".workbench" / "server.log").read_text()
    assert b"ServerApp" not in before
    results = scene.try_all(*[[pid, "descriptors", pid] for pid in own])
    allowed(results)
    for name, result in results.items():
        paths = json.loads(result.removeprefix("got ").replace("'", '"'))
        for path in paths:
            ours = path.startswith((str(scene.ana.home), "/dev/")) or not Path(path).exists()
            assert ours or _readable_by_all(Path(path)), f"{name}: {path}"
    refused(scene.try_all(["the log", "truncate", str(scene.server.log)]), "EBADF")
    assert scene.server.log.read_bytes().startswith(before)


def _readable_by_all(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IROTH)


def test_ports(scene: Scene) -> None:
    """Only the known ports are listened on, and each of them requires a token."""
    server = scene.server
    listening = {
        "hub": ports_of(psutil.Process(server.process.pid)),
        "proxy": ports_of(scene.proxy),
        "service": ports_of(scene.service),
        "worker": ports_of(scene.worker),
        "bo": ports_of(scene.bo.server),
    }
    assert listening == {
        "hub": {server.hub_port},
        "proxy": {int(server.url.rsplit(":", 1)[1]), server.proxy_api_port},
        "service": {server.service_port},
        "worker": set(),
        "bo": {scene.bo.port},
    }
    # While Hub and proxy are down, nobody else can listen on the ports that receive their secrets.
    low = [["hub", "listen", server.hub_port - 1], ["proxy", "listen", 1023]]
    refused(scene.try_all(*low), "EACCES")
    allowed(as_user(None, *low))


def ports_of(process: psutil.Process) -> set[int]:
    """The TCP ports that a process listens on."""
    return {c.laddr.port for c in process.net_connections("tcp") if c.status == "LISTEN"}


def http_probe(name: str, method: str, url: str, token: str = "", **more: str) -> list[Any]:
    """A probe that sends a request, with a token if given, and with further headers."""
    headers = {key.replace("_", "-"): value for key, value in more.items()}
    if token:
        headers["Authorization"] = f"token {token}"
    return [name, "http", method, url, headers, {} if method == "POST" else None]


def test_the_proxys_api(scene: Scene) -> None:
    url = f"http://127.0.0.1:{scene.server.proxy_api_port}/api/routes"
    evil = f"{url}/user/{scene.bo.name}"
    refused(
        scene.try_all(
            http_probe("look", "GET", url),
            http_probe("look with a token", "GET", url, scene.ana.token),
            http_probe("take a route", "POST", evil),
            http_probe("drop a route", "DELETE", evil),
        ),
        "HTTP 403",
    )
    right = scene.proxy.environ()["CONFIGPROXY_AUTH_TOKEN"]
    allowed(scene.try_all(http_probe("look", "GET", url, right)))


def test_the_hubs_api(scene: Scene) -> None:
    """With the token of ana's cells, at the Hub's own port and through the proxy."""
    ana, bo = scene.ana.name, scene.bo.name
    asked = {
        "users": ("GET", "/users", 403),
        "another user": ("GET", f"/users/{bo}", 404),
        "a new user": ("POST", "/users/mallory", 403),
        "another user's token": ("POST", f"/users/{bo}/tokens", 403),
        "another user's server": ("DELETE", f"/users/{bo}/server", 403),
        "one's own server": ("DELETE", f"/users/{ana}/server", 403),
        "groups": ("GET", "/groups", 403),
        "becoming an administrator": ("POST", "/groups/admin/users", 403),
        "services": ("GET", "/services", 403),
        "the proxy": ("GET", "/proxy", 403),
        "shutdown": ("POST", "/shutdown", 403),
    }
    for base in (f"http://127.0.0.1:{scene.server.hub_port}", scene.server.url):
        results = scene.try_all(
            *[
                http_probe(what, method, f"{base}/hub/api{path}", scene.ana.token)
                for what, (method, path, _) in asked.items()
            ]
        )
        assert results == {what: f"refused: HTTP {code}" for what, (*_, code) in asked.items()}
    right = scene.server.people.admin_token
    base = f"http://127.0.0.1:{scene.server.hub_port}/hub/api"
    allowed(
        scene.try_all(
            *[
                http_probe(what, method, f"{base}{path}", right)
                for what, (method, path, _) in asked.items()
                if method == "GET"
            ],
            http_probe("oneself", "GET", f"{base}/user", scene.ana.token),
        )
    )


def test_a_cells_token_can_not_create_another_token(scene: Scene) -> None:
    """So it can't be exchanged for one with more rights."""
    url = f"http://127.0.0.1:{scene.server.hub_port}/hub/api/users/{scene.ana.name}/tokens"
    refused(scene.try_all(http_probe("a token", "POST", url, scene.ana.token)), "HTTP 403")


def test_the_service_reached_without_the_proxy(scene: Scene) -> None:
    base = f"http://127.0.0.1:{scene.server.service_port}/services/workbench/api/v1"
    bo = scene.bo.name
    claims = {
        "X_Forwarded_User": bo,
        "Remote_User": bo,
        "X_JupyterHub_User": bo,
        "Cookie": f"jupyterhub-user={bo}",
    }
    refused(
        scene.try_all(
            http_probe("no token", "GET", f"{base}/me"),
            http_probe("a name instead", "GET", f"{base}/me", **claims),
            http_probe("a made-up token", "GET", f"{base}/connections", "0" * 32),
            http_probe("the token in the address", "GET", f"{base}/me?token={scene.ana.token}"),
        ),
        "HTTP 401",
    )
    results = scene.try_all(http_probe("me", "GET", f"{base}/me", scene.ana.token, **claims))
    assert f'"name":"{scene.ana.name}"' in results["me"].replace('": "', '":"')
    assert bo not in results["me"]


_ME = "workbench/api/v1/me"


def test_another_users_server(scene: Scene) -> None:
    bo = scene.bo
    # The gateway answers every refusal with 401, so that the browser signs in again.
    paths = {"api/contents": 403, "api/kernels": 403, "api/terminals": 403, _ME: 401}
    for token in ("", scene.ana.token):
        for base in (f"http://127.0.0.1:{bo.port}", scene.server.url):
            results = scene.try_all(
                *[http_probe(path, "GET", f"{base}/user/{bo.name}/{path}", token) for path in paths]
            )
            assert results == {path: f"refused: HTTP {code}" for path, code in paths.items()}
    url = f"http://127.0.0.1:{bo.port}/user/{bo.name}/"
    allowed(scene.try_all(*[http_probe(path, "GET", f"{url}{path}", bo.token) for path in paths]))


def test_another_users_connection(scene: Scene) -> None:
    """Ana's cells neither see nor use bo's connection."""
    folder = scene.server.data_dir / "files" / "of-bo"
    folder.mkdir()
    (folder / "words.csv").write_text(f"word\n{OF_BO}\n")
    for path in (folder, folder / "words.csv"):
        os.chown(path, scene.server.service_account.pw_uid, -1)
    api = scene.server.people.api(scene.bo.name)
    with closing(api):
        config = {"folder": str(folder)}
        body = {"name": "of_bo", "connector": "files", "config": config}
        made = api.ok("POST", "/connections", body)
        look = "import wb\nprint(wb.query('of_bo', 'select * from words').df())"
        cell = scene.bo.kernel.run(look)
        assert OF_BO in cell.text, cell.error
        cell = scene.ana.kernel.run(look)
        assert not cell.ok
        assert "of_bo" in cell.error and OF_BO not in str(cell.outputs)
        base = f"http://127.0.0.1:{scene.server.service_port}/services/workbench/api/v1"
        url = f"{base}/connections/{made['id']}"
        results = scene.try_all(
            http_probe("see", "GET", url, scene.ana.token),
            http_probe("browse", "GET", f"{url}/tables", scene.ana.token),
            http_probe("delete", "DELETE", url, scene.ana.token),
        )
        refused(results, "HTTP 404")


def test_lab_offers_no_debugger(scene: Scene) -> None:
    """The debugger of Python kernels listens on a port without a token: any user of the machine could
    run code as the user who is debugging. So it is off if users are system users."""
    headers = {"Authorization": f"token {scene.server.people.admin_token}"}
    url = f"{scene.server.url}/user/{scene.bo.name}/lab"
    with httpx.Client(trust_env=False, headers=headers) as http:
        page = http.get(url, headers={"Sec-Fetch-Mode": "navigate"}, follow_redirects=True)
    assert page.status_code == 200
    found = re.search(
        r'<script id="jupyter-config-data" type="application/json">(.*?)</', page.text, re.DOTALL
    )
    assert found, page.text[:500]
    disabled = json.loads(found[1])["disabledExtensions"]
    assert "@jupyterlab/debugger-extension" in disabled
    # What is disabled everywhere stays disabled.
    assert "@jupyterlab/apputils-extension:announcements" in disabled


def test_a_kernels_port_drops_messages_of_others(scene: Scene) -> None:
    """A kernel listens for output of its forked processes; it drops messages without its key."""
    (port,) = ports_of(scene.bo.kernel_process)
    cell = scene.ana.kernel.run(
        "import zmq\n"
        "with zmq.Context() as context, context.socket(zmq.PUSH) as it:\n"
        "    it.linger = 2000\n"
        f"    it.connect('tcp://127.0.0.1:{port}')\n"
        "    it.send_multipart([b'0' * 16, b'{}', b'stream', b'forged'])\n"
        "    print('sent')"
    )
    assert cell.text == "sent\n", cell.error
    cell = scene.bo.kernel.run("print(secret)")
    assert cell.text == f"{OF_BO}\n"
    assert [out["output_type"] for out in cell.outputs] == ["stream"]


@pytest.mark.parametrize("which", ["root", "daemon", "service", "nobody", "absent"])
def test_system_accounts_get_no_server(scene: Scene, which: str) -> None:
    """A user with such a name at the Hub would get the account's rights: as the service's user, a
    cell could read the master key."""
    name = scene.server.service_account.pw_name if which == "service" else which
    message = "no system user" if which == "absent" else "is a system account"
    scene.server.people.add(name)
    answer = start(scene, name)
    assert answer.status_code == 403, answer.text
    assert message in answer.json()["message"]


def start(scene: Scene, name: str) -> httpx.Response:
    """The Hub's answer to an administrator who starts a user's server."""
    with httpx.Client(trust_env=False, timeout=60) as http:
        return http.post(
            f"{scene.server.url}/hub/api/users/{name}/server",
            headers={"Authorization": f"token {scene.server.people.admin_token}"},
        )


def ended_start(scene: Scene, name: str) -> dict[str, Any] | None:
    """The Hub's record of a user, once no start is pending."""
    found: dict[str, Any] = scene.server.people.hub("GET", f"/users/{name}")
    return None if found["pending"] else found


def test_a_link_in_the_folder_for_sockets_gives_no_access(scene: Scene) -> None:
    """The Hub creates a folder there for each server and makes the user its owner. If everyone may
    write to the parent, ana can put a link in its place first, and would get the link's target."""
    third = scene.server.accounts["cyd"].pw_name
    parent = scene.server.base / "run"
    scene.server.people.add(third)
    created = scene.server.people.hub("GET", f"/users/{third}")["created"]
    moment = datetime.fromisoformat(created).replace(tzinfo=None)
    which = hashlib.sha256(f"{third}/{moment}/".encode()).hexdigest()[:12]
    parent.chmod(0o1777)
    try:
        link = f"os.symlink({str(scene.server.data_dir)!r}, {str(parent / which)!r})"
        cell = scene.ana.kernel.run(f"import os; {link}")
        assert cell.ok, cell.error
        start(scene, third)
        # On a busy machine the Hub answers before the start has failed.
        status = wait_for(lambda: ended_start(scene, third))
    finally:
        parent.chmod(0o711)
    assert status["server"] is None
    assert scene.server.data_dir.stat().st_uid == scene.server.service_account.pw_uid
    # Without a link, the user owns the folder.
    assert scene.bo.runtime.parent == parent
    assert scene.bo.runtime.stat().st_uid == scene.bo.account.pw_uid
