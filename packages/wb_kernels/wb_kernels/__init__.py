"""The Workbench in a notebook: its kernel, ``%sql`` and ``import wb``.

Everything is imported on first use: a kernel that only computes starts as fast as a plain one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Adds the magics to a shell; called by ``%load_ext wb_kernels`` in other kernels."""
    from wb_kernels.extension import load

    load(shell)
