"""The named servers in which notebooks of pipelines run: who may start one, and how many may run.

A worker starts a user's server ``pipelines`` when a run needs it, and it stops after it has been idle
for a while. Users don't work in it: only the worker may start a named server here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub import orm
from tornado import web

from wb_hub.locked_out import is_locked_out

NAME = "pipelines"


def rule(worker: str, most: int) -> Callable[[Any], int]:
    """The limit that the Hub asks for before each start of a named server, and for some pages.

    Args:
        worker: the service that starts them.
        most: how many such servers may run at the same time, for all users together.
    """

    def named_server_limit(handler: Any) -> int:
        name = handler.path_args[1] if len(handler.path_args) > 1 else ""
        if not name and handler.request.method not in ("PATCH", "PUT"):
            return 1  # a page that only shows the number
        asks = handler.current_user
        if isinstance(asks, orm.Service) and asks.name == worker:
            if name != NAME:
                raise web.HTTPError(403, f"The only named server is {NAME}.")
            # The worker has checked, but an administrator may have locked the user out since.
            if is_locked_out(handler.db, handler.path_args[0]):
                raise web.HTTPError(403, "This user is locked out.")
            others = (
                handler.db.query(orm.Spawner)
                .join(orm.User, orm.Spawner.user_id == orm.User.id)
                .filter(orm.Spawner.name == NAME, orm.Spawner.server_id.isnot(None))
                .filter(orm.User.name != handler.path_args[0])
                .count()
            )
            if others >= most:
                raise web.HTTPError(
                    429, f"{most} notebook servers are already running, which is the limit."
                )
            return 0
        # Refused here rather than with a number: a later refusal would leave the name taken.
        raise web.HTTPError(403, "Named servers are only for pipelines.")

    return named_server_limit


def arguments(idle_seconds: int) -> list[str]:
    """The arguments of such a server, besides those of every server."""
    return [
        # The server stops when it has no kernels; idle ones, including the spare, are culled.
        f"--ServerApp.shutdown_no_activity_timeout={idle_seconds}",
        f"--MappingKernelManager.cull_idle_timeout={idle_seconds}",
        f"--MappingKernelManager.cull_interval={min(60, idle_seconds)}",
        # The driver keeps only the end of a cell's output; until it has read one, the kernel waits.
        "--ZMQChannelsWebsocketConnection.limit_rate=False",
        # Nobody works in it.
        "--ServerApp.terminals_enabled=False",
    ]
