"""What an ``http`` task sends, byte for byte, and what it refuses to send."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest
from pydantic import ValidationError

from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import WorkbenchError
from wb_server.kit.network import NetworkPolicy
from wb_server.pipelines.definition.check import check
from wb_server.pipelines.definition.templates import evaluated
from wb_server.pipelines.definition.uses import CheckContext
from wb_server.pipelines.recorder import checked_outputs
from wb_server.pipelines.tasks import TYPES
from wb_server.pipelines.tasks.base import Attempt, TaskFailed, TaskRecorder
from wb_server.pipelines.tasks.http import HttpSpec, HttpTask
from wb_server.queries.broker import Broker

REGISTRY = {each.name: each.Spec for each in TYPES}
CONTROLS = [chr(n) for n in (*range(0x20), *range(0x7F, 0xA0))]
SURROGATES = ["\ud800", "\udbff", "\udc00", "\udfff"]


class NoContext(CheckContext):
    """A context for checks that look nothing up."""


class Log(TaskRecorder):
    def log(self, text: str) -> None:
        """Discarded."""


class Server:
    """Records each request as it was sent; responds with ``answer``."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                got = b""
                while b"\r\n\r\n" not in got:
                    got += connection.recv(65536)
                head, _, body = got.partition(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                while len(body) < length:
                    body += connection.recv(65536)
                self.requests.append(head + b"\r\n\r\n" + body)
                connection.sendall(self.answer)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    it = Server()
    yield it
    it.socket.shutdown(socket.SHUT_RDWR)
    it.socket.close()
    it.thread.join(5)


def send(network: NetworkPolicy | None = None, **spec: object) -> str:
    """Runs a task: ``sent``, the code of its refusal, or ``invalid``. Anything else is raised."""
    try:
        checked_spec = HttpSpec.model_validate({"type": "http", **spec})
    except ValidationError:
        return "invalid"
    attempt = Attempt(
        "a", "t", "r", "call", "p", 1, 1, Actor("ana", frozenset()), Origin("", "a"),
        time.monotonic() + 10, HangUp(), Log(),
    )  # fmt: skip
    try:
        result = HttpTask(network or NetworkPolicy(allow_loopback=True), cast(Broker, None)).run(
            checked_spec, attempt
        )
        checked_outputs(result.outputs)
    except (TaskFailed, WorkbenchError) as error:
        return error.code
    return "sent"


def sent(server: Server, params: dict[str, object], **spec: object) -> bytes:
    """The request of a task, after its expressions were replaced by their values."""
    written = HttpSpec.model_validate({"type": "http", **spec})
    values = evaluated(written, {"params": params})
    assert send(**values.model_dump(exclude={"type"}, exclude_unset=True)) == "sent"
    return server.requests[-1]


def checked(url: str) -> set[str]:
    """The codes of an address's problems in a pipeline file."""
    text = f"name: p\ntasks:\n  t: {{type: http, url: {_quoted(url)}}}\n"
    found = check(text, REGISTRY)
    spec = found.definition.tasks["t"] if found.definition is not None else None
    problems = [problem.code for problem in found.problems]
    if isinstance(spec, HttpSpec):
        problems += [finding.code for finding in spec.problems(NoContext())]
    return set(problems)


def _quoted(text: str) -> str:
    inside = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\'
        else f"\\u{ord(letter):04x}"
        for letter in text
    )  # fmt: skip
    return f'"{inside}"'


@pytest.mark.parametrize("place", ["host", "port", "path", "query", "fragment", "end", "start"])
def test_no_address_with_a_control_character_is_sent(server: Server, place: str) -> None:
    before = len(server.requests)
    base = server.url
    for letter in [*CONTROLS, *SURROGATES]:
        url = {
            "host": base.replace("127.0", f"127{letter}.0"),
            "port": f"{base}{letter}/x",
            "path": f"{base}/a{letter}b",
            "query": f"{base}/?a={letter}",
            "fragment": f"{base}/#{letter}",
            "end": f"{base}/{letter}",
            "start": f"{letter}{base}/",
        }[place]
        wanted = "invalid" if letter in SURROGATES else "bad_url"
        assert send(url=url) == wanted, ascii(letter)
        assert checked(url), ascii(letter)
    assert len(server.requests) == before
    assert send(url=f"{base}/a%0Ab?c=d e&f=é") == "sent"
    assert server.requests[-1].startswith(b"POST /a%0Ab?c=d%20e&f=%C3%A9 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://[::1/", "http://", "http:///x",
     "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://@127.0.0.1/", f"http://{'é' * 70}.example/",
     "http://xn--/", "http://127.0.0.1%0a/", "http://\u2028/", "http://" + "a" * 300 + "/"],
)  # fmt: skip
def test_invalid_addresses_are_refused(url: str) -> None:
    assert send(url=url) in {"bad_url", "address_not_allowed", "unknown_host", "invalid"}


@pytest.mark.parametrize(
    "host", ["rebind.example.org", "xn--ls8h.example.org", "xn--0.example.org"]
)
def test_the_checked_address_is_called_by_the_name(server: Server, host: str) -> None:
    """The name is resolved once, and doesn't have to be valid in IDNA 2008."""
    asked: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    url = server.url.replace("127.0.0.1", host)
    assert send(NetworkPolicy(allow_loopback=True, resolver=resolver), url=url) == "sent"
    assert asked == [host]
    assert f"\r\nhost: {url.removeprefix('http://')}\r\n".encode() in server.requests[-1].lower()


