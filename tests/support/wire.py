"""HTTP over a plain socket, for requests that a client library would not send."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass
class Reply:
    """The bytes received until the other end closed."""

    raw: bytes

    @property
    def status(self) -> int:
        """The status of the first answer; 0 if the connection was closed without one."""
        return int(self.raw.split(b" ", 2)[1]) if self.raw.startswith(b"HTTP/") else 0

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The first answer's headers, with lower-case names."""
        lines = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        parts = [line.partition(":") for line in lines]
        return [(name.lower(), value.strip()) for name, _, value in parts]


def connect(port: int, timeout: float = 10) -> socket.socket:
    """A connection to a loopback port."""
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def send(port: int, raw: bytes, timeout: float = 10) -> Reply:
    """Sends bytes to a loopback port and reads until the other end closes."""
    with connect(port, timeout) as connection:
        received = bytearray()
        try:
            connection.sendall(raw)
            while piece := connection.recv(65536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass  # the other end closed before it had read everything
        return Reply(bytes(received))


def get(port: int, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Reply:
    """Sends a request with exactly this path and these header lines."""
    length = [f"Content-Length: {len(body)}"] if body or method == "POST" else []
    host = [] if any(line.lower().startswith("host:") for line in headers) else ["Host: localhost"]
    lines = [f"{method} {path} HTTP/1.1", *host, *headers, *length, "Connection: close"]
    return send(port, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
