"""``%config`` for jupysql's settings before jupysql is loaded."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magics.config import ConfigMagics as IPythonConfigMagics

from wb_kernels.extension import MAGICS

_OF_JUPYSQL = ("SqlMagic", "SqlPlotMagic", "SqlCmdMagic")


@magics_class
class ConfigMagics(IPythonConfigMagics):
    """IPython's ``%config``, which first loads ``%sql`` if the line is about its settings."""

    @line_magic("config")  # type: ignore[arg-type]  # IPython's types don't allow a name
    def config_with_sql(self, line: str) -> Any:
        """Shows and sets settings: ``%config SqlMagic.displaylimit = 20``."""
        if not line.strip() or line.strip().startswith(_OF_JUPYSQL):
            self.shell.extension_manager.load_extension(MAGICS)  # type: ignore[union-attr]
        return IPythonConfigMagics.config(self, line)  # type: ignore[call-arg, arg-type]
