"""What the Hub's proxy takes of senders whom nobody knows yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import httpx
import psutil
import pytest
from running_hub import Browser, Running, until
from support import wire

MIB = 2**20


@pytest.fixture
def port(hub: Running) -> int:
    return httpx.URL(hub.url).port or 0


@pytest.mark.parametrize(
    "path",
    ["/%ff", "/user/%ff/lab", "/hub/%C3%28", "/services/workbench/%80", "/%", "/hub/%zz?next=%2F"],
)
def test_an_address_that_is_no_text_is_a_bad_request(port: int, path: str) -> None:
    assert wire.get(port, path).status == 400
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==")
    assert wire.get(port, path, *upgrade, "Sec-WebSocket-Version: 13").status == 400


def test_an_address_with_any_letters_passes(port: int) -> None:
    assert wire.get(port, "/hub/%E5%A3%B2").status == 404
    assert wire.get(port, "/services/workbench/api/v1/health?x=%ff").status == 200


def _hub_process(hub: Running) -> psutil.Process:
    for each in hub.descendants():
        words = each.cmdline()
        if any(word.endswith("jupyterhub") for word in words) or "jupyterhub" in words:
            return each
    raise AssertionError("there is no Hub")


@pytest.mark.parametrize("path", ["/hub/login", "/hub/api/users", "//hub/login", "/", "/lab"])
def test_the_hub_is_sent_nothing_large(hub: Running, port: int, path: str) -> None:
    process = _hub_process(hub)
    before = process.memory_info().rss
    with ExitStack() as senders:
        for _ in range(20):
            sender = senders.enter_context(closing(wire.connect(port)))
            start = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {20 * MIB}\r\n\r\n"
            sender.sendall(start.encode())
            assert sender.recv(100).startswith(b"HTTP/1.1 413 ")
    assert process.memory_info().rss - before < 20 * MIB
    chunked = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert wire.send(port, chunked.encode() + b"5\r\nhello\r\n").status == 411


@pytest.fixture
def large(port: int) -> Iterator[list[int]]:
    """The statuses of what many send at once to a server, which reads each whole."""
    with ExitStack() as senders:
        statuses = []
        for _ in range(12):
            sender = senders.enter_context(closing(wire.connect(port)))
            start = (
                "PUT /user/nobody/api/contents/x HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {20 * MIB}\r\n\r\n"
            )
            sender.sendall(start.encode())
            sender.settimeout(0.3)
            try:
                statuses.append(int(sender.recv(100).split(b" ", 2)[1]))
            except TimeoutError:
                statuses.append(0)
        yield statuses


def test_few_large_bodies_of_one_address_at_once(large: list[int]) -> None:
    assert large.count(503) >= 4
    assert large.index(503) >= 8


def test_there_is_room_again_when_they_have_gone(port: int) -> None:
    def accepted() -> bool:
        body = b" " * (2 * MIB)
        return (
            wire.get(port, "/services/workbench/api/v1/x", method="POST", body=body).status == 404
        )

    until(accepted, what="room for a large body")


def test_the_sign_in_lasts_as_long_as_the_docs_say_and_stays_on_the_site(admin: Browser) -> None:
    cookies = {each.name: each for each in admin.http.cookies.jar}
    sign_in = cookies["jupyterhub-hub-login"]
    assert sign_in.expires is not None
    days = (sign_in.expires - psutil.time.time()) / 86_400
    assert 6.9 < days < 7.1
    for each in cookies.values():
        assert each.get_nonstandard_attr("SameSite", "").lower() in ("lax", "strict"), each


def test_a_sign_out_takes_the_cookies_away(hub: Running) -> None:
    with Browser(hub.url) as browser:
        assert hub.admin_password
        browser.sign_in("admin", hub.admin_password)
        assert browser.signed_in() == "admin"
        browser.http.get("/hub/logout")
        assert browser.signed_in() is None
