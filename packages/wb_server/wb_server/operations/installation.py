"""Where the parts of an installation are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..settings import Settings

_CONFIG = "jupyterhub_config.d"


@dataclass(frozen=True)
class InstallationPaths:
    """The folders of an installation.

    Attributes:
        settings: of the service.
        data: the data folder.
        hub: the Hub's own folder.
    """

    settings: Settings
    data: Path
    hub: Path

    @classmethod
    def of(
        cls, settings: Settings, environment: Mapping[str, str] = os.environ
    ) -> InstallationPaths:
        """Finds them from the settings and ``WB_HUB_DIR``."""
        data = Path(settings.data_dir).resolve()
        own = environment.get("WB_HUB_DIR")
        return cls(settings, data, Path(own).resolve() if own else data / "hub")

    @property
    def hub_config(self) -> tuple[Path, str]:
        """The folder of the Hub's extra configuration, and its name in a backup's archive."""
        if self.hub == self.data / "hub":
            return self.data / _CONFIG, _CONFIG
        return self.hub / _CONFIG, f"hub/{_CONFIG}"
