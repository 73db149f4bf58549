"""Code that runs in a Python kernel before a notebook's first cell.

It is sent to the kernel as text and has to work in any Python and IPython, also in environments without
the Workbench's packages; so it imports nothing of the Workbench.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from typing import Any


def code(fail_on_command: bool) -> str:
    """The code, which leaves no name behind in the notebook."""
    source = inspect.getsource(sys.modules[__name__])
    call = f"prepare(get_ipython(), {fail_on_command})"
    return f"exec({source!r} + {call!r}, {{'__name__': 'wb_prelude', 'get_ipython': get_ipython}})"


def prepare(shell: Any, fail_on_command: bool) -> None:
    """Prepares a shell; each step does nothing where a kernel doesn't have what it needs."""
    for step in (keep_all_output, flush_together, exit_like_python):
        with contextlib.suppress(AttributeError, ImportError):
            step(shell)
    if fail_on_command and hasattr(shell, "system_raise_on_error"):
        shell.system_raise_on_error = True


def keep_all_output(shell: Any) -> None:
    """Makes the kernel wait for a slow reader, instead of dropping what it can't take yet.

    Dropped messages are lost silently, among them the one by which a cell ends. Text that is longer than
    what is kept of a cell is cut here: a message has a limit.
    """
    import zmq

    longest = 10 * 2**20
    thread = shell.kernel.iopub_thread

    def cut(message: Any) -> Any:
        text = message["content"]["text"]
        if len(text) > longest:
            dropped = (len(text) - longest) // 2**20 or 1
            message["content"]["text"] = (
                f"[{dropped} MiB of earlier output was dropped.]\n{text[-longest:]}"
            )
        return message

    def in_its_thread() -> None:
        thread.socket.setsockopt(zmq.XPUB_NODROP, 1)
        # Hooks belong to the thread that registers them, and messages are sent from this one.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "register_hook"):
                stream.register_hook(cut)

    thread.schedule(in_its_thread)


def flush_together(shell: Any) -> None:
    """Sends what many flushes in a row have printed in one message, in the same order.

    A message costs a hundred times what its line does, and loggers and progress bars flush each one. The
    first flush after a pause still sends at once, and the kernel's own flushes, before anything that isn't
    printed, always do. What is put off is sent by the kernel's timer, within 0.2 seconds.
    """
    import os
    import time

    pause = 0.05
    process = os.getpid()
    flushes = {
        stream: stream.flush
        for stream in (sys.stdout, sys.stderr)
        if hasattr(stream, "flush_interval") and hasattr(stream, "pub_thread")
    }
    put_off: set[Any] = set()
    sent = dict.fromkeys(flushes, 0.0)

    def flush(stream: Any) -> None:
        for other in put_off - {stream}:
            put_off.discard(other)
            flushes[other]()
        now = time.monotonic()
        caller = str(sys._getframe(2).f_globals.get("__name__", ""))
        if (
            now - sent[stream] < pause
            and os.getpid() == process
            and caller.partition(".")[0] != "ipykernel"
        ):
            put_off.add(stream)
            return
        put_off.discard(stream)
        sent[stream] = now
        flushes[stream]()

    for each in flushes:
        setattr(each, "flush", lambda each=each: flush(each))  # noqa: B010  mypy: a method


def exit_like_python(shell: Any) -> None:
    """Makes ``exit()`` and ``quit()`` end a cell at once, with a status, as they do in a script.

    IPython's run the rest of the cell, and then stop the kernel while the next cell may be starting.
    """
    import warnings

    class Exit(type(shell.exiter)):  # type: ignore[misc]  # a kernel's own kind of exiter
        def __call__(self, code: Any = None, keep_kernel: Any = None) -> None:
            raise SystemExit(code)

    shell.exiter = Exit(shell)
    for name in ("exit", "quit"):
        shell.user_ns[name] = shell.exiter
        # For modules beside the notebook, from which IPython hides Python's own.
        shell.builtin_trap.auto_builtins[name] = shell.exiter
    # IPython's advice on how to leave a terminal.
    warnings.filterwarnings("ignore", message="To exit: use", category=UserWarning)
