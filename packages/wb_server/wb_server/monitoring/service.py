"""Checks whether the service works."""

from __future__ import annotations

import sqlalchemy as sa

from ..kit.db import Database
from ..kit.errors import Unavailable
from ..kit.version import VERSION
from .models import Health

NOT_ISOLATED = (
    "Users are isolated neither from each other nor from the service: "
    "whoever can run a cell can read the master key."
)


class HealthService:
    """Checks what the service depends on."""

    def __init__(self, database: Database, *, mode: str, isolated: bool) -> None:
        self._database = database
        self._mode = mode
        self._isolated = isolated

    def health(self) -> Health:
        """The current health.

        Raises:
            Unavailable: the metadata database doesn't answer.
        """
        try:
            with self._database.read() as connection:
                connection.execute(sa.select(1))
        except sa.exc.SQLAlchemyError as error:
            raise Unavailable("The metadata database does not answer.") from error
        return Health.model_validate(
            {
                "version": VERSION,
                "mode": self._mode,
                "isolated": self._isolated,
                "notice": None if self._isolated else NOT_ISOLATED,
            }
        )
