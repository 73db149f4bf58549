"""One HTTP request over the one way out, which any thread can stop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass

import httpx

from .http import Check, async_client, read_at_most


class Stopped(Exception):
    """The request was stopped before its answer was complete."""


@dataclass(frozen=True)
class Received:
    """An answer.

    Attributes:
        body: its first bytes, up to the limit.
        truncated: True if there were more.
    """

    answer: httpx.Response
    body: bytes
    truncated: bool

    @property
    def text(self) -> str:
        """The body as text; bytes that aren't are replaced."""
        return self.body.decode(self.answer.encoding or "utf-8", "replace")


class Sending:
    """Sends one request, without following redirects.

    Args:
        check: returns the address to dial: ``NetworkPolicy.check``.
        limit: the maximum number of bytes of the answer's body.
    """

    def __init__(self, check: Check, limit: int) -> None:
        self._check = check
        self._limit = limit
        self._lock = threading.Lock()
        self._stopped = False
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Received]] | None = None

    def send(self, request: httpx.Request, seconds: float) -> Received:
        """Sends a request and waits for its answer; blocks.

        Raises:
            Stopped: it was stopped.
            httpx.HTTPError, OSError: there was no answer.
            WorkbenchError: the address isn't allowed, or the host is unknown.
        """
        request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
        return asyncio.run(self._sent(request, seconds))

    def stop(self) -> None:
        """Stops the request, from any thread and at any time."""
        with self._lock:
            self._stopped = True
            running = self._running
        if running is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                running[0].call_soon_threadsafe(running[1].cancel)

    async def _sent(self, request: httpx.Request, seconds: float) -> Received:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._stopped:
                raise Stopped
            task = loop.create_task(self._received(request))
            self._running = loop, task
        try:
            async with asyncio.timeout(seconds):
                return await task
        except asyncio.CancelledError:
            raise Stopped from None
        except TimeoutError:
            raise httpx.ReadTimeout("it took too long") from None

    async def _received(self, request: httpx.Request) -> Received:
        async with async_client(self._check) as client:
            answer = await client.send(request, stream=True)
            try:
                return Received(answer, *await read_at_most(answer, self._limit))
            finally:
                await answer.aclose()
