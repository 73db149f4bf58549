"""``%sqlplot`` and ``%sqlcmd`` on connections that jupysql opened itself, and hints elsewhere.

jupysql's plots and profiles take decimals for text, and send SQL of their own that not every connector
runs: a histogram of amounts was empty. On a connection of the Workbench they aren't offered.
"""

from __future__ import annotations

from typing import Any, Final

import sql.magic
from IPython.core.magic import Magics, line_magic, magics_class
from sql.connection import ConnectionManager

from wb_kernels.magics.connection import NamedConnection
from wb_kernels.magics.errors import usage_error

_LISTS: Final = (
    "Tables and columns are listed in the Connections panel, and by SQL: select table_name from "
    "information_schema.tables."
)
_PROFILES: Final = "Take the rows into a frame (df <<), then: %sql local summarize df."
_PLOTS: Final = (
    "Group in SQL, take the rows into a frame (df <<), and draw that: alt.Chart(df).mark_bar()"
    '.encode(x="…", y="…"), or df.plot().'
)


@magics_class
class PlotMagics(Magics):
    """The two magics; each call looks at the connection that is selected now."""

    @line_magic
    def sqlplot(self, line: str = "") -> Any:
        """Draws a column of a connection that was opened by URL."""
        if _is_named():
            raise usage_error(f"%sqlplot isn't available here. {_PLOTS}")
        return sql.magic.SqlPlotMagic(self.shell).execute(line)

    @line_magic
    def sqlcmd(self, line: str = "") -> Any:
        """Lists snippets; and tables and profiles of a connection that was opened by URL."""
        command = (line.split() or [""])[0]
        if command != "snippets" and _is_named():
            instead = _LISTS if command in ("tables", "columns", "") else _PROFILES
            raise usage_error(f"%sqlcmd {command}".rstrip() + f" isn't available here. {instead}")
        return sql.magic.SqlCmdMagic(self.shell).execute(line)


def _is_named() -> bool:
    current = ConnectionManager.current
    return current is None or isinstance(current, NamedConnection)
