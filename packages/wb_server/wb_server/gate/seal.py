"""The seal of permits. Only ``service.py`` applies it: an import contract keeps it in this room."""

from __future__ import annotations

from typing import Final

SEAL: Final = object()
