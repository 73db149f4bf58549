"""Hostile and malformed HTTP requests.

First to a gateway alone: a real Jupyter server whose "service" is a peer that records its requests,
byte for byte. Then to a whole Workbench, with a browser's cookies, as a foreign page could send them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import httpx
import psutil
import pytest
import websocket
from running_hub import Browser, Running
from support import wire
from support.api import Api
from support.jupyter import embedded
from support.peer import Peer, peer
from support.people import People
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from wb_hub.client_address import client_address as at_the_hub
from wb_server.hosts.service import client_address as at_the_service

pytestmark = pytest.mark.slow

TOKEN = "the-servers-own-token-3Kp"
# A valid user name, and part of every path of their server.
BASE = "/user/workbench-7/"
PREFIX = "/services/workbench"


@dataclass
class Gateway:
    """A gateway and the peer behind it."""

    api: Api
    peer: Peer

    @property
    def port(self) -> int:
        return httpx.URL(self.api.base).port or 0

    @property
    def authorization(self) -> str:
        return f"Authorization: {self.api.http.headers['Authorization']}"

    def get(self, path: str, *headers: str, **more: object) -> wire.Reply:
        """Sends a signed-in request with exactly this path below ``/workbench``."""
        whole = f"{BASE}workbench{path}"
        return wire.get(self.port, whole, self.authorization, *headers, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with peer() as behind:
        variables = {"WORKBENCH_URL": f"{behind.url}{PREFIX}", "JUPYTERHUB_API_TOKEN": TOKEN}
        with embedded(tmp_path_factory.mktemp("gateway"), BASE, variables) as api:
            yield Gateway(api, behind)


@pytest.fixture
def gateway(started: Gateway) -> Gateway:
    """The gateway, with a peer that has no requests yet and answers ``{}``."""
    started.peer.asked.clear()
    started.peer.status, started.peer.headers, started.peer.body = 200, {}, b"{}"
    return started


# --- requests to the service ------------------------------------------------------------------


def test_only_what_the_api_needs_is_passed_on(gateway: Gateway) -> None:
    reply = gateway.get(
        "/api/v1/connections?search=a%20b",
        "Cookie: session=secret; _xsrf=1",
        "X-Forwarded-For: 203.0.113.1",
        "X-Real-Ip: 203.0.113.1",
        "Forwarded: for=203.0.113.1",
        "Origin: http://localhost",
        "Referer: http://localhost/lab",
        "X-Evil: 1",
        "Content-Type: application/json",
        method="POST",
        body=b'{"a": 1}',
    )
    assert reply.status == 200
    (asked,) = gateway.peer.asked
    assert (asked.method, asked.path) == ("POST", f"{PREFIX}/api/v1/connections?search=a%20b")
    assert asked.body == b'{"a": 1}'
    assert sorted(name.lower() for name, _ in asked.headers) == [
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]
    # The server's own token: the caller's is for the server, not for the service.
    assert asked.header("Authorization") == f"token {TOKEN}"
    assert asked.header("Content-Type") == "application/json"
    assert asked.header("Host") == httpx.URL(gateway.peer.url).netloc.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/../../../../hub/api",
        "/api/v1/..",
        "/api/v1/me/../../x",
        "/api/v1/./me",
        "/api/v1/..%2f..%2fhub",
        "/api/v1/%2e%2e/%2e%2e/hub",
        "/api/v1/.%2E/hub",
        "/api/v1/..%5c..%5chub",
        "/api/v1/..\\..\\hub",
        "/../hub/api",
        "//evil.example/api/v1/me",
        "/api/v2/me",
        "/api/v1",
        "/",
    ],
)
def test_no_path_leads_out_of_the_api(gateway: Gateway, path: str) -> None:
    reply = gateway.get(path)
    # Jupyter removes a trailing slash with a redirect within the server.
    assert reply.status in (400, 404) or dict(reply.headers)["location"] == f"{BASE}workbench"
    assert gateway.peer.asked == []


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}%77orkbench/api/v1/me",
        f"/{BASE}workbench/api/v1/me",
        f"{BASE}../workbench/api/v1/me",
        f"http://evil.example{BASE}workbench/api/v1/me",
        "/user/somebody-else/workbench/api/v1/me",
        "/workbench/api/v1/me",
    ],
)
def test_the_gateway_answers_at_one_path_only(gateway: Gateway, path: str) -> None:
    assert wire.get(gateway.port, path, gateway.authorization).status in (400, 404)
    assert gateway.peer.asked == []


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/api/v1/connections/a%2Fb", "/api/v1/connections/a%2Fb"),
        ("/api/v1//me", "/api/v1//me"),
        ("/api/v1/%252e%252e/x", "/api/v1/%252e%252e/x"),
        ("/api/v1/@evil.example/", "/api/v1/@evil.example/"),
        ("/api/v1/me?path=/../../..&x=..", "/api/v1/me?path=/../../..&x=.."),
        ("/api/v1/me#x", "/api/v1/me"),
        ("/api/v1/%0d%0aX-Evil:%201", "/api/v1/%0d%0aX-Evil:%201"),
        ("/api/v1/me?a=%0d%0aX-Evil:%201", "/api/v1/me?a=%0d%0aX-Evil:%201"),
        ("/api/v1/" + "a" * 60_000, "/api/v1/" + "a" * 60_000),
    ],
    ids=lambda text: text[:40],
)
def test_a_path_is_passed_on_unchanged(gateway: Gateway, path: str, arrives: str) -> None:
    assert gateway.get(path).status == 200
    (asked,) = gateway.peer.asked
    assert asked.path == f"{PREFIX}{arrives}"
    assert asked.header("X-Evil") is None


@pytest.mark.parametrize(
    "line",
    [
        "Content-Type: a\r\n X-Evil: 1",
        "Content-Type: a\nX-Evil: 1",
        "Content-Type: a\rX-Evil: 1",
        "Content-Type: a\0X-Evil: 1",
        "Content-Type: caf\xe9/\xe9; x=\xff",
        "Content-Type: ",
    ],
    ids=ascii,
)
def test_no_header_is_smuggled_in_another(gateway: Gateway, line: str) -> None:
    assert gateway.get("/api/v1/me", line, method="POST", body=b"{}").status in (200, 400)
    for asked in gateway.peer.asked:
        assert asked.header("X-Evil") is None
        assert "evil" not in str(asked.headers).lower()


@pytest.mark.parametrize(
    "raw",
    [
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{auth}\r\nContent-Length: 4\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}",
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{auth}\r\nContent-Length: 0\r\n"
        "Content-Length: 9\r\n\r\n{second}",
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{auth}\r\nTransfer-Encoding: xchunked\r\n\r\n"
        "0\r\n\r\n{second}",
        "GET {path} HTTP/1.1 \r\nHost : localhost\r\n{auth}\r\n\r\n{second}",
        "GET {path}\r\nX: HTTP/1.1\r\nHost: localhost\r\n{auth}\r\n\r\n{second}",
        "GET {path}\x7f HTTP/1.1\r\nHost: localhost\r\n{auth}\r\nConnection: close\r\n\r\n",
        "GET {path}\x01 HTTP/1.1\r\nHost: localhost\r\n{auth}\r\nConnection: close\r\n\r\n",
    ],
    ids=["two lengths", "length twice", "odd encoding", "odd spaces", "cut line", "DEL", "control"],
)
def test_an_ambiguous_request_is_refused(gateway: Gateway, raw: str) -> None:
    second = f"GET {BASE}workbench/api/v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    path = f"{BASE}workbench/api/v1/me"
    text = raw.format(path=path, auth=gateway.authorization, second=second)
    assert wire.send(gateway.port, text.encode("latin-1")).status in (0, 400, 404)
    assert gateway.peer.asked == []


# --- answers of the service -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_or_passed_on(gateway: Gateway, status: int, method: str) -> None:
    gateway.peer.status = status
    gateway.peer.headers = {"Location": f"{gateway.peer.url}/elsewhere"}
    reply = gateway.get("/api/v1/me", "Content-Type: text/plain", method=method)
    assert reply.status == status
    assert "location" not in dict(reply.headers)
    assert b"elsewhere" not in reply.raw
    assert [asked.path for asked in gateway.peer.asked] == [f"{PREFIX}/api/v1/me"]


def test_only_headers_of_the_api_are_passed_back(gateway: Gateway) -> None:
    gateway.peer.headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Set-Cookie": "stolen=1; Path=/",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "Location": "http://evil.example/",
        "Refresh": "0; url=http://evil.example/",
        "Link": "<http://evil.example/>; rel=preload",
        "Content-Security-Policy": "default-src *",
        "WWW-Authenticate": "Basic",
        "X-Evil": "1",
    }
    reply = gateway.get("/api/v1/me")
    assert reply.status == 200
    assert b"evil" not in reply.raw and b"stolen" not in reply.raw
    headers = dict(reply.headers)
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers.get("access-control-allow-origin", "") == ""
    assert not {"www-authenticate", "access-control-allow-credentials", "refresh"} & set(headers)


# --- who may send requests --------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused(gateway: Gateway, host: str) -> None:
    """Jupyter's own check, which applies without a Hub: it refuses names that someone else's DNS
    points here."""
    assert gateway.get("/api/v1/me", f"Host: {host}").status in (400, 401, 403)
    assert gateway.peer.asked == []
    assert gateway.get("/api/v1/me", "Host: localhost").status == 200


def test_without_a_token_nothing_is_passed_on(gateway: Gateway) -> None:
    for line in ("X-Nothing: 1", "Authorization: token wrong", "Authorization: Basic YTpi"):
        assert wire.get(gateway.port, f"{BASE}workbench/api/v1/me", line).status == 401
    assert gateway.peer.asked == []


def test_a_method_that_the_api_lacks_is_refused(gateway: Gateway) -> None:
    for method in ("PUT", "HEAD", "TRACE", "CONNECT", "PROPFIND", "get"):
        assert gateway.get("/api/v1/me", method=method).status in (400, 403, 404, 405)
    # A browser's preflight for a foreign page's request: it isn't allowed.
    reply = gateway.get(
        "/api/v1/me",
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
        method="OPTIONS",
    )
    assert dict(reply.headers).get("access-control-allow-origin", "") == ""
    assert gateway.peer.asked == []


def test_the_gateway_survives_huge_headers(gateway: Gateway) -> None:
    assert gateway.get("/api/v1/me", "X-Long: " + "a" * 200_000).status in (0, 400, 431)
    many = [f"X-{number}: {number}" for number in range(20_000)]
    assert gateway.get("/api/v1/me", *many).status in (0, 400, 431)
    assert gateway.peer.asked == []
    assert gateway.get("/api/v1/me").status == 200


# --- a whole Workbench ------------------------------------------------------------------------


@dataclass
class Signed:
    """The administrator's browser, signed in, with their server open."""

    browser: Browser
    me: str = "/user/admin/workbench/api/v1/me"
    connections: str = "/user/admin/workbench/api/v1/connections"


