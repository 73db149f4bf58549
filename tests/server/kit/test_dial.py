"""Outgoing connections: the checked address is dialled, in time, and TLS verifies the name."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from wb_server.kit.dial import dial
from wb_server.kit.errors import SourceFailed, Unprocessable
from wb_server.kit.http import AsyncTransport, async_client, read_at_most
from wb_server.kit.network import NetworkPolicy, Peer

NAMES = ("one.example.org", "two.example.org")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for the first of the names, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", f"/CN={NAMES[0]}", "-addext", f"subjectAltName=DNS:{NAMES[0]}",
        "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder


class Site(http.server.ThreadingHTTPServer):
    """Records the names that clients ask for: in the request, and by TLS."""

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.requests: list[tuple[str, str]] = []
        self.names: list[str | None] = []
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
            context.sni_callback = lambda link, name, context: self.names.append(name)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignored: some of these tests disconnect on purpose."""


class _Requests(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["Host"]))
        body = b"x" * 1000
        redirect = self.path == "/redirect"
        self.send_response(307 if redirect else 200)
        if redirect:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@contextlib.contextmanager
def site(certificate: Path | None = None) -> Iterator[Site]:
    with Site(certificate) as it:
        thread = threading.Thread(target=it.serve_forever, args=[0.01])
        thread.start()
        try:
            yield it
        finally:
            it.shutdown()
            thread.join()


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate / "cert.pem"))


# --- sockets ---------------------------------------------------------------------------------------


def test_the_checked_address_is_dialled_and_tls_verifies_the_name(certificate: Path) -> None:
    with site(certificate) as it:
        for name in NAMES:
            peer = Peer(name, it.server_port, "127.0.0.1")
            if name == NAMES[0]:
                with dial(peer, timeout=5, tls=trusting(certificate)) as link:
                    assert link.getpeername() == ("127.0.0.1", it.server_port)
                    assert link.gettimeout() == 5
                    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    dial(peer, timeout=5, tls=trusting(certificate))
        assert it.names == list(NAMES)


def test_a_refused_connection_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(ConnectionRefusedError):
            dial(Peer("db.example.org", taken.getsockname()[1], "127.0.0.1"), timeout=5)


def test_a_silent_server_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = Peer("db.example.org", silent.getsockname()[1], "127.0.0.1")
        with pytest.raises(TimeoutError):
            dial(peer, timeout=0.05, tls=ssl.create_default_context())
        connection, _ = silent.accept()
        with connection:  # the client closed it: its greeting is followed by the end of the stream
            connection.settimeout(5)
            while connection.recv(65536):
                pass


# --- HTTP ------------------------------------------------------------------------------------------


async def test_a_name_is_resolved_once_per_connection_and_only_by_the_policy() -> None:
    """Only this resolver knows the names, and it gives another address the second time."""
    asked: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if asked.count(name) == 1 else ["169.254.169.254"]

    policy = NetworkPolicy(allow_loopback=True, resolver=resolver)
    with site() as it:
        async with async_client(policy.check) as client:
            for name in (*NAMES, *NAMES):
                answer = await client.get(f"http://{name}:{it.server_port}/a")
                assert answer.status_code == 200
        assert [host for _, host in it.requests] == [
            f"{name}:{it.server_port}" for name in (*NAMES, *NAMES)
        ]
        # One connection per name, though both have the same address.
        assert asked == list(NAMES)
        async with async_client(policy.check) as client:
            with pytest.raises(Unprocessable, match=r"169\.254\.169\.254"):
                await client.get(f"http://{NAMES[0]}:{it.server_port}/a")
    assert len(it.requests) == 4


async def test_addresses_are_checked() -> None:
    with site() as it:
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0x7f.1", "127.1"):
            async with async_client(NetworkPolicy().check) as client:
                with pytest.raises(Unprocessable) as caught:
                    await client.get(f"http://{host}:{it.server_port}/")
            assert caught.value.code == "address_not_allowed", host
        async with async_client(NetworkPolicy(resolver=lambda name, port: []).check) as client:
            with pytest.raises(SourceFailed) as unknown:
                await client.get("http://nowhere.example.org/")
        assert unknown.value.code == "unknown_host"
    assert it.requests == []


async def test_a_certificate_has_to_match_the_name(certificate: Path) -> None:
    policy = NetworkPolicy(allow_loopback=True, resolver=lambda name, port: ["127.0.0.1"])
    transport = AsyncTransport(policy.check, tls=trusting(certificate))
    with site(certificate) as it:
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            url = f"https://{NAMES[0]}:{it.server_port}/"
            assert (await client.get(url)).status_code == 200
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(url.replace(*NAMES))
        assert it.names == list(NAMES)
        assert len(it.requests) == 1


async def test_neither_a_redirect_nor_a_proxy_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with site() as it:
        async with async_client(NetworkPolicy(allow_loopback=True).check) as client:
            answer = await client.get(f"http://127.0.0.1:{it.server_port}/redirect")
        assert answer.status_code == 307
        assert [path for path, _ in it.requests] == ["/redirect"]


async def test_no_more_than_the_limit_is_read() -> None:
    with site() as it:
        async with async_client(NetworkPolicy(allow_loopback=True).check) as client:
            for limit, more in ((10, True), (999, True), (1000, False), (5000, False)):
                url = f"http://127.0.0.1:{it.server_port}/"
                async with client.stream("GET", url) as answer:
                    body, left = await read_at_most(answer, limit)
                assert (len(body), left) == (min(limit, 1000), more)
