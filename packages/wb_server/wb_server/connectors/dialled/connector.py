"""What all connectors to databases over a socket have in common."""

from __future__ import annotations

from typing import ClassVar, Generic

from ...kit.network import NetworkPolicy
from ..base import Connector, ConnectorConfig
from .config import DialledConfig
from .pools import MakesPool, P, Pools


class DialledConnector(Connector, Generic[P]):
    """Checks addresses, and keeps a pool of idle connections per saved connection and login.

    Args:
        policy: decides which addresses may be dialled.
        make_pool: the class of the pools.
    """

    supports_writes: ClassVar[bool] = True
    supports_loads: ClassVar[bool] = True
    supports_routines: ClassVar[bool] = True

    def __init__(self, policy: NetworkPolicy, make_pool: MakesPool[P]) -> None:
        self._policy = policy
        self._pools = Pools(make_pool)

    def check(self, config: ConnectorConfig) -> None:
        assert isinstance(config, DialledConfig)
        self._policy.check(config.host, config.port)

    def destination(self, config: ConnectorConfig) -> object:
        assert isinstance(config, DialledConfig)
        return config.host, config.port, config.sslmode, config.sslrootcert

    def forget(self, connection_id: str) -> None:
        self._pools.forget(connection_id)

    def close(self) -> None:
        self._pools.close()
