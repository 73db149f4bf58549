"""The service's web application in the test's process, for users that no Hub knows.

It differs from the service host in one thing only: who a request's token belongs to.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from tornado import httpserver, netutil, web

from wb_server.composition import Workbench
from wb_server.hosts.hub_identity import HubIdentity
from wb_server.hosts.service import application
from wb_server.hosts.web import Serving
from wb_server.kit.actor import Actor
from wb_server.kit.errors import NotSignedIn

from .api import Api

PREFIX = "/services/workbench"


@dataclass
class Host:
    """A running application and its known users."""

    url: str
    known: dict[str, Actor] = field(default_factory=dict)

    async def actor(self, handler: web.RequestHandler) -> Actor:
        """The request's actor: its token is the user's name."""
        token = handler.request.headers.get("Authorization", "").removeprefix("token ")
        if token not in self.known:
            raise NotSignedIn("Sign in first.")
        return self.known[token]

    def api(self, actor: Actor) -> Api:
        """The API as an actor."""
        self.known[actor.name] = actor
        return Api(self.url, actor.name)


@contextmanager
def served(workbench: Workbench) -> Iterator[Host]:
    """Serves a Workbench on a loopback port while the block runs."""
    (socket,) = netutil.bind_sockets(0, "127.0.0.1")
    host = Host(f"http://127.0.0.1:{socket.getsockname()[1]}{PREFIX}")
    serving = Serving(workbench.api, workbench.bus)
    loop = asyncio.new_event_loop()
    started, end = threading.Event(), asyncio.Event()

    async def run() -> None:
        server = httpserver.HTTPServer(
            application(workbench, serving, PREFIX, cast(HubIdentity, host)), max_body_size=2**40
        )
        server.add_socket(socket)
        started.set()
        await end.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    started.wait()
    try:
        yield host
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        serving.close()
        loop.run_until_complete(_settle())
        loop.close()


async def _settle() -> None:
    """Cancels requests that are still being answered, such as event streams."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
