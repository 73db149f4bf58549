"""The pool that keeps a few connections to PostgreSQL warm, and makes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

import adbc_driver_manager as adbc
import adbc_driver_postgresql

from ..dialled.idle import MAX_IDLE, IdlePool
from .catalog_types import CatalogType
from .connection import PostgresConnection, conninfo

# The driver reads the list of types when the first connection is made; a new one is read at times.
_TYPES_SECONDS: Final = 600.0

# For the driver's own look at the types: it writes no schemas, and reads names as they are quoted.
_LOOKING: Final = {"options": "-c search_path=pg_catalog -c quote_all_identifiers=off"}


class PostgresPool(IdlePool[PostgresConnection]):
    """Idle connections to PostgreSQL, and what they are made from.

    Attributes:
        unreadable: types that the driver can't read although it has just looked.
        types: PostgreSQL's own that were looked up: they don't change.
        asks_briefly: whether the brief question of ``shadows`` has been enough so far. It
            decides which one is asked first, and nothing else.
    """

    def __init__(self, version: int, *, max_idle: int = MAX_IDLE) -> None:
        super().__init__(version, max_idle=max_idle)
        self.unreadable: set[int] = set()
        self.types: dict[int, CatalogType] = {}
        self.asks_briefly = True
        self._dialling = threading.Lock()
        self._database: adbc.AdbcDatabase | None = None
        self._database_text = ""
        self._database_since = 0.0

    def dial(self, options: Mapping[str, str], *, new_types: bool = False) -> PostgresConnection:
        """A new connection.

        Args:
            options: libpq's, with the checked address.
            new_types: whether to read the list of the database's types again.

        Raises:
            adbc.Error: what the driver says.
        """
        text = conninfo(options)
        with self._dialling:
            stale = time.monotonic() - self._database_since > _TYPES_SECONDS
            if self._database is None or new_types or stale or self._database_text != text:
                self._database, self._database_text = _database(options), text
                self._database_since = time.monotonic()
            database = self._database
            assert database is not None
        return PostgresConnection(database, (options["hostaddr"], int(options["port"])))


def _database(options: Mapping[str, str]) -> adbc.AdbcDatabase:
    """What the driver makes connections from; it looks for the database's types here, once."""
    text = conninfo(options)
    driver = adbc_driver_postgresql._driver_path()
    try:
        database = adbc.AdbcDatabase(driver=driver, uri=conninfo({**options, **_LOOKING}))
    except adbc.Error as error:
        if "unsupported startup parameter" not in str(error):  # a pooler that passes no options on
            raise
        return adbc.AdbcDatabase(driver=driver, uri=text)
    # The connections themselves keep the login's own defaults.
    database.set_options(uri=text)
    return database
