"""The kernel: ipykernel, with the Workbench's magics loaded before the user's own code."""

from __future__ import annotations

import gc

from ipykernel.kernelapp import IPKernelApp


class WorkbenchKernelApp(IPKernelApp):
    """ipykernel's application, in which start-up files and ``exec_lines`` can already use ``%sql``.

    Attributes:
        threshold: of Python's garbage collector, for the user's code.
    """

    threshold = gc.get_threshold()

    def init_extensions(self) -> None:
        """Loads our extension first, then those of the user's configuration."""
        if self.shell is not None:
            self.shell.extension_manager.load_extension("wb_kernels")
        super().init_extensions()  # type: ignore[no-untyped-call]

    def start(self) -> None:
        """Runs the user's code until the kernel is shut down."""
        gc.set_threshold(*self.threshold)
        super().start()  # type: ignore[no-untyped-call]
