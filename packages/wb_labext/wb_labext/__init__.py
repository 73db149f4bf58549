"""The Workbench's JupyterLab extension: a Python package with the built JavaScript."""

from __future__ import annotations

__version__ = "0.1.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where ``jupyter labextension develop`` finds the built extension."""
    return [{"src": "labextension", "dest": "@workbench/labext"}]
