"""Kernel clients that send while they wait: dashboards and pipelines with output widgets."""

from __future__ import annotations

import asyncio
import time

import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session
from nbformat.v4 import new_code_cell, new_notebook
from support.api import Api

from wb_server.user_server.kernel_client import KernelClient


@pytest.mark.parametrize("name", ["shell", "control", "stdin"])
def test_a_reply_that_arrives_while_the_client_sends_is_noticed(name: str) -> None:
    async def reply() -> dict[str, object]:
        with zmq.asyncio.Context() as context:
            client = KernelClient(context=context, session=Session(key=b""))
            kernel = zmq.Context(context).socket(zmq.PAIR)
            kernel.bind("inproc://kernel")
            socket = context.socket(zmq.PAIR)
            socket.connect("inproc://kernel")
            channel = getattr(client, f"{name}_channel_class")(socket, client.session)
            waiting = asyncio.ensure_future(channel.get_msg(timeout=None))
            # Until nothing is left for the loop to do but to wait for the message.
            for _ in range(10):
                await asyncio.sleep(0)
            client.session.send(kernel, "execute_reply")
            # zmq looks at what has arrived when it sends, but at most about once a millisecond.
            until = time.monotonic() + 0.02
            while time.monotonic() < until:
                channel.send(client.session.msg("comm_msg"))
            try:
                return dict(await asyncio.wait_for(waiting, 5))
            finally:
                kernel.close(linger=0)
                socket.close(linger=0)

    assert asyncio.run(reply())["msg_type"] == "execute_reply"


def test_a_dashboard_with_output_widgets_is_rendered(embedded_api: Api) -> None:
    server = embedded_api.base.removesuffix("/workbench")
    # Without waking channels, a cell in ten doesn't end.
    cells = ["import ipywidgets\nout = ipywidgets.Output()"] + [
        f"with out:\n    out.clear_output(wait=True)\n    display({number})" for number in range(60)
    ]
    content = new_notebook(
        cells=[*map(new_code_cell, cells), new_code_cell("print('rendered')")],
        metadata={"kernelspec": {"name": "workbench-python", "display_name": "Workbench Python"}},
    )
    put = embedded_api.http.put(
        f"{server}/api/contents/dashboard.ipynb", json={"type": "notebook", "content": content}
    )
    assert put.is_success, put.text
    page = ""
    with embedded_api.http.stream("GET", f"{server}/voila/render/dashboard.ipynb") as answer:
        for piece in answer.iter_text():
            page += piece
            # Sent when a cell takes more than ten seconds.
            assert page.count("<script>window.voila_heartbeat()</script>") < 5
    assert "rendered\n" in page
