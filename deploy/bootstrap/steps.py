"""What has to be on the machine before a command can run, step by step.

Each step has a stamp: a hash of everything it was made from. A step whose stamp still fits is skipped, so a
second start costs a few hashes. The stamp goes before the work begins and comes back when it is
done: a step that was interrupted is redone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from progress import StepFailed, run

REPO = Path(__file__).resolve().parents[2]
STATE = REPO / ".wb"
ENV = STATE / "env"
PYTHON = ENV / "bin" / "python"
LOCKS = REPO / "deploy" / "locks"
LABEXT = REPO / "packages" / "wb_labext"
PROJECTS = (
    REPO / "packages" / "wb_server",
    REPO / "packages" / "wb_kernels",
    LABEXT,
    REPO / "hub",
)

PIP_WHEEL = Path(__file__).with_name("pip-26.3-py3-none-any.whl")
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

_NPM_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund")

_OLDEST = (3, 11)
_LOCK_PYTHON = (3, 11, 2)
_ROOM_BYTES = 2_500_000_000
_LABEXT_BUILT = LABEXT / "wb_labext" / "labextension" / "package.json"


def digest(*parts: Path | str) -> str:
    """One hash over files, whole folders (names and contents) and texts."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(f"text {part}\0".encode())
            continue
        for path in [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.is_file()):
            total.update(f"file {path.relative_to(REPO)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


class Step:
    """One piece of preparation and the stamp that says what it was made from."""

    def __init__(self, name: str, made_from: str, *, whole: bool = True) -> None:
        self.name = name
        self.log = STATE / "logs" / f"{name}.log"
        self._made_from = made_from
        self._stamp = STATE / "stamps" / name
        self._whole = whole

    @property
    def done(self) -> bool:
        """Whether the result is there and was made from today's inputs."""
        try:
            return self._whole and self._stamp.read_text() == self._made_from
        except OSError:
            return False

    @contextlib.contextmanager
    def doing(self) -> Iterator[None]:
        self._stamp.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        yield
        self._stamp.parent.mkdir(parents=True, exist_ok=True)
        new = self._stamp.with_suffix(".new")
        new.write_text(self._made_from)
        new.replace(self._stamp)


def tool_env() -> dict[str, str]:
    """The person's own environment, so that their pip and npm settings (proxies, mirrors,
    certificates) hold, less what would send packages to another place than the environment."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name
        not in {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "NODE_ENV"}
    }
    env.update(
        PATH=f"{ENV / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}",
        VIRTUAL_ENV=str(ENV),
        PYTHONNOUSERSITE="1",
        PIP_USER="0",
        PIP_REQUIRE_VIRTUALENV="0",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
    )
    return env


def _python_version() -> str | None:
    """Version and platform of the environment's Python; nothing if it is missing or broken."""
    probe = (
        "import sys, sysconfig;"
        "print('%d.%d' % sys.version_info[:2], sysconfig.get_platform(), sys.prefix)"
    )
    try:
        answer = subprocess.run(
            [str(PYTHON), "-I", "-c", probe], capture_output=True, text=True, timeout=60, check=True
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    # A folder that was moved or copied still names its old place, in every script in bin/.
    if len(answer) != 3 or Path(answer[2]) != ENV or not _at_home():
        return None
    major, minor = answer[0].split(".")
    return None if (int(major), int(minor)) < _OLDEST else " ".join(answer[:2])


def _at_home() -> bool:
    home = STATE / "home"
    return home.is_file() and home.read_text() == str(ENV)


def _make_env() -> str:
    try:
        import ssl  # noqa: F401  pip can't fetch anything without it
        import venv
    except ImportError as error:
        raise StepFailed(
            f"{sys.executable} lacks the module {error.name}. Install Python's standard library: "
            "apt install python3 python3-venv"
        ) from None
    free = shutil.disk_usage(REPO).free
    if free < _ROOM_BYTES:
        raise StepFailed(
            f"{REPO} has {free / 1e9:.1f} GB of room; the Workbench needs {_ROOM_BYTES / 1e9:.1f} GB"
        )
    print(f"Preparing {STATE}, once: takes a few minutes", file=sys.stderr, flush=True)
    for made in ("stamps", "env"):
        shutil.rmtree(STATE / made, ignore_errors=True)
    try:
        # Without pip: Debian's Python can make an environment, but lacks ensurepip.
        venv.EnvBuilder(symlinks=True, with_pip=False, clear=True).create(ENV)
    except (OSError, subprocess.SubprocessError) as error:
        raise StepFailed(f"{sys.executable} can't make an environment in {ENV}: {error}") from None
    (STATE / "home").write_text(str(ENV))
    version = _python_version()
    if version is None:
        raise StepFailed(f"The environment that {sys.executable} made in {ENV} doesn't run")
    return version


def _pip(*arguments: str) -> list[str]:
    return [str(PYTHON), "-I", "-m", "pip", *arguments]


def _names(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==", lock, re.MULTILINE))


def _install_lock(step: Step, title: str, locks: Iterable[Path]) -> None:
    """Installs the locks in turn, then removes what an earlier version of them had."""
    kept = STATE / "locks"
    before: set[str] = set()
    now: set[str] = set()
    for lock in locks:
        old = kept / lock.name
        before |= _names(old.read_text()) if old.is_file() else set()
        now |= _names(lock.read_text())
        command = _pip(
            "install",
            "--require-hashes",
            "--no-deps",
            "--no-build-isolation",
            "--progress-bar",
            "off",
        )
        if lock.name == "build.txt":
            run("Build tools", [*command, "-r", str(lock)], log=step.log, env=tool_env())
        else:
            run(title, [*command, "-r", str(lock)], log=step.log, env=tool_env())
    elsewhere = {n for p in LOCKS.glob("*.txt") for n in _names(p.read_text())}
    gone = sorted(before - now - elsewhere)
    if gone:
        run("Packages no longer used", _pip("uninstall", "-y", *gone), log=step.log, env=tool_env())
    kept.mkdir(parents=True, exist_ok=True)
    for lock in locks:
        shutil.copyfile(lock, kept / lock.name)


def _pip_step(python: str) -> None:
    step = Step("pip", digest(PIP_SHA256, python))
    if step.done:
        return
    if hashlib.sha256(PIP_WHEEL.read_bytes()).hexdigest() != PIP_SHA256:
        raise StepFailed(f"{PIP_WHEEL} isn't the file it should be: restore it from the repository")
    with step.doing():
        run(
            "pip",
            [
                str(PYTHON),
                str(PIP_WHEEL / "pip"),
                "install",
                "--no-index",
                "--no-deps",
                "--force-reinstall",
                str(PIP_WHEEL),
            ],
            log=step.log,
            env=tool_env(),
        )


def _npm(step: Step, title: str, folder: Path, *command: str) -> None:
    full = [str(ENV / "bin" / "npm"), *command]
    run(title, full, log=step.log, env=tool_env(), cwd=folder)


def _proxy_step(python: str) -> None:
    folder = REPO / "hub"
    made_from = digest(folder / "package.json", folder / "package-lock.json", python)
    proxy = folder / "node_modules" / "configurable-http-proxy" / "package.json"
    step = Step("hub-proxy", made_from, whole=proxy.is_file())
    if not step.done:
        with step.doing():
            _npm(step, "The Hub's proxy", folder, "ci", "--omit=dev", *_NPM_QUIET)


def _labext_sources() -> list[Path]:
    """Everything the extension is built from: its own files, not what tools put beside them."""
    made = {"node_modules", "lib", "dist", "wb_labext", "__pycache__", "tests", "ui-tests"}
    return sorted(
        path
        for path in LABEXT.iterdir()
        if path.name not in made and not path.name.startswith(".") and path.suffix != ".tsbuildinfo"
    )


def _labext_steps(python: str) -> None:
    packages = Step(
        "labext-packages",
        digest(LABEXT / "package.json", LABEXT / "package-lock.json", python),
        whole=(LABEXT / "node_modules").is_dir(),
    )
    if not packages.done:
        with packages.doing():
            _npm(packages, "The lab extension's packages", LABEXT, "ci", *_NPM_QUIET)
    build = Step("labext-build", digest(*_labext_sources(), python), whole=_LABEXT_BUILT.is_file())
    if not build.done:
        with build.doing():
            _npm(build, "The lab extension", LABEXT, "run", "build")


def _projects_step(python: str) -> None:
    # Code is read from where it lies; data that goes elsewhere in the environment (extensions, kernels,
    # settings) is copied there.
    copied = [project / name for project in PROJECTS for name in ("etc", "kernelspec", "schema")]
    copied += [LABEXT / "wb_labext" / "labextension", LABEXT / "install.json"]
    projects = [project / "pyproject.toml" for project in PROJECTS]
    step = Step("projects", digest(*projects, *(p for p in copied if p.exists()), python))
    if step.done:
        return
    command = _pip("install", "--no-deps", "--no-build-isolation", "--no-index")
    for project in PROJECTS:
        command += ["-e", str(project)]
    with step.doing():
        run("The Workbench's own packages", command, log=step.log, env=tool_env())


def _lock_step(name: str, title: str, python: str, *locks: Path) -> None:
    step = Step(name, digest(*locks, python))
    if not step.done:
        with step.doing():
            _install_lock(step, title, locks)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One preparation at a time: two would write into the same folders."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another ./wb is preparing the environment: waiting for it", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare(*, product: bool, dev: bool) -> None:
    """Brings the environment to what this version of the code needs.

    Args:
        product: Also the parts that are built from this repository: the proxy, the lab
            extension and the Python packages.
        dev: Also what tests and checks need.

    Raises:
        StepFailed: A step didn't work.
    """
    try:
        with _alone():
            python = _python_version() or _make_env()
            _pip_step(python)
            runtime = (LOCKS / "build.txt", LOCKS / "runtime.txt")
            _lock_step("runtime", "Python packages", python, *runtime)
            if dev:
                _lock_step("dev", "Packages for tests and checks", python, LOCKS / "dev.txt")
            if product:
                _proxy_step(python)
                _labext_steps(python)
                _projects_step(python)
    except OSError as error:
        raise StepFailed(f"{error.filename or STATE}: {error.strerror}") from None


def compile_locks() -> None:
    """Compiles ``deploy/locks/*.in`` again, newest versions that fit.

    Raises:
        StepFailed: No set of versions fits, or an index can't be reached; or this Python is newer
            than the oldest supported one, which would let in packages that need the newer.
    """
    if sys.version_info[:3] != _LOCK_PYTHON:
        oldest = ".".join(map(str, _LOCK_PYTHON))
        raise StepFailed(
            f"Locks are compiled with Python {oldest}, this is {platform.python_version()}: "
            f"remove .wb/env and run this with {oldest} first on the PATH, as in Debian 12."
        )
    env = tool_env()
    # Other indexes and folders of wheels would hide hashes that the public index has.
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        env.pop(name, None)
    env["PIP_CONFIG_FILE"] = os.devnull
    options = [
        "--generate-hashes",
        "--strip-extras",
        "--allow-unsafe",
        "--no-header",
        "--no-emit-index-url",
        "--no-emit-trusted-host",
        "--no-emit-find-links",
        "--no-emit-options",
        "--upgrade",
    ]
    for name in ("build", "runtime", "dev"):
        run(
            f"deploy/locks/{name}.txt",
            [str(ENV / "bin" / "pip-compile"), *options, "-o", f"{name}.txt", f"{name}.in"],
            log=STATE / "logs" / "lock.log",
            env=env,
            cwd=LOCKS,
        )
