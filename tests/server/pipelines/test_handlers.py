"""Pipelines over HTTP; one full lifecycle on each host: embedded, behind the Hub, through the gateway."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support.api import Api, every_host
from support.wait import wait_for


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if self.path != "/broken" else 500)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        key = self.headers["Idempotency-Key"]
        self.wfile.write(json.dumps({"got": json.loads(body), "key": key}).encode())

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def ended(api: Api, run_id: str) -> dict[str, Any]:
    """Waits until a run has ended; returns it."""
    states = ("queued", "running")
    wait_for(lambda: api.ok("GET", f"/runs/{run_id}")["state"] not in states, 60)
    return api.ok("GET", f"/runs/{run_id}")


@every_host
def test_a_pipeline_is_checked_saved_run_changed_and_deleted(api: Api, echo: str) -> None:
    name = f"p_{uuid.uuid4().hex[:10]}"
    text = (
        f"name: {name}\nparameters: {{n: {{type: integer, default: 3}}}}\ntasks:\n"
        f"  call: {{type: http, url: '{echo}/x', body: {{n: '{{{{ params.n }}}}'}}}}\n"
    )
    checked = api.ok("POST", "/pipelines/check", {"text": text})
    assert checked["ok"]
    assert checked["parameters"]["properties"]["n"]["default"] == 3
    assert not api.ok("POST", "/pipelines/check", {"text": text + "  more: {}\n"})["ok"]
    files = {"notes.md": base64.b64encode(b"text").decode()}
    made = api.ok("POST", "/pipelines", {"text": text, "files": files})
    assert api.refused(409, "POST", "/pipelines", {"text": text})["code"] == "name_taken"
    refused = api.refused(400, "POST", "/pipelines", {"text": "name: [\n"})
    assert refused["code"] == "bad_pipeline"
    assert refused["details"]["problems"][0]["line"]
    path = f"/pipelines/{made['id']}"
    run = api.ok("POST", f"{path}/runs", {"parameters": {"n": 5}, "idempotency_key": "once"})
    again = api.ok("POST", f"{path}/runs", {"parameters": {"n": 5}, "idempotency_key": "once"})
    assert again["id"] == run["id"]
    done = ended(api, run["id"])
    assert done["state"] == "succeeded", done["message"]
    (task,) = done["tasks"]
    assert task["outputs"]["answer"] == {"got": {"n": 5}, "key": task["id"]}
    log = api.ok("GET", f"/attempts/{task['attempts'][0]['id']}/log")
    assert "200" in log["text"]
    assert log["ended"]
    page = api.ok("GET", "/runs", pipeline=name)
    assert [item["id"] for item in page["items"]] == [run["id"]]
    assert api.ok("GET", "/pipelines", search=name)["items"][0]["last_run"]["id"] == run["id"]
    saved = api.ok(
        "POST", path, {"text": text.replace("default: 3", "default: 4"), "keep_files": True}
    )
    assert (saved["head"], saved["approved"]) == (2, 2)
    versions = api.ok("GET", f"{path}/versions")["items"]
    assert "default: 4" in versions[0]["diff"]
    assert api.ok("GET", f"{path}/versions/2")["files"].keys() == {"notes.md"}
    assert versions[0]["files"] == ["notes.md"]
    download = api.call("GET", f"{path}/versions/2/file?path=notes.md")
    assert download.content == b"text"
    for unknown in ("versions/2/file?path=other.md", "versions/9/file?path=notes.md"):
        assert api.refused(404, "GET", f"{path}/{unknown}")["code"].startswith("unknown_")
    assert api.refused(404, "GET", f"{path}/versions/x")["code"] == "unknown_version"
    assert api.ok("GET", f"{path}/form")["properties"]["n"]["default"] == 4
    api.ok("DELETE", path)
    assert api.refused(404, "GET", path)["code"] == "unknown_pipeline"
    assert api.ok("POST", f"{path}/restore", {})["name"] == name
    api.ok("DELETE", path)


def test_a_failure_gives_its_reason_and_is_retried(api: Api, echo: str) -> None:
    name = f"p_{uuid.uuid4().hex[:10]}"
    made = api.ok(
        "POST",
        "/pipelines",
        {
            "text": f"name: {name}\ntasks:\n  call: {{type: http, url: '{echo}/broken', body: {{}}, "
            "retries: {count: 1, delay: 0s}}\n"
        },
    )
    run = api.ok("POST", f"/pipelines/{made['id']}/runs", {})
    done = ended(api, run["id"])
    assert (done["state"], done["code"]) == ("failed", "http_status")
    assert [attempt["state"] for attempt in done["tasks"][0]["attempts"]] == ["failed", "failed"]
    assert api.refused(409, "POST", f"/runs/{run['id']}/cancel", {})["code"] == "ended"
    again = api.ok("POST", f"/runs/{run['id']}/rerun", {"what": "failed"})
    assert ended(api, again["id"])["rerun_of"] == run["id"]
    api.ok("DELETE", f"/pipelines/{made['id']}")


def test_the_schema_is_published(api: Api) -> None:
    schema = api.ok("GET", "/pipelines/schema")
    assert {"sql", "copy", "http", "notebook"} <= set(json.dumps(schema).split('"'))


def test_unknown_runs_attempts_pipelines_and_cursors_are_refused(api: Api) -> None:
    unknown = uuid.uuid4()
    assert api.refused(404, "GET", f"/runs/{unknown}")["code"] == "unknown_id"
    assert api.refused(404, "GET", f"/attempts/{unknown}/log")["code"] == "unknown_id"
    assert api.refused(404, "GET", f"/attempts/{unknown}/notebook")["code"] == "unknown_id"
    assert api.refused(404, "GET", "/runs", pipeline="none")["code"] == "unknown_pipeline"
    assert api.refused(400, "GET", "/runs", cursor="?")["code"] == "bad_cursor"
