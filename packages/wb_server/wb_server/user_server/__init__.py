"""Code that runs in a user's Jupyter server beside the user's own: it holds no secret of the service."""

from __future__ import annotations

from typing import Final

PIPELINES_SERVER: Final = "pipelines"
"""The named server in which the Hub runs a user's notebooks of pipelines, as in ``wb_hub``."""
