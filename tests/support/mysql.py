"""A temporary MySQL server. Debian's stable suites have none, so it comes from the development suite.

Its packages are unpacked into a folder, together with their libraries, and run from there with their
own loader: nothing is installed. The folder is kept between runs; ``WB_MYSQL`` names another one.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .mariadb import MariaDB, answering
from .ports import free_port

PACKAGE = "mysql-server-core"
_KEPT = Path(os.environ.get("WB_MYSQL", "/var/tmp/wb-mysql"))
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


def unpacked() -> Path:
    """The folder with the server's files, which are fetched if missing.

    Raises:
        RuntimeError: they can't be fetched; the message says why.
    """
    root = _KEPT / "root"
    if (root / "usr/sbin/mysqld").exists():
        return root
    lists = _KEPT / "apt"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    (_KEPT / "packages").mkdir(exist_ok=True)
    # The system's own package lists stay unchanged.
    source = Path("/etc/apt/sources.list.d/debian.sources").read_text()
    first = re.sub(r"(?m)^Suites:.*$", "Suites: sid", source.split("\n\n")[0])
    (_KEPT / "sid.sources").write_text(first + "\n")
    options = [
        *("-o", f"Dir::Etc::sourcelist={_KEPT / 'sid.sources'}", "-o", "Dir::Etc::sourceparts=-"),
        *("-o", f"Dir::State::Lists={lists}", "-o", "Dir::Cache::pkgcache="),
        *("-o", "Dir::Cache::srcpkgcache="),
    ]
    _run("apt-get", *options, "update")
    wanted = _run(
        *("apt-cache", *options, "depends", "--recurse", "--no-recommends", "--no-suggests"),
        *("--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", PACKAGE),
    )
    names = sorted(set(re.findall(r"(?m)^([a-z0-9][a-z0-9.+-]*)$", wanted)))
    _run("apt-get", *options, "download", *names, cwd=_KEPT / "packages")
    for package in sorted((_KEPT / "packages").glob("*.deb")):
        _run("dpkg", "-x", str(package), str(root))
    return root


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    if done.returncode:
        raise RuntimeError(f"MySQL can't be fetched: {' '.join(command[:1])}: {done.stderr[-500:]}")
    return done.stdout


@contextmanager
def server() -> Iterator[MariaDB]:
    """Runs a fresh server while the block runs, described to tests in the same way as MariaDB."""
    root = unpacked()
    folder = Path(tempfile.mkdtemp(prefix="wb-mysql-"))
    it = MariaDB(free_port(), secrets.token_urlsafe(12), folder)
    first = folder / "first.sql"
    first.write_text(
        f"create database {it.database} character set utf8mb4;\n"
        f"create user {it.user}@'%' identified by '{it.password}';\n"
        f"grant all on *.* to {it.user}@'%' with grant option;\n"
    )
    program = [
        str(root / _LIBRARIES / "ld-linux-x86-64.so.2"), "--library-path", str(root / _LIBRARIES),
        str(root / "usr/sbin/mysqld"), "--no-defaults", f"--datadir={folder / 'data'}",
        f"--basedir={root / 'usr'}", f"--lc-messages-dir={root / 'usr/share/mysql'}",
        f"--character-sets-dir={root / 'usr/share/mysql/charsets'}", "--user=root",
    ]  # fmt: skip
    try:
        _run(*program, "--initialize-insecure")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *program, f"--port={it.port}", "--bind-address=127.0.0.1", "--mysqlx=OFF",
                    f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}",
                    f"--init-file={first}", f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
                    "--skip-name-resolve", "--skip-log-bin", "--secure-file-priv=",
                    "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

        with answering(it, process, folder / "log"):
            yield it
    finally:
        shutil.rmtree(folder, ignore_errors=True)
