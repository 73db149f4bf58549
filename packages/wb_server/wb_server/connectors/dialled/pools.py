"""The pools of all saved connections of one kind."""

from __future__ import annotations

import threading
from typing import Any, Generic, Protocol, TypeVar

from ..target import Target
from .idle import MAX_IDLE, IdlePool

P = TypeVar("P", bound=IdlePool[Any])
Q_co = TypeVar("Q_co", bound=IdlePool[Any], covariant=True)


class MakesPool(Protocol[Q_co]):
    """A class of pools."""

    def __call__(self, version: int, *, max_idle: int = MAX_IDLE) -> Q_co: ...


class Pools(Generic[P]):
    """A pool per saved connection and login, of the connection's newest version.

    Args:
        make: the class of the pools.
    """

    def __init__(self, make: MakesPool[P]) -> None:
        self._make = make
        self._pools: dict[tuple[str, str | None], P] = {}
        self._lock = threading.Lock()

    def of(self, target: Target) -> P:
        """The target's pool; for an unsaved or outdated target, one that keeps nothing."""
        if not target.connection_id:
            return self.without(target)
        key = (target.connection_id, target.user)
        with self._lock:
            pool = self._pools.get(key)
            if pool is not None and pool.version == target.version:
                return pool
            if pool is not None and pool.version > target.version:
                return self.without(target)
            self._pools[key] = fresh = self._make(target.version)
        if pool is not None:
            pool.close()
        return fresh

    def without(self, target: Target) -> P:
        """A pool for the target that keeps nothing."""
        return self._make(target.version, max_idle=0)

    def forget(self, connection_id: str) -> None:
        """Drops the pooled connections of a saved connection."""
        with self._lock:
            mine = [key for key in self._pools if key[0] == connection_id]
            pools = [self._pools.pop(key) for key in mine]
        for pool in pools:
            pool.close()

    def close(self) -> None:
        """Drops all pooled connections."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        for pool in pools:
            pool.close()
