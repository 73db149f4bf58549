"""``wb pipeline``: check, save, run and watch pipelines from a shell, over the API.

It calls the service at ``WORKBENCH_URL`` with the token in ``WORKBENCH_TOKEN``; a terminal in Lab has
both set. The exit status is 0 on success, 1 if a file has mistakes or a run did not succeed, and 2 if
the command could not be carried out.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ..kit.room import CommandError
from ..user_server.folder import collect, snapshot
from .api_client import ApiClient, pipeline_path, problem_lines
from .runs import commands as runs
from .runs.commands import list_runs, run_id_of, show_run, table

TEXT = "check, save, run and watch pipelines (over the API, for scripts)"

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_PIPELINE = "its name or id"


def define(parser: argparse.ArgumentParser, settings: Callable[..., None]) -> None:
    """Adds the sub-commands."""
    commands = parser.add_subparsers(dest="pipeline_command", required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(run_pipeline=run)
        return command

    validate = add("validate", _validate, "list all problems of files")
    validate.add_argument("file", type=Path, nargs="+", help="a *.pipeline.yaml")
    save = add("save", _save, "save a file with its folder, as a new pipeline or a new version")
    save.add_argument("file", type=Path, help="a *.pipeline.yaml")
    save.add_argument("--note", default="", help="what changed, for the list of versions")
    save.add_argument(
        "-y", "--yes", action="store_true", help="don't ask before files of the folder are added"
    )
    listing = add("list", _list, "list pipelines, or a pipeline's runs")
    listing.add_argument("pipeline", nargs="?", help="list the runs of this pipeline")
    listing.add_argument("--json", action="store_true", help="as JSON, for scripts")
    show = add("show", _show, "print a run, or a version's file and whether it is approved")
    show.add_argument("pipeline", metavar="PIPELINE|RUN", help="its name or id; a run as NAME#7")
    show.add_argument("--version", type=int, help="the version (default: the newest)")
    show.add_argument("--file", metavar="PATH", help="print this file of its folder instead")
    approve = add("approve", _approve, "let a version run with your rights, as its owner")
    approve.add_argument("pipeline", help=_PIPELINE)
    approve.add_argument("version", type=int, help="the version that you reviewed")
    for name, run, text in (
        ("pause", _pause, "stop a pipeline's schedule until it is resumed"),
        ("resume", _resume, "resume a pipeline's schedule"),
        ("delete", _delete, "delete a pipeline and cancel its runs; it can be restored"),
        ("restore", _restore, "bring back a deleted pipeline"),
    ):
        add(name, run, text).add_argument("pipeline", help=_PIPELINE)
    runs.define(add)


def run(arguments: argparse.Namespace) -> int:
    """Runs a sub-command and returns its exit status."""
    try:
        return int(arguments.run_pipeline(arguments))
    except BrokenPipeError:
        # What it was piped into has seen enough. Python would complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (CommandError, OSError, UnicodeError) as error:
        print(f"wb: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


# --- files ---------------------------------------------------------------------------------------


def _validate(arguments: argparse.Namespace) -> int:
    bad = 0
    with ApiClient() as api:
        for path in arguments.file:
            text = _text(path)
            found = api("POST", "/pipelines/check", text_files(path, text))
            lines = problem_lines(path, found["problems"])
            lines += problem_lines(path, found["warnings"], "warning: ")
            print("\n".join(lines) if lines else f"{path}: no problems found")
            bad += not found["ok"]
    return 1 if bad else 0


def text_files(path: Path, text: str) -> dict[str, Any]:
    """The body of a check request for a file and its folder."""
    return {"text": text, "files": [name for name, _ in collect(path.parent)]}


def _save(arguments: argparse.Namespace) -> int:
    path: Path = arguments.file
    text = _text(path)
    content = dict(snapshot(path.parent))
    with ApiClient() as api:
        name = _name_of(text)
        known = name and api("GET", pipeline_path(name), status=(404,))
        before: Mapping[str, str] = {}
        if known:
            before = api("GET", f"/pipelines/{known['id']}/versions/{known['head']}")["files"]
        if not _agreed(arguments, {file: content[file] for file in content if file not in before}):
            print("Nothing was saved.", file=sys.stderr)
            return 2
        files = {file: base64.b64encode(data).decode() for file, data in content.items()}
        body: dict[str, Any] = {"text": text, "files": files, "note": arguments.note}
        saved = api(
            "POST", f"/pipelines/{known['id']}" if known else "/pipelines", body, problems=path
        )
    waits = "" if saved["approved"] == saved["head"] else "; waiting for its owner's approval"
    for line in problem_lines(path, saved["warnings"], "warning: "):
        print(line, file=sys.stderr)
    print(f"{saved['name']}: version {saved['head']} with {len(files)} files{waits}")
    return 0


def _agreed(arguments: argparse.Namespace, added: Mapping[str, bytes]) -> bool:
    """Lists the files that the newest version doesn't have yet, and asks before they are saved.

    A script isn't asked, unless it would save the files of a whole home.
    """
    shown = {name: data for name, data in added.items() if not name.startswith(".")}
    for name, data in shown.items():
        print(f"+ {name}  {len(data):,} bytes", file=sys.stderr)
    if arguments.yes or not shown:
        return True
    if sys.stdin.isatty():
        total = sum(map(len, shown.values()))
        print(
            f"Save {_count(shown)} ({total:,} bytes) with the pipeline? [y/N] ",
            end="", file=sys.stderr, flush=True,
        )  # fmt: skip
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    if arguments.file.parent.resolve() == Path.home().resolve():
        raise CommandError(
            f"{arguments.file} is in your home, and {_count(shown)} of it would be saved with it. "
            "Move it to a folder of its own, or agree with --yes."
        )
    return True


def _count(files: Collection[str]) -> str:
    return "1 file" if len(files) == 1 else f"{len(files)} files"


# --- pipelines -----------------------------------------------------------------------------------


def _list(arguments: argparse.Namespace) -> int:
    if arguments.pipeline:
        return list_runs(arguments)
    with ApiClient() as api:
        items = list(api.pages("/pipelines"))
    if arguments.json:
        print(json.dumps(items, indent=2))
        return 0
    table(
        ("pipeline", "last run", "next", "owner", "labels"),
        [
            (
                each["name"],
                _last(each["last_run"]),
                _next(each),
                each["owner"]["name"],
                " ".join(each["labels"]),
            )
            for each in items
        ],
    )
    return 0


def _last(run: dict[str, Any] | None) -> str:
    """The state of a pipeline's last run, with the error code if it failed."""
    if run is None:
        return "–"
    return f"{run['state']}: {run['code']}" if run["code"] else str(run["state"])