def test_neither_a_forbidden_address_nor_a_redirect_is_called(server: Server) -> None:
    before = len(server.requests)
    assert send(NetworkPolicy(), url=server.url) == "address_not_allowed"
    assert len(server.requests) == before
    was = server.answer
    head = f"HTTP/1.1 307 Elsewhere\r\nLocation: {server.url}/b\r\nContent-Length: 0\r\n\r\n"
    server.answer = head.encode()
    try:
        assert send(url=server.url) == "http_status"
    finally:
        server.answer = was
    assert len(server.requests) == before + 1


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://hooks.{{ params.x }}.org/{{ run.id }}?a={{ params.y }}", set()),
        ("https://{{ params.host }}:{{ params.port }}/", set()),
        ("{{ params.url }}", set()),
        ("{{ params.scheme }}://hooks.example.org/", set()),
        ("https://hooks.example.org/{{ run.id\n}}", set()),
        ("https://{{ params.u }}:{{ params.p }}@hooks.example.org/", {"bad_url"}),
        ("https://hooks.example.org/{{ run.id }}\n", {"bad_url"}),
        ("ftp://{{ params.host }}/", {"bad_url"}),
        ("https://hooks example.org/", {"bad_url"}),
        ("https://hooks.example.org%2f{{ params.x }}/", {"bad_url"}),
        ("https://hooks;{{ params.x }}/", {"bad_url"}),
        ("https://[::1]:{{ params.port }}/", set()),
        ("https://bücher.example/", set()),
    ],
)
def test_an_address_with_expressions_is_checked_around_them(url: str, codes: set[str]) -> None:
    spec = HttpSpec.model_validate({"type": "http", "url": url})
    assert {finding.code for finding in spec.problems(NoContext())} == codes


@pytest.mark.parametrize(
    "name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY", "iDEMPOTENCY-kEY"]
)
def test_a_header_given_in_the_task_is_sent_once(server: Server, name: str) -> None:
    headers = {name: "mine", "content-type": "text/x", "user-agent": "Mine/1", "X-Other": " a "}
    assert send(url=server.url, headers=headers, body={"n": 1}) == "sent"
    head = server.requests[-1].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    sent = sorted(line.lower().partition(": ")[::2] for line in head)
    names = [each for each, _ in sent]
    assert len(names) == len(set(names)), names
    own = {"idempotency-key": "t", "content-type": "text/x", "user-agent": "mine/1", "x-other": "a"}
    assert own.items() <= dict(sent).items()


@pytest.mark.parametrize("name", ["host", "Content-Length", "transfer-encoding"])
def test_headers_cannot_set_the_host_or_the_length_of_the_body(server: Server, name: str) -> None:
    assert send(url=server.url, headers={name: "evil.example"}, body="x") == "sent"
    assert b"evil" not in server.requests[-1]


def test_a_header_cannot_inject_another(server: Server) -> None:
    before = len(server.requests)
    for letter in [*CONTROLS, *SURROGATES, "é", "\u2028"]:
        value = f"a{letter}X-Evil: 1"
        wanted = "sent" if letter == "\t" else "bad_header"
        wanted = "invalid" if letter in SURROGATES else wanted
        assert send(url=server.url, headers={"X-A": value}) == wanted, ascii(letter)
    assert len(server.requests) == before + 1


def test_a_body_that_cannot_be_sent_is_refused(server: Server) -> None:
    before = len(server.requests)
    for body in ("\ud800", {"n": float("nan")}, [float("inf")]):
        assert send(url=server.url, body=body) == "bad_body"
    assert len(server.requests) == before
    assert send(url=server.url, body="a\nb\x00é") == "sent"
    assert server.requests[-1].endswith("\r\n\r\na\nb\x00é".encode())


@pytest.mark.parametrize(
    "answer",
    [b"[" * 30_000, b'{"a": ' * 5_000, b"\xff\xfe", b'"\\ud800"', b"", b"NaN", b"[1e999]"],
    ids=["lists", "objects", "bytes", "surrogate", "empty", "nan", "infinity"],
)
def test_any_response_body_is_accepted(server: Server, answer: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=none\r\nContent-Length: {len(answer)}\r\n\r\n"
    was, server.answer = server.answer, head.encode() + answer
    try:
        assert send(url=server.url) == "sent"
    finally:
        server.answer = was


def test_values_are_encoded_where_they_stand(server: Server) -> None:
    path = "/users/{{ params.id }}?of={{ params.id }}"
    request = sent(
        server,
        {"id": "../users/1&a=b"},
        url=server.url + path,
        method="GET",
        query={"more": "{{ params.id }}", "list": ["x y", None, 2], "none": None, "on": True},
    )
    value = b"..%2Fusers%2F1%26a%3Db"
    line = b"GET /users/%b?of=%b&more=%b&list=x%%20y&list=2&on=true HTTP/1.1" % ((value,) * 3)
    assert request.partition(b"\r\n")[0] == line


def test_a_form_and_a_json_text_keep_their_fields(server: Server) -> None:
    value = 'a&admin=1", "admin": "1'
    request = sent(server, {"v": value}, url=server.url, form={"text": "{{ params.v }}", "n": 1})
    assert b"\r\nContent-Type: application/x-www-form-urlencoded\r\n" in request
    assert request.endswith(b"\r\n\r\ntext=a%26admin%3D1%22%2C+%22admin%22%3A+%221&n=1")
    request = sent(server, {"v": value}, url=server.url, body='{"text": "{{ params.v }}"}')
    assert request.endswith(b'\r\n\r\n{"text": "a&admin=1\\", \\"admin\\": \\"1"}')
    spec = HttpSpec.model_validate(
        {"type": "http", "url": server.url, "form": {"a": 1}, "body": "x"}
    )
    assert [each.code for each in spec.problems(NoContext())] == ["bad_body"]
