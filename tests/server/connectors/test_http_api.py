"""HTTP APIs as connections: what is sent, to whom, and that the secret stays in the service."""

from __future__ import annotations

import base64
import html
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from support.house import House, house_at
from support.in_process import Host, served
from support.postgres import Cluster

from wb_server.client import Client, QueryError
from wb_server.connections.models import ConnectionCreate, ConnectionUpdate
from wb_server.connections.service import ConnectionService
from wb_server.connectors.http.connector import HttpConfig
from wb_server.connectors.http.secret import Secret
from wb_server.gate.calls import CallRequest
from wb_server.gate.permits import CallPermit
from wb_server.governance.owned.models import ShareRequest
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import InvalidInput, WorkbenchError
from wb_server.queries.broker import Broker
from wb_server.queries.models import ConnectionTest, QueryRequest

SECRET = "s3cret-token-17"


class Api(ThreadingHTTPServer):
    """Records requests; answers with what it was sent, secrets included."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers, body))
        status, more = 200, {}
        if "/moved" in self.path:
            status, more = 302, {"Location": self.server.url + "/elsewhere"}
        if "/refused" in self.path:
            status = 401
        if "/large" in self.path:
            body = "x" * (17 * 2**20)
        answer = json.dumps({"path": self.path, "headers": headers, "body": body}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "a=b")
        self.send_header("X-Echo", headers.get("authorization", "") + headers.get("x-key", ""))
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def remote() -> Iterator[Api]:
    with Api() as it:
        thread = threading.Thread(target=it.serve_forever)
        thread.start()
        yield it
        it.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, postgres: Cluster, remote: Api
) -> Iterator[House]:
    with house_at(tmp_path_factory.mktemp("http"), postgres) as it:
        for name, config in (
            ("crm", {"auth": "bearer", "secret": SECRET}),
            ("keyed", {"auth": "header", "header": "X-Key", "secret": SECRET}),
            ("basic", {"auth": "basic", "user": "me", "secret": SECRET}),
            ("open_api", {}),
        ):
            made = it.get(ConnectionService).create(
                it["ana"],
                ConnectionCreate(
                    name=name,
                    connector="http",
                    config={"base_url": f"{remote.url}/v2/", **config},
                ),
            )
            for who, level in (("ben", "use"), ("eva", "write")):
                request = ShareRequest.model_validate({"kind": "user", "name": who, "level": level})
                it.get(ConnectionService).sharing.share(it["ana"], made.id, request)
        yield it


@pytest.fixture(scope="module")
def host(house: House) -> Iterator[Host]:
    with served(house.workbench) as it:
        yield it


def call(house: House, who: str = "ana", **request: Any) -> Any:
    return house.get(Broker).calls.call(
        house[who],
        Origin("", ""),
        CallRequest(**{"connection": "crm", **request}),
        HangUp(),
        limit=10**6,
    )


def refused(house: House, who: str = "ana", **request: Any) -> str:
    with pytest.raises(WorkbenchError) as caught:
        call(house, who, **request)
    assert SECRET not in caught.value.message
    return caught.value.code


@pytest.mark.parametrize(
    ("connection", "header", "value"),
    [
        ("crm", "authorization", f"Bearer {SECRET}"),
        ("keyed", "x-key", SECRET),
        ("basic", "authorization", "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()),
        ("open_api", "authorization", None),
    ],
)
def test_requests_sign_in_and_the_answer_hides_the_secret(
    house: House, remote: Api, connection: str, header: str, value: str | None
) -> None:
    result = call(
        house, "ben", connection=connection, path="/users", query={"a": ["x y", 2], "b": None}
    )
    method, path, headers, _ = remote.requests[-1]
    assert (method, path, headers.get(header)) == ("GET", "/v2/users?a=x%20y&a=2", value)
    assert result.status == 200 and "set-cookie" not in result.headers
    shown = result.text + str(result.headers)
    assert SECRET not in shown and (value is None or value.rpartition(" ")[2] not in shown)


@pytest.mark.parametrize(
    "path", ["/a/..%2Fb", "/a..b", "/...", "/a;v=1.2/b", "/a%2Fb/..%2Fc", "/%zz"]
)
def test_an_encoded_part_may_have_dots(house: House, remote: Api, path: str) -> None:
    call(house, path=path)
    assert remote.requests[-1][1] == f"/v2{path}"


def test_an_answer_hides_every_spelling_of_the_secret() -> None:
    word = "a\"b/c+d&<e>'é\\".replace("é", "%")
    spellings = {
        word,
        json.dumps(word)[1:-1],
        json.dumps(word)[1:-1].replace("/", "\\/"),
        quote(word, safe=""),
        quote(word, safe="").lower(),
        quote_plus(word),
        html.escape(word),
        base64.b64encode(word.encode()).decode(),
    }
    secret = Secret(word)
    for spelling in spellings:
        assert secret.hidden(f"<{spelling}>") == "<***>", spelling
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
            answer = f"<{spelling}>".encode(encoding)
            assert secret.hidden_in(answer, cut=False) == "<***>".encode(encoding), spelling
        # The limit may be in the middle of it.
        for length in range(1, len(spelling)):
            body = b"[" + spelling.encode()[:length]
            assert secret.hidden_in(body, cut=True) == b"[", spelling
    assert secret.hidden_in(b"[a", cut=False) == b"[a"
    assert Secret().hidden("***a") == "***a"


def test_every_method_but_get_takes_the_right_to_write(house: House, remote: Api) -> None:
    before = len(remote.requests)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert refused(house, "ben", method=method, path="/users") == "level_missing"
    assert len(remote.requests) == before
    call(house, "eva", method="POST", path="/users?a=1", query={"b": 2}, body={"n": 1})
    assert remote.requests[-1][1] == "/v2/users?a=1&b=2"
    assert (remote.requests[-1][2]["content-type"], remote.requests[-1][3]) == (
        "application/json",
        '{"n": 1}',
    )
    call(house, "eva", method="PUT", path="/users", form={"t": "a&b=c"})
    assert remote.requests[-1][3] == "t=a%26b%3Dc"


@pytest.mark.parametrize(
    "path",
    ["users", "/../admin", "/a/../../b", "/%2e%2e/admin", "/a/%2E./b", "/a/.", "/a\\..\\b", "/a%5c..%5cb",
     "/a b", "/a\r\nX: y", "/é", "/a#b", "@evil.example/", "//a/../../x", "http://evil.example/",
     "/a/..%2f..%2fadmin", "/..%2Fadmin", "/%2e%2e%2fadmin", "/..;/admin", "/a/..;x=1/..;/b",
     "/%252e%252e/admin", "/a/..%252f..%255cadmin", "//..;/a"],
)  # fmt: skip
def test_a_path_stays_below_the_base_url(house: House, remote: Api, path: str) -> None:
    before = len(remote.requests)
    assert refused(house, path=path) == "bad_path"
    assert len(remote.requests) == before


@pytest.mark.parametrize("name", ["Authorization", "host", "Cookie", "Content-Length", "X-KEY"])
def test_a_caller_cannot_set_the_headers_of_the_connection(
    house: House, remote: Api, name: str
) -> None:
    before = len(remote.requests)
    code = refused(house, connection="keyed", path="/a", headers={name: "x"})
    assert (code, len(remote.requests)) == ("bad_header", before)


def test_a_redirect_is_an_answer(house: House, remote: Api) -> None:
    result = call(house, path="/moved")
    assert (result.status, remote.requests[-1][1]) == (302, "/v2/moved")


def test_it_takes_no_sql_and_others_take_no_requests(house: House) -> None:
    broker = house.get(Broker)
    request = QueryRequest(connection="crm", sql="select 1")
    for who in ("ana", "ben"):
        with pytest.raises(InvalidInput) as caught:
            broker.statements.query(house[who], Origin("", ""), request, HangUp())
        assert caught.value.code == "no_sql"
    crm = house.get(ConnectionService).find(house["ana"], "crm")
    with pytest.raises(InvalidInput) as caught:
        broker.catalog.schemas(house["ana"], Origin("", ""), crm.id)
    assert caught.value.code == "no_sql"
    assert refused(house, connection="warehouse", path="/a") == "no_calls"
    with pytest.raises(TypeError):
        CallPermit("q", "ana", crm.id, "read", "GET", "/", {}, None)
    (info,) = [each for each in house.get(ConnectionService).connectors() if each.kind == "http"]
    assert (info.sql, info.capabilities) == (None, ["call"])


def test_a_test_is_a_get(house: House, remote: Api) -> None:
    broker = house.get(Broker)

    def tried(**config: Any) -> Any:
        request = ConnectionTest(connector="http", config={"base_url": remote.url, **config})
        return broker.tests.test(house["ana"], Origin("", ""), request)

    assert tried(test_path="/status").ok and remote.requests[-1][:2] == ("GET", "/status")
    assert tried(test_path="/refused").code == "sign_in_failed"
    assert tried(test_path="/moved").code == "http_status"
    assert tried(auth="bearer").code == "sign_in_failed"
    assert tried(base_url="http://127.0.0.1:1").code == "unreachable"
    assert tried(base_url="http://169.254.169.254").code == "address_not_allowed"
    crm = house.get(ConnectionService).find(house["ana"], "crm")
    assert broker.tests.test_saved(house["ana"], Origin("", ""), crm.id).ok


def test_a_new_address_needs_the_secret_again(house: House, remote: Api) -> None:
    service = house.get(ConnectionService)
    keyed = service.find(house["ana"], "keyed")
    assert "secret" not in keyed.config and keyed.secrets_set == ["secret"]
    for change in ({"base_url": f"{remote.url}/v3"}, {"header": "X-Other"}, {"auth": "bearer"}):
        with pytest.raises(InvalidInput) as caught:
            service.update(
                house["ana"], keyed.id, ConnectionUpdate(config={**keyed.config, **change})
            )
        assert caught.value.code == "secret_needed"


@pytest.mark.parametrize(
    "config",
    [{"base_url": "ftp://a.example"}, {"base_url": "https://u:p@a.example"}, {"base_url": "https://a.example?x=1"},
     {"base_url": "https://a.example/#x"}, {"base_url": "https://a.example/../b"}, {"base_url": "a.example"},
     {"base_url": "https://a.example\n"}, {"base_url": "https://a b"}, {"header": "Host"}, {"header": "a b"},
     {"secret": "a\nb"}, {"user": "a:b"}, {"test_path": "status"}],
)  # fmt: skip
def test_a_wrong_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Value error|pattern"):
        HttpConfig.model_validate({"base_url": "https://a.example", **config})


def test_a_task_calls_it(house: House, remote: Api) -> None:
    text = (
        "name: calls\nparameters:\n  id: {type: text, default: ../users/1}\ntasks:\n"
        "  ask:\n    type: http\n    connection: crm\n    method: GET\n"
        "    path: '/users/{{ params.id }}'\n    query: {day: '{{ run.date }}'}\n"
        "  tell:\n    type: http\n    needs: [ask]\n    connection: crm\n    path: /log\n"
        "    body: {status: '{{ tasks.ask.outputs.status }}'}\n"
    )
    made = house.create("ana", text)
    run = house.run("ana", "calls")
    assert run.state == "succeeded", [task.message for task in run.tasks]
    asked, told = remote.requests[-2:]
    assert asked[1].startswith("/v2/users/..%2Fusers%2F1?day=20")
    assert asked[2]["authorization"] == f"Bearer {SECRET}" and asked[2]["idempotency-key"]
    assert (told[0], told[1], told[3]) == ("POST", "/v2/log", '{"status": 200}')
    assert SECRET not in str(run)
    assert made.name == "calls"


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("{type: http, connection: crm}", "a connection and a path"),
        ("{type: http, connection: crm, path: /a, url: 'https://a.example/'}", "either a url"),
        ("{type: http}", "either a url"),
        ("{type: http, connection: nothing, path: /a}", "no connection"),
        ("{type: http, connection: crm, path: a}", "path"),
        ("{type: http, connection: crm, path: /a, headers: {Authorization: x}}", "Authorization"),
        ("{type: sql, connection: crm, statement: select 1}", "takes no SQL"),
    ],
)
def test_a_task_is_checked_when_it_is_saved(house: House, task: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        house.create("ana", f"name: checked\ntasks:\n  a: {task}\n")
    assert words in caught.value.message + str(caught.value.details)


def test_a_notebook_calls_it_without_the_secret(host: Host, house: House, remote: Api) -> None:
    with closing(host.api(house["eva"])):
        client = Client(host.url, "eva")
        with closing(client):
            crm = client.http("crm")
            answer = crm.get("/users", params={"since": "2026-01-01", "ids": [1, 2]})
            assert answer.ok and answer.json()["path"] == "/v2/users?since=2026-01-01&ids=1&ids=2"
            assert SECRET not in answer.text and remote.requests[-1][2]["authorization"].endswith(
                SECRET
            )
            crm.post("/users", json="text")
            assert remote.requests[-1][3] == '"text"'
            with pytest.raises(QueryError) as caught:
                crm.get("/refused").raise_for_status()
            assert (caught.value.code, caught.value.details["status"]) == ("http_status", 401)
            for path, code in (("/large", "answer_too_large"), ("/../x", "bad_path")):
                with pytest.raises(QueryError) as caught:
                    crm.get(path)
                assert caught.value.code == code
