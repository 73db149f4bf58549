"""Where the first pip comes from, and how pip's configuration is passed to uv."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).resolve().parents[2]
NAME = "pip-99.1-py3-none-any.whl"
WHICH = shutil.which
WHEEL = b"a wheel"
HASH = hashlib.sha256(WHEEL).hexdigest()
PAGE = f"""<!doctype html><a href="../../files/pip-99.1.tar.gz#sha256=0">pip-99.1.tar.gz</a>
<a data-requires-python="&gt;=3.9" href="../../files/{NAME}#sha256={HASH}">{NAME}</a>"""


class Index(ThreadingHTTPServer):
    """A package index with one project, which requires the login u with the password p."""

    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://u:p@127.0.0.1:{self.server_port}/simple"


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        login = f"Basic {base64.b64encode(b'u:p').decode()}"
        files = {"/simple/pip/": PAGE.encode(), f"/files/{NAME}": WHEEL}
        content = files.get(self.path, b"")
        allowed = self.headers["Authorization"] == login
        self.send_response(200 if content and allowed else 404 if allowed else 401)
        self.send_header("Content-Length", str(len(content) if allowed else 0))
        self.end_headers()
        self.wfile.write(content if allowed else b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Index]:
    with Index(("127.0.0.1", 0), _Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(REPO / "deploy" / "bootstrap"))
    import index

    return index


@pytest.fixture
def first_pip(index: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module on a machine without any pip: no environment, no wheels, no apt."""
    import first_pip

    monkeypatch.setattr(first_pip, "PYTHON", tmp_path / "no-python")
    monkeypatch.setattr(first_pip, "STATE", tmp_path / ".wb")
    monkeypatch.setattr(first_pip, "_folders", lambda: [tmp_path / "wheels"])
    monkeypatch.setattr(first_pip.shutil, "which", lambda name: None)
    return first_pip


def lock(folder: Path, digest: str) -> Path:
    path = folder / "installer.txt"
    path.write_text(f"pip==99.1 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digest}\n")
    return path


def test_a_wheel_on_the_disk_comes_first(
    first_pip: ModuleType, server: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    wheel = tmp_path / "wheels" / "pip-23.0.1-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.touch()
    command = first_pip.command(lock(tmp_path, HASH), tmp_path / "log")
    assert command[-1] == str(wheel / "pip")
    assert server.asked == []


def test_apt_fetches_the_wheel_and_installs_nothing(
    first_pip: ModuleType, server: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real apt, with an archive of one package, on a machine without package lists."""
    archive, tree = tmp_path / "archive", tmp_path / "tree"
    wheel = tree / "usr" / "share" / "python-wheels" / NAME
    for folder in (archive, tree / "DEBIAN", wheel.parent, tmp_path / "state"):
        folder.mkdir(parents=True)
    wheel.write_bytes(WHEEL)
    fields = "Package: python3-pip-whl\nVersion: 99.1\nArchitecture: all\nMaintainer: x <x@y>\n"
    (tree / "DEBIAN" / "control").write_text(fields + "Description: x\n")
    package = archive / "python3-pip-whl_99.1_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, package], check=True, capture_output=True)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    (archive / "Packages").write_text(
        f"{fields}Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"
        "Description: x\n"
    )
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{archive} ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{tmp_path}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
        f'Dir::State::Lists "{tmp_path}/state";\nDir::Cache "{tmp_path}/cache";\n'
        f'Dir::State::Status "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    monkeypatch.setattr(first_pip.shutil, "which", WHICH)
    command = first_pip.command(lock(tmp_path, HASH), tmp_path / "log")
    unpacked = Path(command[-1]).parent
    assert unpacked.name == NAME
    assert unpacked.is_relative_to(tmp_path / ".wb")
    assert unpacked.read_bytes() == WHEEL
    assert server.asked == []


def test_only_a_wheel_with_the_locked_hash_is_taken_from_the_index(
    first_pip: ModuleType, server: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    with pytest.raises(Exception, match="has the locked pip") as raised:
        first_pip.command(lock(tmp_path, "1" * 64), tmp_path / "log")
    assert type(raised.value).__name__ == "StepFailed"
    assert f"/files/{NAME}" in server.asked
    assert not (tmp_path / ".wb" / "pip").exists()

    command = first_pip.command(lock(tmp_path, HASH), tmp_path / "log")
    wheel = tmp_path / ".wb" / "pip" / NAME
    assert command[-1] == str(wheel / "pip")
    assert wheel.read_bytes() == WHEEL


def test_without_any_source_the_message_names_them(
    first_pip: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    with pytest.raises(Exception, match=r"apt install python3-venv.*PIP_INDEX_URL"):
        first_pip.command(lock(tmp_path, HASH), tmp_path / "log")


def test_the_credentials_are_sent_only_to_their_host(index: ModuleType) -> None:
    with_login = index._with_userinfo
    own = "https://u:p@a.example/simple"
    assert with_login("https://a.example/f.whl", "u:p", own) == "https://u:p@a.example/f.whl"
    assert with_login("https://b.example/f.whl", "u:p", own) == "https://b.example/f.whl"
    assert with_login("http://a.example/f.whl", "u:p", own) == "http://a.example/f.whl"


def test_settings_are_read_as_pip_reads_them(index: ModuleType, tmp_path: Path) -> None:
    """The user's file overrides the machine's, a variable both, and [install] overrides [global]."""
    machine, home = tmp_path / "xdg", tmp_path / "home"
    for file, text in (
        (
            machine / "pip" / "pip.conf",
            "[global]\nindex-url = https://one\nproxy = p1\ncert = c1\n",
        ),
        (home / ".config" / "pip" / "pip.conf", "[global]\nproxy = p2\n[install]\nproxy = p3\n"),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(text)
    environ = {"XDG_CONFIG_DIRS": str(machine), "HOME": str(home), "PIP_CERT": "c2"}
    found = index.settings(environ)
    assert {name: found[name] for name in ("index-url", "proxy", "cert")} == {
        "index-url": "https://one",
        "proxy": "p3",
        "cert": "c2",
    }
    alone = index.settings({**environ, "PIP_CONFIG_FILE": "/dev/null"})
    assert alone["cert"] == "c2"
    assert "proxy" not in alone


def test_pips_settings_become_variables_of_uv(index: ModuleType) -> None:
    environ = {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "https://one/simple",
        "PIP_EXTRA_INDEX_URL": "https://two/simple\n https://three/simple",
        "PIP_FIND_LINKS": "/a /b",
        "PIP_CERT": "/c.pem",
        "PIP_NO_INDEX": "true",
    }
    passed = index.for_uv(environ)
    assert passed["UV_DEFAULT_INDEX"] == "https://one/simple"
    assert passed["UV_INDEX"] == "https://two/simple https://three/simple"
    assert passed["UV_FIND_LINKS"] == "/a,/b"
    assert passed["SSL_CERT_FILE"] == "/c.pem"
    assert passed["UV_NO_INDEX"] == "1"
    own = index.for_uv({**environ, "UV_DEFAULT_INDEX": "https://mine", "PIP_NO_INDEX": "0"})
    assert own["UV_DEFAULT_INDEX"] == "https://mine"
    assert "UV_NO_INDEX" not in own
