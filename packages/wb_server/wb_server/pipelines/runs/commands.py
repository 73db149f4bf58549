"""The commands of ``wb pipeline`` about runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...kit.room import CommandError
from ..api_client import ApiClient, pipeline_path

_ENDED = ("succeeded", "failed", "cancelled", "skipped")
_RUN = "its id, or PIPELINE#NUMBER"


def define(add: Any) -> None:
    """Adds the sub-commands; ``add`` adds one."""
    start = add("run", _start, "start a run and wait until it ends")
    start.add_argument("pipeline", help="its name or id")
    start.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter; separate the items of a list by commas, or write it as JSON",
    )  # fmt: skip
    start.add_argument(
        "--date", metavar="YYYY-MM-DD", help="the day to run for, as run.date (default: today)"
    )
    start.add_argument(
        "--key", help="an idempotency key: a second call with it returns the same run"
    )
    _waits(start)
    again = add("rerun", _rerun, "run all of a run again, for the same day, and wait until it ends")
    again.add_argument("run", help=_RUN)
    part = again.add_mutually_exclusive_group()
    part.add_argument(
        "--failed", action="store_true", help="only what did not succeed, and what comes after it"
    )
    part.add_argument("--task", help="only this task")
    again.add_argument(
        "--current",
        action="store_true",
        help="with the version that runs now, rather than the run's own",
    )
    _waits(again)
    runs = add("runs", list_runs, "list the runs of all pipelines, or of one, newest first")
    runs.add_argument("pipeline", nargs="?", help="its name or id")
    runs.add_argument("--state", choices=("queued", "running", *_ENDED), help="only these")
    runs.add_argument("--limit", type=int, default=50, help="how many at most (default: 50)")
    runs.add_argument("--json", action="store_true", help="as JSON, for scripts")
    logs = add("logs", _logs, "print the logs of a run")
    logs.add_argument("run", help=_RUN)
    logs.add_argument("--task", help="only this task")
    logs.add_argument("--follow", action="store_true", help="follow until the run has ended")
    cancel = add("cancel", _cancel, "cancel a run")
    cancel.add_argument("run", help=_RUN)
    notebook = add("notebook", _notebook, "download an executed notebook of a run")
    notebook.add_argument("run", help=_RUN)
    notebook.add_argument("task", nargs="?", help="its task, if the run has several notebooks")
    notebook.add_argument("--attempt", type=int, help="the attempt (default: the last one)")
    _writes(notebook)
    artifact = add("artifact", _artifact, "list the artifacts of a run, or download one")
    artifact.add_argument("run", help=_RUN)
    artifact.add_argument("artifact", nargs="?", metavar="TASK.NAME", help="download this one")
    _writes(artifact)


def _waits(command: argparse.ArgumentParser) -> None:
    command.add_argument("--no-wait", action="store_true", help="print the run's id and exit")


def _writes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="where to write it (default: its name, here; - prints)",
    )


# --- starting ------------------------------------------------------------------------------------


def _start(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        path = pipeline_path(arguments.pipeline)
        form = api("GET", f"{path}/form") if arguments.parameter else {}
        body: dict[str, Any] = {"parameters": _parameters(arguments.parameter, form)}
        if arguments.date:
            body["date"] = arguments.date
        if arguments.key:
            body["idempotency_key"] = arguments.key
        return _follow(api, api("POST", f"{path}/runs", body), arguments.no_wait)


def _rerun(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        run_id = run_id_of(api, arguments.run)
        what = "task" if arguments.task else "failed" if arguments.failed else "all"
        body = {"what": what, "version": "current" if arguments.current else "same"}
        if arguments.task:
            body["task"] = arguments.task
        return _follow(api, api("POST", f"/runs/{run_id}/rerun", body), arguments.no_wait)


def _follow(api: ApiClient, started: dict[str, Any], no_wait: bool) -> int:
    """Prints a run's id, then the states of its tasks until it ends."""
    print(started["id"], flush=True)
    if no_wait:
        return 0
    seen: dict[str, str] = {}
    while True:
        detail = api("GET", f"/runs/{started['id']}")
        for task in detail["tasks"]:
            shown = task.get("waiting") or task["state"]
            if seen.get(task["task"]) != shown:
                seen[task["task"]] = shown
                if task.get("waiting"):
                    print(f"{task['task']}: waits: {shown}", file=sys.stderr, flush=True)
                elif task["state"] not in ("waiting", "queued"):
                    print(f"{task['task']}: {_state(task)}", file=sys.stderr, flush=True)
        if detail["state"] in _ENDED:
            break
        time.sleep(0.5)
    print(_state(detail), file=sys.stderr)
    return 0 if detail["state"] == "succeeded" else 1


