"""Which kernels a user's Jupyter server offers, and which of them is the default.

The plain kernel comes with ipykernel, and has no ``%%sql``. It is hidden, not removed: a notebook that names
it opens with the Workbench's kernel, and a pipeline's task that names it gets it.
"""

from __future__ import annotations

import os
from typing import Final

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_server.serverapp import ServerApp
from traitlets import Bool, default

WORKBENCH: Final = "workbench-python"


class WorkbenchKernelSpecs(KernelSpecManager):
    """Lists the installed kernels without the plain one."""

    show_plain = Bool(
        help="Whether the plain Python kernel, which has no %%sql, is listed too. The default comes "
        "from the environment variable WB_PLAIN_KERNEL."
    ).tag(config=True)

    @default("show_plain")
    def _show_plain(self) -> bool:
        return os.environ.get("WB_PLAIN_KERNEL", "").strip().lower() in {"1", "true", "yes"}

    def find_kernel_specs(self) -> dict[str, str]:
        """The kernels to offer by name, each with its folder."""
        found = super().find_kernel_specs()
        if WORKBENCH in found and not self.show_plain:
            found.pop(NATIVE_KERNEL_NAME, None)
        return found


def prefer_workbench(server: ServerApp) -> None:
    """Makes the Workbench's kernel a server's default, and hides the plain one.

    What the server's own configuration says about either stays.
    """
    assert server.web_app is not None
    assert server.kernel_spec_manager is not None
    # A subclass was configured by somebody who had a reason.
    if type(server.kernel_spec_manager) is KernelSpecManager:
        specs = WorkbenchKernelSpecs(parent=server)
        server.kernel_spec_manager = specs
        server.kernel_manager.kernel_spec_manager = specs
        server.web_app.settings["kernel_spec_manager"] = specs
    kinds = [kind.__name__ for kind in type(server.kernel_manager).__mro__]
    configured = any("default_kernel_name" in server.config.get(kind, {}) for kind in kinds)
    if not configured and WORKBENCH in server.kernel_spec_manager.find_kernel_specs():
        server.kernel_manager.default_kernel_name = WORKBENCH
