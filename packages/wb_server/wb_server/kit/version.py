"""The version of the Workbench: the same for all its packages."""

from __future__ import annotations

VERSION = "0.1.0"