def _state(thing: dict[str, Any]) -> str:
    """The state of a run or a task, with the reason."""
    return f"{thing['state']}: {thing['message']}" if thing["message"] else str(thing["state"])


def _parameters(texts: list[str], form: dict[str, Any]) -> dict[str, Any]:
    """Parses ``NAME=VALUE`` by the types of the parameters; the service rejects what doesn't fit."""
    values: dict[str, Any] = {}
    for text in texts:
        name, found, value = text.partition("=")
        if not found or not name:
            raise CommandError(f"{text!r} isn't a parameter: write NAME=VALUE.")
        values[name] = value_of(value, form.get("properties", {}).get(name, {}))
    return values


def value_of(text: str, schema: dict[str, Any]) -> Any:
    """A value from the command line, as JSON; what can't be parsed stays text.

    Args:
        schema: the JSON Schema of the parameter.
    """
    kind = schema.get("type")
    if kind == "array":
        found = _loads(text) if text.lstrip().startswith("[") else None
        if isinstance(found, list):
            return found
        items = text.split(",") if text.strip() else []
        return [value_of(item.strip(), schema.get("items", {})) for item in items]
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    return _loads(text) if kind in ("integer", "number") else text


def _loads(text: str) -> Any:
    try:
        found = json.loads(text)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return found


# --- looking -------------------------------------------------------------------------------------


def run_id_of(api: ApiClient, text: str) -> str:
    """The id of a run, which may be written ``PIPELINE#NUMBER``; quoted for a path."""
    pipeline, mark, number = text.rpartition("#")
    if not mark:
        return quote(text, safe="")
    if not number.isdecimal() or not pipeline:
        raise CommandError(f"{text!r} isn't a run: write its id, or PIPELINE#NUMBER.")
    found = api("GET", "/runs", pipeline=pipeline, number=int(number))["items"]
    if not found:
        raise CommandError(f"{pipeline} has no run {number}, or it was deleted because of its age.")
    return str(found[0]["id"])


def list_runs(arguments: argparse.Namespace) -> int:
    """Lists the runs of one pipeline or of all."""
    query = {"pipeline": arguments.pipeline, "state": getattr(arguments, "state", None)}
    limit = max(1, getattr(arguments, "limit", 50))
    asked = {name: value for name, value in query.items() if value}
    items: list[dict[str, Any]] = []
    with ApiClient() as api:
        for item in api.pages("/runs", limit=min(limit, 200), **asked):
            items.append(item)
            if len(items) == limit:
                break
    if arguments.json:
        print(json.dumps(items, indent=2))
        return 0
    head = ("run", "state", "trigger", "by", "created", "id")
    table(
        head,
        [
            (
                f"{run['pipeline']}#{run['number']}",
                run["state"],
                run["trigger"],
                run["triggered_by"],
                run["created_at"],
                run["id"],
            )
            for run in items
        ],
    )
    return 0


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Prints rows as aligned columns."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(str(v).ljust(w) for v, w in zip(row, widths, strict=True)).rstrip())


