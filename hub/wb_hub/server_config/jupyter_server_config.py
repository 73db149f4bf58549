"""Settings of every user's Jupyter server. A file of the user's own in ~/.jupyter comes after this one."""

# Kernels listen on TCP without encryption by default: any local user could read along.
c.KernelManager.transport = "ipc"  # noqa: F821
c.MultiKernelManager.default_kernel_name = "workbench-python"  # noqa: F821
