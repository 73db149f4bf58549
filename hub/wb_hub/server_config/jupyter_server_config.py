"""Settings of every user's Jupyter server. A file of the user's own in ~/.jupyter comes after this one."""

import os
import sys
from pathlib import Path

from traitlets.config import get_config

c = get_config()

# Kernels listen on TCP without encryption by default: any local user could read along.
c.KernelManager.transport = "ipc"
c.MultiKernelManager.default_kernel_name = "workbench-python"

# A login shell, as Jupyter starts it by itself, sets PATH anew: `wb` and the environment's `python`
# would not be found. So the profile is read first, and what is typed goes to a shell after it.
shell = os.environ.get("SHELL") or "/bin/sh"
if Path(shell).name in ("sh", "bash", "dash", "ksh", "zsh"):
    found = f'PATH="{Path(sys.executable).parent}:$PATH" exec "$0" -i'
    c.ServerApp.terminado_settings = {"shell_command": [shell, "-l", "-c", found]}