@pytest.fixture(scope="module")
def signed(hub: Running) -> Iterator[Signed]:
    assert hub.admin_password
    with Browser(hub.url) as browser:
        browser.sign_in("admin", hub.admin_password)
        if not browser.api("GET", "/users/admin").json()["servers"]:
            browser.start_server("admin")
        browser.http.get("/user/admin/lab", headers={"Sec-Fetch-Mode": "navigate"})
        yield Signed(browser)


def test_a_foreign_page_can_not_post_with_the_users_cookies(signed: Signed) -> None:
    browser = signed.browser
    own = browser.xsrf("/user/admin/")
    assert own and browser.http.get(signed.me).json()["name"] == "admin"
    foreign = {
        "no token": {},
        "a made-up token": {"X-XSRFToken": "1234"},
        "the Hub's token": {"X-XSRFToken": browser.xsrf("/hub/")},
        "a form": {"Content-Type": "application/x-www-form-urlencoded"},
        "plain text": {"Content-Type": "text/plain", "Origin": "http://evil.example"},
    }
    for what, headers in foreign.items():
        for method, path in (
            ("POST", signed.connections),
            ("PATCH", f"{signed.connections}/x"),
            ("DELETE", f"{signed.connections}/x"),
        ):
            answer = browser.http.request(method, path, headers=headers, content=b"{}")
            # The gateway answers every refusal with 401, so that the browser signs in again.
            assert answer.status_code == 401, f"{what}: {method} {answer.text}"
    # A foreign page may not see the answer to a GET.
    answer = browser.http.get(signed.me, headers={"Origin": "http://evil.example"})
    assert "evil" not in answer.headers.get("Access-Control-Allow-Origin", "")
    # With this server's own token the request passes, and the API rejects the body.
    answer = browser.http.post(signed.connections, headers={"X-XSRFToken": own}, json={})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_field"


