"""Settings of every user's Jupyter server. A file of the user's own in ~/.jupyter comes after this one."""

from traitlets.config import get_config

c = get_config()

# Kernels listen on TCP without encryption by default: any local user could read along.
c.KernelManager.transport = "ipc"
c.MultiKernelManager.default_kernel_name = "workbench-python"
