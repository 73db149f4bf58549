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
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from ..kit.room import CommandError
from ..user_server.folder import collect, snapshot

TEXT = "check, save, run and watch pipelines (over the API, for scripts)"

_ENDED = ("succeeded", "failed", "cancelled", "skipped")


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
    run = add("run", _run, "start a run and wait until it ends")
    run.add_argument("pipeline", help="its name or id")
    run.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter; separate the items of a list by commas",
    )  # fmt: skip
    run.add_argument("--key", help="an idempotency key: a second call with it returns the same run")
    run.add_argument("--no-wait", action="store_true", help="print the run's id and exit")
    listing = add("list", _list, "list pipelines, or a pipeline's runs")
    listing.add_argument("pipeline", nargs="?", help="list the runs of this pipeline")
    listing.add_argument("--json", action="store_true", help="as JSON, for scripts")
    show = add("show", _show, "print a version's file, and whether it is approved")
    show.add_argument("pipeline", help="its name or id")
    show.add_argument("--version", type=int, help="the version (default: the newest)")
    show.add_argument("--file", metavar="PATH", help="print this file of its folder instead")
    approve = add("approve", _approve, "let a version run with your rights, as its owner")
    approve.add_argument("pipeline", help="its name or id")
    approve.add_argument("version", type=int, help="the version that you reviewed")
    logs = add("logs", _logs, "print the logs of a run")
    logs.add_argument("run", help="its id")
    logs.add_argument("--task", help="only this task")
    logs.add_argument("--follow", action="store_true", help="follow until the run has ended")
    cancel = add("cancel", _cancel, "cancel a run")
    cancel.add_argument("run", help="its id")


def run(arguments: argparse.Namespace) -> int:
    """Runs a sub-command and returns its exit status."""
    try:
        return int(arguments.run_pipeline(arguments))
    except CommandError as error:
        print(f"wb: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


# --- commands ------------------------------------------------------------------------------------


def _validate(arguments: argparse.Namespace) -> int:
    bad = 0
    with _ApiClient() as api:
        for path in arguments.file:
            text = _text(path)
            found = api("POST", "/pipelines/check", text_files(path, text))
            for problem in found["problems"]:
                place = f"{path}:{problem['line']}:{problem['column']}"
                print(f"{place}: {problem['message']}")
            bad += not found["ok"]
            if found["ok"]:
                print(f"{path}: no problems found")
    return 1 if bad else 0


def text_files(path: Path, text: str) -> dict[str, Any]:
    """The body of a check request for a file and its folder."""
    return {"text": text, "files": [name for name, _ in collect(path.parent)]}


def _save(arguments: argparse.Namespace) -> int:
    path: Path = arguments.file
    text = _text(path)
    files = {name: base64.b64encode(content).decode() for name, content in snapshot(path.parent)}
    body: dict[str, Any] = {"text": text, "files": files, "note": arguments.note}
    with _ApiClient() as api:
        name = _name_of(text)
        known = name and api("GET", f"/pipelines/{quote(name, safe='')}", status=(404,))
        if known:
            saved = api("POST", f"/pipelines/{known['id']}", body, problems=path)
        else:
            saved = api("POST", "/pipelines", body, problems=path)
    waits = "" if saved["approved"] == saved["head"] else "; waiting for its owner's approval"
    print(f"{saved['name']}: version {saved['head']} with {len(files)} files{waits}")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    with _ApiClient() as api:
        path = f"/pipelines/{quote(arguments.pipeline, safe='')}"
        form = api("GET", f"{path}/form") if arguments.parameter else {}
        body: dict[str, Any] = {"parameters": _parameters(arguments.parameter, form)}
        if arguments.key:
            body["idempotency_key"] = arguments.key
        started = api("POST", f"{path}/runs", body)
        print(started["id"], flush=True)
        if arguments.no_wait:
            return 0
        seen: dict[str, str] = {}
        while True:
            detail = api("GET", f"/runs/{started['id']}")
            for task in detail["tasks"]:
                if seen.get(task["task"]) != task["state"]:
                    seen[task["task"]] = task["state"]
                    if task["state"] not in ("waiting", "queued"):
                        why = f": {task['message']}" if task["message"] else ""
                        print(f"{task['task']}: {task['state']}{why}", file=sys.stderr, flush=True)
            if detail["state"] in _ENDED:
                break
            time.sleep(0.5)
    why = f": {detail['message']}" if detail["message"] else ""
    print(f"{detail['state']}{why}", file=sys.stderr)
    return 0 if detail["state"] == "succeeded" else 1


def _list(arguments: argparse.Namespace) -> int:
    with _ApiClient() as api:
        if arguments.pipeline:
            items = api("GET", "/runs", pipeline=arguments.pipeline, limit=50)["items"]
            rows = [
                (r["id"], r["state"], r["trigger"], r["triggered_by"], r["created_at"])
                for r in items
            ]
            head = ("run", "state", "trigger", "by", "created")
        else:
            items = api("GET", "/pipelines")["items"]
            rows = [
                (
                    p["name"],
                    _last(p["last_run"]),
                    _next(p),
                    p["owner"]["name"],
                    " ".join(p["labels"]),
                )
                for p in items
            ]
            head = ("pipeline", "last run", "next", "owner", "labels")
    if arguments.json:
        print(json.dumps(items, indent=2))
        return 0
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(str(v).ljust(w) for v, w in zip(row, widths, strict=True)).rstrip())
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
    path = f"/pipelines/{quote(arguments.pipeline, safe='')}"
    with _ApiClient() as api:
        pipeline = api("GET", path)
        number = arguments.version or pipeline["head"]
        if arguments.file:
            sys.stdout.buffer.write(api.bytes(f"{path}/versions/{number}/file", arguments.file))
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
    path = f"/pipelines/{quote(arguments.pipeline, safe='')}"
    with _ApiClient() as api:
        approved = api("POST", f"{path}/approve", {"version": arguments.version})
    print(f"{approved['name']}: version {approved['approved']} is approved and runs from now on")
    return 0