def test_a_foreign_page_can_not_listen_with_the_users_cookies(signed: Signed) -> None:
    browser = signed.browser
    url = f"ws{browser.url.removeprefix('http')}/user/admin/api/events/subscribe"
    request = browser.http.build_request("GET", "/user/admin/api/events/subscribe")
    options = {"cookie": request.headers["Cookie"], "timeout": 20, "http_no_proxy": ["*"]}
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, origin="http://evil.example", **options)
    assert refused.value.status_code == 403
    refused.value.__traceback__ = None
    websocket.create_connection(url, origin=browser.url, **options).close()


def test_cookies_are_for_one_host_and_http_only(signed: Signed) -> None:
    jar = signed.browser.http.cookies.jar
    assert {"_xsrf", "jupyterhub-session-id"} <= {cookie.name for cookie in jar}
    for cookie in jar:
        assert not cookie.domain_specified, cookie.name
        if cookie.name not in ("_xsrf", "jupyterhub-session-id"):
            assert cookie.has_nonstandard_attr("HttpOnly"), cookie.name
            assert cookie.path not in ("", "/"), cookie.name


def test_a_token_in_the_url_is_refused_everywhere(
    hub: Running, people: People, signed: Signed
) -> None:
    token = people.token("admin", ["access:servers!user=admin", "access:services", "read:users"])
    paths = (
        signed.me,
        "/user/admin/api/contents",
        "/services/workbench/api/v1/connections",
        "/hub/api/user",
    )
    with httpx.Client(base_url=hub.url, trust_env=False) as http:
        for path in paths:
            assert http.get(path, params={"token": token}).status_code in (401, 403), path
        headers = {"Authorization": f"token {token}"}
        assert http.get("/user/admin/api/contents", headers=headers).status_code == 200
        assert http.get("/hub/api/user", headers=headers).status_code == 200


