"""What a shell loads at start: the names of magics and settings, but not their heavy imports.

jupysql, SQLAlchemy and pandas take most of a second to import, so they wait for the first use of
a magic (or of ``%config SqlMagic``). Our own settings are light and available at once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from traitlets import Enum, Unicode
from traitlets.config.configurable import Configurable

from wb_kernels.charts import CHART, bundle, prepare

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAGICS = "wb_kernels.magics.sql"
CONFIG = "wb_kernels.magics.config:ConfigMagics"
NAMES = ("sql", "jupysql", "sqlcmd", "sqlplot", "sqlrender")


class WorkbenchSql(Configurable):
    """Settings of ``%sql`` that jupysql doesn't have; see ``%config WorkbenchSql``."""

    frame = Enum(
        ("pandas", "polars", "arrow", "result"),
        default_value="pandas",
        help="What `name << select …` assigns: a pandas or polars frame, an Arrow table, or jupysql's"
        " result set.",
    ).tag(config=True)
    local_memory = Unicode(
        "2GB",
        help="How much memory `%sql local`, DuckDB in this kernel, may use before it writes temporary"
        " files.",
    ).tag(config=True)


def settings(shell: InteractiveShell) -> WorkbenchSql:
    """The shell's settings object, created on first use."""
    for each in shell.configurables:
        if isinstance(each, WorkbenchSql):
            return each
    made = WorkbenchSql(config=shell.config)
    shell.configurables.append(made)  # type: ignore[arg-type]  # its list holds any kind
    return made


def load(shell: InteractiveShell) -> None:
    """Registers the magics by name and displays results of ``wb.query`` as tables."""
    os.environ["PLOOMBER_STATS_ENABLED"] = "false"  # jupysql would send telemetry
    settings(shell)
    prepare()
    for name in NAMES:
        shell.magics_manager.register_lazy(name, MAGICS)
    # Tutorials begin with `%load_ext sql`, which would replace our magic with jupysql's.
    if shell.extension_manager is not None:
        shell.extension_manager.loaded.add("sql")
    shell.magics_manager.register_lazy("config", CONFIG, "line")
    if shell.display_formatter is None:
        return
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type_by_name("wb_server.client", "Result", _result_html)
    formatters["text/plain"].for_type_by_name("wb_server.client", "Result", _result_text)
    bundles = shell.display_formatter.mimebundle_formatter
    bundles.for_type_by_name(*CHART, bundle)


def _result_html(result: Any) -> str:
    from wb_kernels.display import html_table

    return html_table(result)


def _result_text(result: Any, printer: Any, cycle: bool) -> None:
    from wb_kernels.display import text_table

    printer.text(text_table(result))
