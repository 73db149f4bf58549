"""What the Hub's proxy accepts from unauthenticated senders."""

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
def test_a_path_that_is_not_valid_utf_8_is_a_bad_request(port: int, path: str) -> None:
    assert wire.get(port, path).status == 400
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==")
    assert wire.get(port, path, *upgrade, "Sec-WebSocket-Version: 13").status == 400


def test_a_path_with_non_ascii_letters_passes(port: int) -> None:
    assert wire.get(port, "/hub/%E5%A3%B2").status == 404
    assert wire.get(port, "/services/workbench/api/v1/health?x=%ff").status == 200


def _hub_process(hub: Running) -> psutil.Process:
    for each in hub.descendants():
        words = each.cmdline()
        if any(word.endswith("jupyterhub") for word in words) or "jupyterhub" in words:
            return each
    raise AssertionError("there is no Hub")


@pytest.mark.parametrize("path", ["/hub/login", "/hub/api/users", "//hub/login", "/", "/lab"])
def test_large_bodies_do_not_reach_the_hub(hub: Running, port: int, path: str) -> None:
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
    """Statuses of many large bodies sent at once to a user server, which reads each one whole."""
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


def test_large_bodies_from_one_address_at_once_are_limited(large: list[int]) -> None:
    assert large.count(503) >= 4
    assert large.index(503) >= 8


def test_large_bodies_are_accepted_again_after_the_others_end(port: int) -> None:
    def accepted() -> bool:
        body = b" " * (2 * MIB)
        return (
            wire.get(port, "/services/workbench/api/v1/x", method="POST", body=body).status == 404
        )

    until(accepted, what="room for a large body")


def test_the_sign_in_cookie_lasts_seven_days_and_all_cookies_are_same_site(admin: Browser) -> None:
    cookies = {each.name: each for each in admin.http.cookies.jar}
    sign_in = cookies["jupyterhub-hub-login"]
    assert sign_in.expires is not None
    days = (sign_in.expires - psutil.time.time()) / 86_400
    assert 6.9 < days < 7.1
    for each in cookies.values():
        assert each.get_nonstandard_attr("SameSite", "").lower() in ("lax", "strict"), each


def test_signing_out_ends_the_session(hub: Running) -> None:
    with Browser(hub.url) as browser:
        assert hub.admin_password
        browser.sign_in("admin", hub.admin_password)
        assert browser.signed_in() == "admin"
        browser.http.get("/hub/logout")
        assert browser.signed_in() is None
