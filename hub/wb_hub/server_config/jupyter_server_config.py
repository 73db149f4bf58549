"""Settings of every user's Jupyter server. The user's own file in ~/.jupyter is loaded after this one."""

import os
import sys
from pathlib import Path

from traitlets.config import get_config

c = get_config()

# By default kernels listen on TCP without encryption: any local user could eavesdrop.
c.KernelManager.transport = "ipc"

# The login shell that Jupyter starts by default resets PATH: `wb` and the environment's `python`
# wouldn't be found. So a login shell reads the profile first and then becomes the interactive one.
shell = os.environ.get("SHELL") or "/bin/sh"
if Path(shell).name in ("sh", "bash", "dash", "ksh", "zsh"):
    found = f'PATH="{Path(sys.executable).parent}:$PATH" exec "$0" -i'
    c.ServerApp.terminado_settings = {"shell_command": [shell, "-l", "-c", found]}