def _next(pipeline: dict[str, Any]) -> str:
    """When a pipeline's schedule fires next, or why it doesn't."""
    if pipeline["approved"] is None:
        return "waits for approval"
    return "paused" if pipeline["paused"] else pipeline["next_fire_at"] or "–"


def _show(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        if "#" in arguments.pipeline:
            show_run(api, run_id_of(api, arguments.pipeline))
            return 0
        path = pipeline_path(arguments.pipeline)
        is_id = _UUID.match(arguments.pipeline) is not None
        pipeline = api("GET", path, status=(404,) if is_id else ())
        if pipeline is None:
            show_run(api, arguments.pipeline)
            return 0
        number = arguments.version or pipeline["head"]
        if arguments.file:
            with api.download(f"{path}/versions/{number}/file", {"path": arguments.file}) as pieces:
                for piece in pieces:
                    sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return 0
        version = api("GET", f"{path}/versions/{number}")
    print(version["text"], end="" if version["text"].endswith("\n") else "\n")
    state = "runs" if number == pipeline["approved"] else "does not run"
    if number == pipeline["head"] != pipeline["approved"]:
        owner = pipeline["owner"]["name"]
        state = (
            f"waits for the approval of {owner}: ./wb pipeline approve {pipeline['name']} {number}"
        )
    lines = [f"version {number} by {version['author']} {state}"]
    for name, digest in sorted(version["files"].items()):
        lines.append(f"with {name} (SHA-256 {digest})")
    print("\n".join(lines), file=sys.stderr)
    return 0


def _approve(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        path = f"{pipeline_path(arguments.pipeline)}/approve"
        approved = api("POST", path, {"version": arguments.version})
    print(f"{approved['name']}: version {approved['approved']} is approved and runs from now on")
    return 0


def _pause(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        paused = api("PATCH", pipeline_path(arguments.pipeline), {"paused": True})
    print(f"{paused['name']}: paused; ./wb pipeline resume {paused['name']} continues")
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        resumed = api("PATCH", pipeline_path(arguments.pipeline), {"paused": False})
    print(f"{resumed['name']}: next run {resumed['next_fire_at'] or 'by hand; it has no schedule'}")
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        gone = api("DELETE", pipeline_path(arguments.pipeline))
    print(
        f"{gone['name']}: deleted; within 30 days ./wb pipeline restore {gone['id']} brings it back"
    )
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        name = arguments.pipeline
        deleted = list(api.pages("/pipelines", deleted=True))
        found = [each["id"] for each in deleted if name in (each["id"], each["name"])]
        if not found:
            raise CommandError(f"There is no deleted pipeline {name!r} that you may restore.")
        if len(found) > 1:
            raise CommandError(f"Several are called {name!r}. Give the id: {', '.join(found)}.")
        restored = api("POST", f"{pipeline_path(found[0])}/restore")
    print(f"{restored['name']}: restored")
    return 0


# --- shared parts --------------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} can't be read: {error}") from None


def _name_of(text: str) -> str:
    """The pipeline's name, from a quick look at the lines; the service parses the file properly."""
    for line in text.splitlines():
        key, found, value = line.partition(":")
        if found and key == "name":
            return value.split("#")[0].strip().strip("'\"")
    return ""
