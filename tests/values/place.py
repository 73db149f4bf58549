"""A separate Workbench in local mode, with a connection of each kind, queried over HTTP."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from support.api import Api
from support.jupyter import embedded
from support.mariadb import MariaDB
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.client import Client

ENDED = {"succeeded", "failed", "cancelled", "skipped"}


@dataclass
class Place:
    """The Workbench and its sources.

    Attributes:
        folder: the folder of the connection ``files``.
        database: the file of the connection ``duck``.
    """

    api: Api
    client: Client
    postgres: Cluster
    mariadb: MariaDB
    folder: Path
    database: Path
    _number: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def connect(self, name: str, connector: str, config: dict[str, Any]) -> str:
        """Creates another connection and returns its name."""
        body = {"name": name, "connector": connector, "config": config}
        return str(self.api.ok("POST", "/connections", body)["name"])

    def tables(self, connection: str) -> list[str]:
        """The names of a connection's tables."""
        items = self.api.ok("GET", "/connections")["items"]
        (known,) = [each["id"] for each in items if each["name"] == connection]
        return [
            each["name"] for each in self.api.ok("GET", f"/connections/{known}/tables")["items"]
        ]

    def copy(self, jobs: dict[str, tuple[str, str, str, str]]) -> dict[str, dict[str, Any]]:
        """Runs copies as the tasks of one pipeline; returns the task runs by name.

        Args:
            jobs: for each copy, the source, the query, the target and its table.
        """
        tasks = {
            name: {
                "type": "copy",
                "from": {"connection": source, "query": query},
                "to": {"connection": target, "table": table, "mode": "append"},
            }
            for name, (source, query, target, table) in jobs.items()
        }
        text = json.dumps({"name": f"copies{next(self._number)}", "tasks": tasks})
        pipeline = self.api.ok("POST", "/pipelines", {"text": text})
        run = self.api.ok("POST", f"/pipelines/{pipeline['id']}/runs", {})
        path = f"/runs/{run['id']}"
        wait_for(lambda: self.api.ok("GET", path)["state"] in ENDED, 60)
        return {each["task"]: each for each in self.api.ok("GET", path)["tasks"]}


@contextmanager
def place(folder: Path, postgres: Cluster, mariadb: MariaDB) -> Iterator[Place]:
    """Runs the Workbench while the block runs."""
    files, database = folder / "files", folder / "files" / "shop.duckdb"
    files.mkdir()
    duckdb.connect(str(database)).close()
    lake = files / "lake"
    lake.mkdir()
    variables = {"WB_ALLOW_LOOPBACK": "1", "WB_FILE_ROOTS": str(files)}
    with embedded(folder, variables=variables) as api:
        token = api.http.headers["Authorization"].removeprefix("token ")
        with Client(api.base, token) as client:
            it = Place(api, client, postgres, mariadb, lake, database)
            it.connect("pg", "postgres", postgres.config())
            it.connect("my", "mysql", mariadb.config())
            it.connect("files", "files", {"folder": str(lake)})
            it.connect("duck", "duckdb", {"path": str(database)})
            yield it
