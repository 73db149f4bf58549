"""The pool that dials connections to PostgreSQL and keeps a few of them warm."""

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

# The driver reads the list of types with the first connection; after this time it reads it again.
_TYPES_SECONDS: Final = 600.0

# For the driver's own query of the types, which doesn't qualify names and depends on their quoting.
_FOR_TYPES: Final = {"options": "-c search_path=pg_catalog -c quote_all_identifiers=off"}


class PostgresPool(IdlePool[PostgresConnection]):
    """Idle connections to PostgreSQL, and the driver's database that they are made from.

    Attributes:
        unreadable: oids of types that the driver can't read even with a fresh list of types.
        types: built-in types that were looked up; they don't change.
        brief_suffices: True as long as the brief query of ``shadows`` has sufficed. It only decides
            which query is sent first.
    """

    def __init__(self, version: int, *, max_idle: int = MAX_IDLE) -> None:
        super().__init__(version, max_idle=max_idle)
        self.unreadable: set[int] = set()
        self.types: dict[int, CatalogType] = {}
        self.brief_suffices = True
        self._dialling = threading.Lock()
        self._database: adbc.AdbcDatabase | None = None
        self._database_text = ""
        self._database_since = 0.0

    def dial(self, options: Mapping[str, str], *, new_types: bool = False) -> PostgresConnection:
        """Dials a new connection.

        Args:
            options: libpq's options, with the checked address.
            new_types: True to read the list of the database's types again.

        Raises:
            adbc.Error: the connection failed.
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
    """The driver's database, from which it makes connections; it reads the list of types here."""
    text = conninfo(options)
    driver = adbc_driver_postgresql._driver_path()
    try:
        database = adbc.AdbcDatabase(driver=driver, uri=conninfo({**options, **_FOR_TYPES}))
    except adbc.Error as error:
        if "unsupported startup parameter" not in str(error):  # a pooler that forwards no options
            raise
        return adbc.AdbcDatabase(driver=driver, uri=text)
    # The connections themselves keep the login's defaults.
    database.set_options(uri=text)
    return database
