"""Request bodies: who may send one, how much of them is buffered, and which texts are valid."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest
from support import wire
from support.api import Api, every_host
from support.people import People
from support.service import Service, installation
from support.wait import wait_for

from wb_server.hosts.bodies import Bodies
from wb_server.kit.errors import LimitReached

pytestmark = pytest.mark.slow

MIB = 2**20


@pytest.fixture(scope="module")
def service(people: People, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for these tests alone, so that nothing else takes its memory."""
    with installation(people, tmp_path_factory.mktemp("bodies")) as installed:
        yield installed.start()


def _headers(service: Service, length: int | None, *more: str) -> bytes:
    path = httpx.URL(service.url).path
    lines = [
        f"POST {path}/api/v1/query HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}",
        *more,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _resident(service: Service) -> int:
    return psutil.Process(service.process.pid).memory_info().rss


@pytest.mark.parametrize("authorization", [(), ("Authorization: token nobodys",)])
def test_unauthenticated_bodies_are_not_buffered(
    service: Service, authorization: tuple[str, ...]
) -> None:
    port = httpx.URL(service.url).port or 0
    before = _resident(service)
    with ExitStack() as senders:
        sent = 0
        for _ in range(40):
            sender = senders.enter_context(wire.connect(port))
            sender.sendall(_headers(service, 4 * MIB, *authorization))
            try:
                sender.sendall(b" " * (4 * MIB - 1))  # the last byte never comes
                sent += 1
            except OSError:
                pass  # the service reads no more of it
        assert sent >= 16
        assert _resident(service) - before < 32 * MIB


def test_a_users_bodies_are_buffered_up_to_a_limit(service: Service, people: People) -> None:
    """Control: these bodies are buffered, until there is no more room for the same user."""
    port = httpx.URL(service.url).port or 0
    token = f"Authorization: token {people.token('a-engineer')}"
    before = _resident(service)
    with ExitStack() as senders:
        replies = []
        for _ in range(28):
            sender = senders.enter_context(wire.connect(port))
            sender.settimeout(0.5)
            sender.sendall(_headers(service, 4 * MIB, token) + b"\xff" * (4 * MIB - 1))
            replies.append(sender)
        wait_for(lambda: _resident(service) - before > 20 * MIB, 10)
        other = Api(service.url, people.token("a-analyst"))
        assert other.ok("GET", "/me")["name"] == "a-analyst"
        other.close()
        statuses = [_last_byte(each) for each in replies]
    assert statuses.count(400) >= 2 and statuses.count(429) >= 2, statuses


def _last_byte(sender: socket.socket) -> int:
    sender.settimeout(20)
    sender.sendall(b"}")
    return int(sender.recv(65536).split(b" ", 2)[1])


def test_a_chunked_body_is_refused_beyond_the_limit(service: Service, people: People) -> None:
    port = httpx.URL(service.url).port or 0
    token = f"Authorization: token {people.token('a-engineer')}"
    piece = b"100000\r\n" + b" " * MIB + b"\r\n"
    reply = wire.send(
        port, _headers(service, None, token, "Connection: close") + piece * 5 + b"0\r\n\r\n"
    )
    assert reply.status == 413


@every_host
def test_a_refused_sender_gets_an_error_body(api: Api) -> None:
    nobody = Api(api.base, None)
    answer = nobody.http.post(f"{api.base}/api/v1/query", content=b" " * (3 * MIB))
    nobody.close()
    assert answer.status_code in (401, 403)
    assert set(answer.json()["error"]) == {"code", "message", "details"}


def test_bodies_are_limited_per_user_and_in_total() -> None:
    held = Bodies(largest=10).held
    held.take("ann", 15)
    with pytest.raises(LimitReached) as caught:
        held.take("ann", 6)
    assert caught.value.code == "too_many_bodies" and caught.value.details["retry_after"]
    for name in ("ben", "cy", "di"):
        held.take(name, 20)
    held.take("eve", 5)
    with pytest.raises(LimitReached):
        held.take("flo", 1)
    held.give("ann", 15)
    held.take("flo", 15)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (r'{"name": "a\ud800"}', "name"),
        (r'{"name": "\uDFFFa", "connector": "postgres"}', "name"),
        (r'{"name": "x", "description": "a\u0000b"}', "description"),
        (r'{"name": "x", "config": {"host": ["\udc00\ud800"]}}', "config"),
        (r'{"name": "x", "config": {"\ud800": 1}}', "config"),
    ],
)
def test_lone_surrogates_and_nul_are_refused(api: Api, body: str, field: str) -> None:
    answer = api.http.post(
        f"{api.base}/api/v1/connections",
        content=body.encode(),
        headers={"Content-Type": "application/json"},
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["details"]["field"]) == (
        400, "invalid_field", field,
    )  # fmt: skip


def test_surrogate_pairs_and_escaped_backslashes_are_accepted(api: Api) -> None:
    for name in ("\U0001f600", "\\ud800", "\\u0000"):
        body = json.dumps({"name": name, "connector": "nothing", "config": {}})
        answer = api.http.post(f"{api.base}/api/v1/connections", content=body.encode())
        assert "half a character" not in answer.text and "NUL" not in answer.text
