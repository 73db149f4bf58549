"""The Hub's configuration. Each concern is one function in hub/wb_hub/config.py."""

from __future__ import annotations

import os

from traitlets.config import get_config

from wb_hub import config, settings

# Files that the Hub and its children create are for their owner only: a notebook holds data.
os.umask(0o077)

c = get_config()
s = settings.from_env()

for concern in config.CONCERNS:
    concern(c, s)

# The escape hatch: configuration of this deployment that the Workbench has no setting for.
for file in sorted(s.extra_config_dir.glob("*.py")):
    exec(
        compile(file.read_text(encoding="utf-8"), str(file), "exec"),
        {"c": c, "get_config": get_config},
    )
