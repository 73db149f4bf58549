"""A kernel client over a Jupyter server's websocket, with the interface that nbclient needs.

``jupyter_kernel_client`` does the same with a thread and unbounded queues. This one applies back-pressure
to a cell that prints faster than it is read, and limits the size of a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import uuid
from collections.abc import Mapping
from queue import Empty
from typing import Any

from jupyter_client.jsonutil import extract_dates
from jupyter_client.session import utcnow
from websockets.asyncio.client import ClientConnection, connect  # noqa: TID251  to the Hub's proxy, as configured
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ...user_server.messages import MAX_MESSAGE

log = logging.getLogger(__name__)
_MAX_QUEUED = 64
_PING_SECONDS = 20.0
# A server whose CPUs are busy with notebooks is slow to answer.
_PONG_SECONDS = 60.0
_TOO_BIG = 1009
# Jupyter's protocol that passes messages on unparsed: https://jupyter-server.readthedocs.io,
# "WebSocket kernel wire protocols".
_PROTOCOL = Subprotocol("v1.kernel.websocket.jupyter.org")
_DEAD = frozenset({"restarting", "autorestarting", "dead"})


class Channel:
    """The messages of one channel, with the interface that nbclient expects."""

    def __init__(self, size: int = 0) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue(size)

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message. Raises ``queue.Empty`` after ``timeout`` seconds without one."""
        if timeout is None:
            return await self.messages.get()
        try:
            return await asyncio.wait_for(self.messages.get(), timeout)
        except TimeoutError:
            raise Empty from None


class SocketClient:
    """The client of one kernel.

    Attributes:
        died: the server says that the kernel is gone.
        lost: the connection is lost.
        too_big: the connection was lost because a single output exceeded ``MAX_MESSAGE``.
    """

    allow_stdin = False

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._running: str | None = None
        self.shell_channel = Channel()
        self.iopub_channel = Channel(_MAX_QUEUED)
        self.died = False
        self.lost = False
        self.too_big = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, kernel_id: str, headers: Mapping[str, str]) -> SocketClient:
        """Connects to a kernel.

        Raises:
            OSError, TimeoutError, WebSocketException: the server doesn't accept the connection.
        """
        session = uuid.uuid4().hex
        address = f"ws{url.removeprefix('http')}/api/kernels/{kernel_id}/channels"
        socket = await connect(
            f"{address}?session_id={session}",
            additional_headers=dict(headers),
            subprotocols=[_PROTOCOL],
            # A message, and its frame.
            max_size=MAX_MESSAGE + 2**16,
            max_queue=16,
            open_timeout=60,
            close_timeout=2,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PONG_SECONDS,
            compression=None,
            proxy=None,
        )
        return cls(socket, session)

    async def execute(
        self,
        code: str,
        silent: bool = False,
        store_history: bool = True,
        stop_on_error: bool = True,
    ) -> str:
        """Sends a cell, and returns the message's id."""
        content = {
            "code": code,
            "silent": silent,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": stop_on_error,
        }
        return await self._send("execute_request", content)

    async def kernel_info(self) -> str:
        """Requests the kernel's info, and returns the message's id."""
        return await self._send("kernel_info_request", {})

    def is_alive(self) -> bool:
        """Whether the kernel still runs and is connected."""
        return not (self.died or self.lost)

    async def close(self) -> None:
        """Closes the connection."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        await self._socket.close()

    async def _send(self, kind: str, content: dict[str, Any]) -> str:
        number = uuid.uuid4().hex
        if kind == "execute_request":
            self._running = number
        header = {
            "msg_id": number,
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "version": "5.3",
            "date": utcnow().isoformat(),
        }
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        try:
            await self._socket.send(_frame("shell", parts))
        except ConnectionClosed:
            # nbclient checks `is_alive`; the reader sets this as well, but later.
            self.lost = True
        return number

    async def _read(self) -> None:
        try:
            async for frame in self._socket:
                await self._take(_message(frame))
        except ConnectionClosed as closed:
            self.too_big = any(
                end is not None and end.code == _TOO_BIG for end in (closed.rcvd, closed.sent)
            )
        finally:
            self.lost = True

    async def _take(self, message: dict[str, Any]) -> None:
        parent = message["parent_header"].get("msg_id")
        if message["channel"] == "shell":
            self.shell_channel.messages.put_nowait(message)
        elif message["channel"] == "iopub":
            state = message["content"].get("execution_state")
            if message["msg_type"] == "status" and state in _DEAD:
                self.died = True
            # Only messages of the running cell: nobody reads any others.
            elif parent == self._running:
                if message["msg_type"] == "status" and state == "idle":
                    self._running = None
                await self.iopub_channel.messages.put(message)


def _frame(channel: str, parts: list[bytes]) -> bytes:
    """A frame of the protocol: the number of offsets, the offsets, the channel, the message's parts."""
    pieces = [channel.encode(), *parts]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    numbers = (number.to_bytes(8, "little") for number in (len(offsets), *offsets))
    return b"".join([*numbers, *pieces])


def _message(frame: str | bytes) -> dict[str, Any]:
    """Decodes a frame of the protocol; binary buffers are dropped."""
    if isinstance(frame, str):
        raise ValueError("The server doesn't speak the protocol that it agreed to.")
    count = int.from_bytes(frame[:8], "little")
    if not 5 < count < 10_000:
        raise ValueError("A frame of the kernel's websocket is malformed.")
    ends = [int.from_bytes(frame[8 * at : 8 * at + 8], "little") for at in range(1, 7)]
    channel, header, parent, _, content = (
        frame[start:end] for start, end in itertools.pairwise(ends)
    )
    message = {
        "channel": channel.decode(),
        "header": json.loads(header),
        "parent_header": json.loads(parent),
        "metadata": {},
        "content": json.loads(content),
        "buffers": [],
    }
    message["msg_type"] = message["header"]["msg_type"]
    # Prints come by the thousand, and their dates aren't used.
    if message["msg_type"] != "stream":
        message["header"] = extract_dates(message["header"])
    return message