def test_a_foreign_host_gets_nothing_without_a_token(hub: Running, signed: Signed) -> None:
    """Behind the Hub any host name is accepted. Cookies belong to the name under which the user signed
    in, so a page under another name has none."""
    port = int(hub.url.rsplit(":", 1)[1])
    for path in (signed.me, "/user/admin/api/contents", "/services/workbench/api/v1/me"):
        assert wire.get(port, path, "Host: evil.example").status in (401, 403), path
    reply = wire.get(port, "/hub/api/user", "Host: evil.example")
    assert reply.status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/services/workbench/api/v1/../../../hub/api/users",
        "/services/workbench/api/v1/%2e%2e/%2e%2e/%2e%2e/hub/api/users",
        "/services/workbench/../../hub/../etc/passwd",
        "/services/workbench/api/v1/connections/..%2f..%2faudit",
        "/services/workbench/api/v1/connections/%00",
        "/services/workbench//api/v1/audit",
        "/user/admin/workbench/api/v1/../../../../hub/api/users",
        "/user/admin/workbench/api/v1/..%2f..%2f..%2f..%2fhub%2fapi%2fusers",
    ],
)
def test_no_path_through_the_proxy_leads_out_of_its_route(
    hub: Running, people: People, signed: Signed, path: str
) -> None:
    token = people.token("admin", ["access:servers!user=admin", "access:services", "list:users",
                                   "custom:workbench:use"])  # fmt: skip
    port = int(hub.url.rsplit(":", 1)[1])
    authorization = f"Authorization: token {token}"
    reply = wire.get(port, path, authorization)
    if reply.status == 302:
        # The proxy resolves the dots, and the Hub redirects unknown paths to a page of its own.
        location = dict(reply.headers)["location"]
        assert location.startswith("/hub/")
        reply = wire.get(port, location, authorization)
    assert reply.status in (400, 404)
    assert b'"a-viewer"' not in reply.raw and b"root:" not in reply.raw
    # Control: the same token lists users at the Hub's own path.
    assert b'"a-viewer"' in wire.get(port, "/hub/api/users", authorization).raw