def _logs(arguments: argparse.Namespace) -> int:
    with _ApiClient() as api:
        offsets: dict[str, int] = {}
        while True:
            detail = api("GET", f"/runs/{quote(arguments.run, safe='')}")
            tasks = [t for t in detail["tasks"] if arguments.task in (None, t["task"])]
            if not tasks:
                raise CommandError(f"The run has no task {arguments.task!r}.")
            for task in tasks:
                for attempt in task["attempts"]:
                    _print_log(api, task["task"], attempt, offsets)
            if detail["state"] in _ENDED or not arguments.follow:
                return 0 if detail["state"] != "failed" else 1
            time.sleep(0.7)


def _print_log(
    api: _ApiClient, task: str, attempt: dict[str, Any], offsets: dict[str, int]
) -> None:
    while True:
        start = offsets.get(attempt["id"], 0)
        page = api("GET", f"/attempts/{attempt['id']}/log", start=start)
        for line in page["text"].splitlines():
            print(f"{task}#{attempt['number']}  {line}")
        offsets[attempt["id"]] = page["next"]
        if page["next"] == start:
            return


def _cancel(arguments: argparse.Namespace) -> int:
    with _ApiClient() as api:
        run = api("POST", f"/runs/{quote(arguments.run, safe='')}/cancel")
    print("cancelled" if run["state"] == "cancelled" else "cancelling; it ends within seconds")
    return 0


# --- shared parts --------------------------------------------------------------------------------


class _ApiClient:
    """A client of the API whose errors are lines for a terminal."""

    def __init__(self) -> None:
        url = os.environ.get("WORKBENCH_URL", "")
        token = os.environ.get("WORKBENCH_TOKEN") or os.environ.get("JUPYTERHUB_API_TOKEN", "")
        if not url or not token:
            raise CommandError(
                "Set WORKBENCH_URL (as https://hub.example.org/services/workbench) and "
                "WORKBENCH_TOKEN (a token from the Hub's page Token)."
            )
        self._http = httpx.Client(  # noqa: TID251  the user's own command, with their proxy
            base_url=f"{url.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            follow_redirects=False,
        )

    def __enter__(self) -> _ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def bytes(self, path: str, file: str) -> bytes:
        """The content of a file in a version's folder."""
        answer = self._http.get(path, params={"path": file})
        if not answer.is_success:
            raise CommandError(answer.json()["error"]["message"])
        return answer.content

    def __call__(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        status: tuple[int, ...] = (),
        problems: Path | None = None,
        **query: Any,
    ) -> Any:
        """Makes one call. Returns ``None`` if the answer has one of the error codes in ``status``."""
        try:
            answer = self._http.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            raise CommandError(f"The Workbench does not answer: {error}") from None
        if answer.status_code in status:
            return None
        try:
            value = answer.json()
        except ValueError:
            raise CommandError(f"This isn't a Workbench: {answer.status_code}") from None
        if answer.is_success:
            return value
        failure = value.get("error", {}) if isinstance(value, dict) else {}
        found = failure.get("details", {}).get("problems")
        if problems is not None and found:
            raise CommandError(
                "the file has mistakes\n"
                + "\n".join(f"{problems}:{p['line']}:{p['column']}: {p['message']}" for p in found)
            )
        raise CommandError(failure.get("message") or f"status {answer.status_code}")


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


def _parameters(texts: list[str], form: dict[str, Any]) -> dict[str, Any]:
    """Parses ``NAME=VALUE`` by the types of the parameters; the service rejects what doesn't fit."""
    values: dict[str, Any] = {}
    for text in texts:
        name, found, value = text.partition("=")
        if not found or not name:
            raise CommandError(f"{text!r} isn't a parameter: write NAME=VALUE.")
        values[name] = _value(value, form.get("properties", {}).get(name, {}).get("type"))
    return values


def _value(text: str, kind: Any) -> Any:
    kinds = kind if isinstance(kind, list) else [kind]
    if "array" in kinds and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",")] if text.strip() else []
    if {"array", "integer", "number", "boolean"} & set(kinds):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
