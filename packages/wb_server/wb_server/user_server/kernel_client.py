"""A kernel client that notices every reply, whatever it sends while it waits.

jupyter_client sends through a second, blocking handle of an asyncio socket. Sending takes the notice that
a message has arrived, so whoever waits for that message isn't told: a cell whose reply arrives while its
client sends never ends. Voila sends after each output in an output widget.
"""

from __future__ import annotations

from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type
from traitlets.config import Config


class WakingChannel(AsyncZMQSocketChannel):
    """jupyter_client's channel, which looks for messages again after sending one."""

    def send(self, msg: dict[str, Any]) -> None:
        """Sends a message."""
        super().send(msg)
        # pyzmq schedules what the events say: it wakes whoever waits for a message that is there.
        self.socket.get(zmq.EVENTS)


class KernelClient(AsyncKernelClient):
    """jupyter_client's client with waking channels."""

    shell_channel_class = Type(WakingChannel)
    control_channel_class = Type(WakingChannel)
    stdin_channel_class = Type(WakingChannel)


def configure(config: Config) -> None:
    """Makes it the client of a server's kernels, unless another one is configured."""
    name = f"{KernelClient.__module__}.{KernelClient.__qualname__}"
    config.AsyncKernelManager.setdefault("client_class", name)