def test_every_answer_of_the_service_is_safe_for_browsers(people: People) -> None:
    base = f"{people.url}/services/workbench/api/v1"
    foreign = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    with ExitStack() as stack:
        api = stack.enter_context(closing(people.api("a-engineer")))
        nobody = stack.enter_context(closing(Api(f"{people.url}/services/workbench", None)))
        answers = [
            nobody.http.get(f"{base}/health", headers=foreign),
            nobody.http.get(f"{base}/me", headers=foreign),
            nobody.http.request("OPTIONS", f"{base}/connections", headers=foreign),
            api.http.get(f"{base}/me", headers=foreign),
            api.http.get(f"{base}/connections", headers=foreign),
            api.http.get(f"{base}/absent", headers=foreign),
            api.http.get(f"{people.url}/services/workbench/", headers=foreign),
            api.http.put(f"{base}/connections", headers=foreign),
            api.http.post(f"{base}/connections", content=b"{", headers=foreign),
            api.http.post(
                f"{base}/query",
                json={"connection": "sample", "sql": "select 1"},
                headers=foreign,
            ),
        ]
    assert [answer.status_code for answer in answers] == [
        200, 401, 405, 200, 200, 404, 404, 405, 400, 200,
    ]  # fmt: skip
    for answer in answers:
        where = f"{answer.request.method} {answer.request.url}"
        assert answer.headers["X-Content-Type-Options"] == "nosniff", where
        assert answer.headers["Cache-Control"] == "no-store", where
        kind = answer.headers["Content-Type"].partition(";")[0]
        assert kind in ("application/json", "application/vnd.apache.arrow.stream"), where
        given = {name for name in answer.headers if name.startswith("access-control-")}
        assert given == set(), where
        assert "Set-Cookie" not in answer.headers, where


def test_a_query_id_can_not_inject_a_header(people: People) -> None:
    with closing(people.api("a-engineer")) as api:
        for number in ("x\r\nX-Evil: 1", "0" * 32 + "\r\nX-Evil: 1", "é", ""):
            body = {"connection": "sample", "sql": "select 1", "query_id": number}
            answer = api.call("POST", "/query", body)
            assert answer.status_code == 400, answer.text
            assert "X-Evil" not in answer.headers


def test_the_service_survives_huge_headers_and_slow_clients(hub: Running, people: People) -> None:
    service = next(p for p in hub.descendants() if p.cmdline()[-2:] == ["wb_server.cli", "service"])
    (listening,) = [c for c in service.net_connections("tcp") if c.status == "LISTEN"]
    health = f"{PREFIX}/api/v1/health"
    for port in (int(hub.url.rsplit(":", 1)[1]), listening.laddr.port):
        assert wire.get(port, health, "X-Long: " + "a" * 200_000).status in (0, 400, 431)
        with ExitStack() as stack:
            for _ in range(100):
                half = stack.enter_context(wire.connect(port))
                half.sendall(f"GET {health} HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".encode())
            assert wire.get(port, health).status == 200
    assert service.status() != psutil.STATUS_ZOMBIE


# --- the client's address ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        # The client forged the first; the Hub's proxy added the last.
        (["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, nonsense, 198.51.100.7"], "198.51.100.7"),
        # Behind a proxy on the same machine, and behind a trusted one elsewhere.
        (["198.51.100.7, 127.0.0.1"], "198.51.100.7"),
        (["203.0.113.9,198.51.100.7, 192.0.2.1,::1"], "198.51.100.7"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, ::ffff:127.0.0.1"], "198.51.100.7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["127.0.0.1"], "127.0.0.1"),
    ],
)
def test_the_clients_address_is_what_the_proxy_saw(forwarded: list[str], expected: str) -> None:
    headers = HTTPHeaders({"Host": "localhost", "X-Real-Ip": "203.0.113.200"})
    for line in forwarded:
        headers.add("X-Forwarded-For", line)
    line = RequestStartLine("GET", "/", "HTTP/1.1")
    request = HTTPServerRequest(start_line=line, headers=headers)
    request.remote_ip = "203.0.113.200"
    assert at_the_hub(request, {"192.0.2.1"}) == expected
    assert at_the_service(request, {"192.0.2.1"}) == expected


def test_a_client_can_not_forge_its_address_in_the_audit_log(people: People) -> None:
    claims = {"X-Real-Ip": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    with closing(people.api("a-viewer")) as api, closing(people.api("a-admin")) as admin:
        url = f"{api.base}/api/v1/connections"
        assert api.http.post(url, json={}, headers=claims).status_code == 403
        rows = admin.ok("GET", "/audit", event="refused", user="a-viewer")["items"]
    assert rows[0]["action"] == "connection.create"
    assert rows[0]["address"] == "127.0.0.1"


def test_password_attempts_are_counted_whatever_the_claimed_address(hub: Running) -> None:
    texts = []
    for number in range(6):
        with Browser(hub.url) as browser:
            browser.http.headers["X-Real-Ip"] = f"203.0.113.{number}"
            texts.append(browser.sign_in("somebody-guessed", "a wrong guess").text)
    assert ["Too many failed attempts" in text for text in texts] == [False] * 5 + [True]
