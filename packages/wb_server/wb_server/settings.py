"""The settings of the service: one place, with help, from the environment or the command line.

Each setting is a traitlet; ``WB_<NAME>`` in the environment sets it. ``wb config`` prints what is
in force and from where.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traitlets import Bool, Enum, Float, Integer, List, TraitError, Unicode
from traitlets.config import Configurable


class Settings(Configurable):
    """What can be set. Durations are seconds, sizes bytes."""

    data_dir = Unicode(
        str(Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "workbench"),
        help="The folder of the metadata database, blobs, logs and the master key.",
    ).tag(config=True)
    database_url = Unicode(
        help="SQLAlchemy URL of the metadata database. Empty: `workbench.db` in the data folder."
    ).tag(config=True, secret=True)
    key_file = Unicode(
        help="File with the master keys, one a line, the newest first; readable by the service's "
        "user only. Empty: `master.key` in the data folder."
    ).tag(config=True)
    mode = Enum(
        ["hub", "local"],
        "hub",
        help="`hub`: identity from JupyterHub's tokens. `local`: inside one user's Jupyter server.",
    ).tag(config=True)
    isolated = Bool(
        False,
        help="Whether users run under other uids or in other containers than the service. Shown on "
        "the health page; set it only where it is so.",
    ).tag(config=True)
    allow_loopback = Bool(
        False, help="Whether connections may go to this machine's own loopback addresses."
    ).tag(config=True)
    allow_private = Bool(
        True, help="Whether connections may go to private address ranges (10/8, 192.168/16, …)."
    ).tag(config=True)
    file_roots = List(
        Unicode(),
        help="Folders in which file connections may lie, separated by `:` in the environment. "
        "Empty: `files` in the data folder.",
    ).tag(config=True)
    query_timeout = Float(300.0, min=0.1, help="Seconds that one statement may run.").tag(
        config=True
    )
    max_rows = Integer(20_000_000, min=1, help="Rows that one answer may have.").tag(config=True)
    max_bytes = Integer(8 * 2**30, min=1, help="Bytes of Arrow that one answer may have.").tag(
        config=True
    )
    max_write_rows = Integer(
        100_000, min=1, help="Rows that a write may return; they are held until it is committed."
    ).tag(config=True)
    max_queries_per_user = Integer(
        8, min=1, help="Statements that one person may run at the same time."
    ).tag(config=True)
    max_queries = Integer(
        32, min=1, help="Statements that all may run at the same time together."
    ).tag(config=True)
    max_body = Integer(4 * 2**20, min=1024, help="Bytes that a request's body may have.").tag(
        config=True
    )
    worker_memory = Unicode(
        "2GB", help="Memory that one query on files may use, as DuckDB writes it."
    ).tag(config=True)
    trusted_proxies = Unicode(
        help="Addresses of proxies in front of the Hub's own, with commas between: what they say of a "
        "client's address is believed, for the audit log. Loopback addresses always are."
    ).tag(config=True)
    log_format = Enum(
        ["text", "json"], "text", help="`text` to read in a terminal, `json` for a log collector."
    ).tag(config=True)

    @property
    def database(self) -> str:
        """The metadata database's URL in force."""
        return self.database_url or f"sqlite:///{Path(self.data_dir) / 'workbench.db'}"

    @property
    def key_path(self) -> Path:
        """The master key's file in force."""
        return Path(self.key_file) if self.key_file else Path(self.data_dir) / "master.key"

    @property
    def roots(self) -> list[Path]:
        """The folders of files in force."""
        return [Path(root) for root in self.file_roots] or [Path(self.data_dir) / "files"]

    @property
    def blobs_folder(self) -> Path:
        """The folder of the blobs."""
        return Path(self.data_dir) / "blobs"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings with what ``WB_…`` variables say.

        Raises:
            TraitError: a value doesn't fit, with the variable's name.
        """
        values: dict[str, Any] = {}
        for name, trait in cls.class_own_traits(config=True).items():
            variable = variable_of(name)
            raw = environment.get(variable)
            if raw is None or raw == "":
                continue
            try:
                if isinstance(trait, List):
                    values[name] = [part for part in raw.split(os.pathsep) if part]
                else:
                    values[name] = trait.from_string(raw)
                cls(**{name: values[name]})
            except (TraitError, ValueError) as error:
                raise TraitError(f"{variable}={raw!r} does not fit: {trait.help}") from error
        return cls(**values)


def variable_of(name: str) -> str:
    """The environment variable that sets a setting."""
    return f"WB_{name.upper()}"


def in_force(environment: Mapping[str, str] = os.environ) -> list[tuple[str, str, str, str]]:
    """Rows of (name, value, from where, help), for ``wb config``. A secret's value is hidden."""
    settings = Settings.from_environment(environment)
    rows = []
    for name, trait in Settings.class_own_traits(config=True).items():
        variable = variable_of(name)
        source = variable if environment.get(variable) else "default"
        value = getattr(settings, name)
        shown = "(set)" if trait.metadata.get("secret") and value else str(value)
        rows.append((name, shown, source, trait.help))
    return rows
