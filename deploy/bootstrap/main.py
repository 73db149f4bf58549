"""The command ``./wb``: prepares the machine, then runs what was asked.

It runs with the machine's own Python, so it uses only the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import packages
import steps
from prepare import prepare
from progress import StepFailed

HELP = """\
The Workbench: a data engineering workbench on Jupyter.

Usage: ./wb COMMAND [options]      (./wb COMMAND --help lists a command's options)

  up          start everything on this machine, until Ctrl-C
                --port 8000  --host 127.0.0.1  --data-dir DIR  --sample  --verbose
  config      print the settings in force and where each comes from
  migrate     migrate the metadata database to this version, after copying it
                --back COPY  --no-copy  --data-dir DIR
  backup      copy databases, blobs, settings and files into one file, even while it runs
                FILE.tar  --passphrase-file FILE  --without-users  --without-files
                --damaged-blobs  --quiet  --data-dir DIR
  restore     restore a backup into an empty data folder, and verify it
                FILE.tar  --passphrase-file FILE  --data-dir DIR  --database-url URL
                --key-file FILE  --quiet
  audit       the audit log: verify, checkpoint, export, prune
                verify --checkpoint FILE   prune --older-than DAYS
                export --since TIME --until TIME --format jsonl|csv --output FILE
  rotate-key  replace the master key; the service may keep running
  credentials  replace the password of a connection's login
                rotate NAME  --other-login LOGIN  --password-file FILE  --one-login
  pipeline    check, save, run and watch pipelines, over the API
                validate FILE   save FILE   run NAME -p NAME=VALUE --no-wait   list [NAME] --json
                logs RUN --follow   cancel RUN
  people      remove a user who leaves, and transfer what they own; on the Hub's machine
                leave NAME --to user/NAME|team/GROUP  --yes  --as ADMIN  --data-dir DIR
  service     run the Workbench service alone
  worker      run tasks of pipelines; any number of workers, on this machine or others
  worker-setup  print what a worker on another machine needs
                --hub URL
  scheduler   fire the schedules of pipelines

For developing the Workbench:

  test        run the tests
                --fast  --changed [BRANCH]  --systems NAMES
  lint        check style, types and layering
  bench NAME  run a benchmark
                --json  --quick
  chaos       run pipelines while their processes are killed, and check the guarantees
                --runs N  --faults M  --seed S  --database sqlite|postgresql
  generate    regenerate the generated files
  lock        recompile deploy/locks
  prepare     prepare the environment and stop

  help        print this text
"""

_DEVELOPER = {"test", "lint", "bench", "chaos", "generate"}
_SERVER = {
    "audit",
    "backup",
    "config",
    "credentials",
    "migrate",
    "pipeline",
    "restore",
    "rotate-key",
    "sample",
    "scheduler",
    "service",
    "worker",
    "worker-setup",
}


def _become(arguments: list[str]) -> None:
    """Replaces this process, so that signals reach the command itself."""
    os.environ["PATH"] = steps.tool_env()["PATH"]
    for name in ("PYTHONHOME", "PYTHONPATH"):
        os.environ.pop(name, None)
    os.environ["PYTHONNOUSERSITE"] = "1"
    os.execv(steps.PYTHON, [str(steps.PYTHON), *arguments])


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    # Whichever signal ends us, it also ends the step in progress.
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGHUP, _interrupted)
    command, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if command in {"help", "-h", "--help"}:
        print(HELP, end="")
        return 0
    # -P: don't import from the current folder.
    if command == "up":
        if not {"-h", "--help"} & set(rest) or not steps.PYTHON.exists():
            prepare(product=True, dev=False)
        _become(["-P", "-m", "wb_hub.up", *rest])
    elif command == "people":
        prepare(product=True, dev=False)
        _become(["-P", "-m", "wb_hub.people_command", *rest])
    elif command in _DEVELOPER:
        prepare(product=True, dev=True)
        _become([str(steps.REPO / "tests" / "dev.py"), command, *rest])
    elif command in _SERVER:
        prepare(product=True, dev=False)
        _become(["-P", "-m", "wb_hub.quick", "wb_server.cli", command, *rest])
    elif command == "lock":
        prepare(product=False, dev=True)
        packages.compile_locks()
        return 0
    elif command == "prepare":
        prepare(product=True, dev="--dev" in rest)
        return 0
    print(f"wb: there is no command {command!r}\n\n{HELP}", end="", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StepFailed as failure:
        print(f"wb: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("wb: interrupted; the next ./wb continues from here", file=sys.stderr)
        sys.exit(130)
