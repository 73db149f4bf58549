"""The developers' commands below ``./wb``: test, lint, generate, bench, chaos.

They run in the environment that ``./wb`` prepared. A failed step's output is printed; a table at the end
shows where the time went.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LABEXT = ROOT / "packages" / "wb_labext"
BIN = Path(sys.executable).parent
PYTHON = sys.executable


@dataclass
class Step:
    """A check: its name and its command."""

    name: str
    command: list[str]
    folder: Path = ROOT
    seconds: float = 0.0
    status: int | None = None

    @property
    def ok(self) -> bool:
        """True if the check ran and passed."""
        return self.status == 0


def static_steps() -> list[Step]:
    """Static checks: style, types, layers, generated files."""
    npm = [str(BIN / "npm")]
    return [
        Step("Python style (ruff)", [str(BIN / "ruff"), "check", "."]),
        Step("Python layout (ruff format)", [str(BIN / "ruff"), "format", "--check", "."]),
        Step("Python types (mypy)", [str(BIN / "mypy")]),
        Step("layers (import-linter)", [str(BIN / "lint-imports")]),
        Step("generated files", [PYTHON, "tests/generate.py", "--check"]),
        Step("TypeScript style (eslint)", [*npm, "run", "--silent", "lint"], LABEXT),
        Step("TypeScript types (tsc)", [*npm, "run", "--silent", "typecheck"], LABEXT),
        Step("TypeScript tests (vitest)", [*npm, "test", "--silent"], LABEXT),
    ]


# More processes than cores: each spends about half its time waiting for what it started.
PROCESSES = 4


def test_step(*options: str) -> Step:
    """The Python tests, distributed over processes by ``tests/support/spread.py``."""
    return Step("Python tests", [PYTHON, "-m", "pytest", "-q", "-n", str(PROCESSES), *options])


def run(step: Step) -> bool:
    """Runs a step and prints its result, with the output of a failure and the summary of tests."""
    began = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=step.folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    step.seconds = time.monotonic() - began
    step.status = done.returncode
    print(f"  {step.name}: {'ok' if step.ok else 'FAILED'}, {step.seconds:.0f} s", flush=True)
    if not step.ok:
        print(done.stdout, flush=True)
    elif "pytest" in step.command:
        lines = done.stdout.strip().splitlines()
        for line in (*(it for it in lines if it.startswith(("rate: ", "values: "))), lines[-1]):
            print(f"    {line}", flush=True)
    return step.ok


def table(steps: Sequence[Step], seconds: float) -> None:
    """Prints each step's time and result; the two lanes overlap."""
    width = max(len(step.name) for step in steps)
    print(f"\n{'step':<{width}}  seconds  result")
    for step in steps:
        result = {0: "ok", None: "not run"}.get(step.status, "FAILED")
        print(f"{step.name:<{width}}  {step.seconds:7.1f}  {result}")
    print(f"{'all, start to end':<{width}}  {seconds:7.1f}")


def system_packages() -> None:
    """Installs missing system packages, if permitted.

    Raises:
        SystemExit: packages are missing and can't be installed; the message names them.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    from support.browser import executable
    from support.mariadb import server_binary
    from support.postgres import binaries

    missing = []
    for package, probe in (
        ("postgresql", binaries),
        ("mariadb-server", server_binary),
        ("chromium", executable),
    ):
        try:
            probe()
        except RuntimeError:
            missing.append(package)
    if not missing:
        return
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    may = shutil.which("apt-get") and (
        not sudo
        or (
            shutil.which("sudo")
            and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
        )
    )
    if not may:
        sys.exit(f"wb: the tests need: {' '.join(missing)}. Run: apt install {' '.join(missing)}")
    print(f"  installing {' and '.join(missing)} with apt …", flush=True)
    apt = [*sudo, "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    for command in ([*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
        if done.returncode:
            sys.exit(f"wb: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _all(*lanes: list[Step]) -> int:
    """Runs the lanes in parallel and every step in them, so that one run shows all failures."""
    began = time.monotonic()
    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(lambda lane: [run(step) for step in lane], lanes))
    steps = [step for lane in lanes for step in lane]
    table(steps, time.monotonic() - began)
    return 0 if all(step.ok for step in steps) else 1


def _test(arguments: argparse.Namespace) -> int:
    if arguments.systems:
        system_packages()
        names = arguments.systems.replace(",", " ")
        return _all([test_step("tests/systems", "--systems", names)])
    if arguments.changed:
        from reach import Reach, changed

        files = Reach().tests(changed(arguments.changed))
        if not files:
            print("  nothing has changed")
            return 0
        print(f"  {len(files)} test files can be reached")
        system_packages()
        return _all([test_step(*files)], static_steps())
    if arguments.fast:
        return _all([test_step("--no-servers")], static_steps())
    system_packages()
    return _all([test_step()], static_steps())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status."""
    parser = argparse.ArgumentParser(prog="wb")
    commands = parser.add_subparsers(dest="command", required=True)
    test = commands.add_parser("test", help="run every check and test")
    test.add_argument("--fast", action="store_true", help="skip tests with servers or a browser")
    test.add_argument(
        "--changed",
        nargs="?",
        const="main",
        metavar="BRANCH",
        help="run only tests that changes since BRANCH can affect (default: main)",
    )
    test.add_argument(
        "--systems", metavar="NAMES", help="run only the tests against these systems, such as mysql"
    )
    commands.add_parser("lint", help="style, types, layers, generated files")
    commands.add_parser("generate", help="regenerate the generated files")
    bench = commands.add_parser("bench", help="run a benchmark against its peers")
    bench.add_argument("name", choices=["query", "load", "pipelines"])
    bench.add_argument("rest", nargs=argparse.REMAINDER)
    commands.add_parser("chaos", help="run pipelines while killing their processes", add_help=False)
    arguments, rest = parser.parse_known_args(argv)
    if rest and arguments.command != "chaos":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if arguments.command == "test":
        return _test(arguments)
    if arguments.command == "lint":
        return _all(static_steps())
    if arguments.command == "generate":
        return subprocess.call([PYTHON, "tests/generate.py"], cwd=ROOT)
    system_packages()
    if arguments.command == "chaos":
        return subprocess.call([PYTHON, "tests/chaos.py", *rest], cwd=ROOT)
    return subprocess.call([PYTHON, f"tests/bench/{arguments.name}.py", *arguments.rest], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