def show_run(api: ApiClient, run_id: str) -> None:
    """Prints a run with its tasks."""
    run = api("GET", f"/runs/{run_id}")
    print(f"{run['pipeline']}#{run['number']}, version {run['version']}: {_state(run)}")
    print(
        f"for {run['run_date'] or run['logical_at']}, {run['trigger']} by {run['triggered_by']}, as {run['run_as']}"
    )
    for name, value in run["parameters"].items():
        print(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    for task in run["tasks"]:
        print(f"{task['task']}: {_state(task)}")
        for name, value in task["outputs"].items():
            print(f"  {name} = {json.dumps(value, ensure_ascii=False)}")
        for file in task["artifacts"]:
            print(f"  {task['task']}.{file['name']} ({file['size']:,} bytes)")


def _logs(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        run_id = run_id_of(api, arguments.run)
        offsets: dict[str, int] = {}
        while True:
            detail = api("GET", f"/runs/{run_id}")
            tasks = [t for t in detail["tasks"] if arguments.task in (None, t["task"])]
            if not tasks and arguments.task:
                raise CommandError(f"The run has no task {arguments.task!r}.")
            for task in tasks:
                for attempt in task["attempts"]:
                    _print_log(api, task["task"], attempt, offsets)
            if detail["state"] in _ENDED or not arguments.follow:
                return 0 if detail["state"] != "failed" else 1
            time.sleep(0.7)


def _print_log(api: ApiClient, task: str, attempt: dict[str, Any], offsets: dict[str, int]) -> None:
    while True:
        start = offsets.get(attempt["id"], 0)
        page = api("GET", f"/attempts/{attempt['id']}/log", start=start)
        for line in page["text"].splitlines():
            print(f"{task}#{attempt['number']}  {line}")
        offsets[attempt["id"]] = page["next"]
        if page["next"] == start:
            return


def _cancel(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        run = api("POST", f"/runs/{run_id_of(api, arguments.run)}/cancel")
    print("cancelled" if run["state"] == "cancelled" else "cancelling; it ends within seconds")
    return 0


def _notebook(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        detail = api("GET", f"/runs/{run_id_of(api, arguments.run)}")
        found = [
            (task["task"], attempt)
            for task in detail["tasks"]
            for attempt in task["attempts"]
            if attempt["has_notebook"]
            and arguments.task in (None, task["task"])
            and arguments.attempt in (None, attempt["number"])
        ]
        tasks = list(dict.fromkeys(task for task, _ in found))
        if not found:
            raise CommandError("The run has no such executed notebook.")
        if len(tasks) > 1:
            raise CommandError(f"Name the task, one of: {', '.join(tasks)}.")
        task, attempt = found[-1]
        name = f"{detail['pipeline']}-{detail['number']}-{task}.ipynb"
        return _write(api, f"/attempts/{attempt['id']}/notebook", arguments.output, name)


def _artifact(arguments: argparse.Namespace) -> int:
    with ApiClient() as api:
        run_id = run_id_of(api, arguments.run)
        detail = api("GET", f"/runs/{run_id}")
        files = {
            f"{task['task']}.{file['name']}": (task["task"], file)
            for task in detail["tasks"]
            for file in task["artifacts"]
        }
        if arguments.artifact is None:
            for name, (_, file) in files.items():
                print(f"{name}  {file['size']:,} bytes  {file['media_type']}")
            return 0
        if arguments.artifact not in files:
            raise CommandError(
                f"The run has no artifact {arguments.artifact!r}. It has: {', '.join(files) or 'none'}."
            )
        task, file = files[arguments.artifact]
        path = f"/runs/{run_id}/artifacts/{quote(task, safe='')}/{quote(file['name'], safe='')}"
        return _write(api, path, arguments.output, file["name"])


def _write(api: ApiClient, path: str, output: str | None, name: str) -> int:
    """Downloads a file; it appears only once it is complete, and replaces none that wasn't named."""
    with api.download(path) as pieces:
        if output == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return 0
        target = Path(output or name)
        if output is None and target.exists():
            raise CommandError(f"{target} exists already. Choose another file with -o.")
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with partial.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    print(f"{target}: {target.stat().st_size:,} bytes")
    return 0
