"""Runs the analysis of statements so that it blocks nobody and can be stopped.

A short statement takes a few milliseconds and is analysed in the caller's thread. A long one, of
up to a million characters, can take a full second of Python: in a thread of the service every user
would feel that, and nobody could stop it. So long and deeply nested statements get their own process.
"""

from __future__ import annotations

import base64
import pickle
import re
import resource
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any, Final, Protocol, get_args

from pydantic import TypeAdapter

from ..kit import errors, forking
from ..kit.errors import Cancelled, SourceTimeout, TooLarge, Unavailable, WorkbenchError
from ..kit.sizes import MAX_SQL_BYTES
from .dialects.base import RoutineName
from .models import DialectName, Statement
from .statement import analyse

# Characters of the text and its parameters. Beyond this the analysis takes longer than starting a
# process, about 20 ms.
_SHORT: Final = 10_000
# No statement in the collections of honest ones nests deeper.
_DEEP: Final = 8
_BRACKETS: Final = re.compile(r"[()\[\]{}]")
_PROGRAM: Final = ["-m", "wb_server.gate.analysis"]
_MEMORY: Final = 4 * 2**30  # bytes
_DEFAULT_SECONDS: Final = 60.0
# Encodes and decodes by the types, so a new field needs no change here.
_STATEMENT: Final = TypeAdapter(Statement)


class Stoppable(Protocol):
    """Work that any thread can stop at any time."""

    def cancel(self) -> None: ...


class Watch(Protocol):
    """The caller's side of an analysis: its time limit, and where the work to stop is attached."""

    @property
    def seconds(self) -> float: ...

    def attach(self, work: Stoppable) -> None: ...


class Unwatched:
    """A watch with the default time limit, which never stops the work."""

    seconds = _DEFAULT_SECONDS

    def attach(self, work: Stoppable) -> None:
        pass


class Analyst:
    """Analyses statements with ``statement.analyse``; long ones have a time limit."""

    def __init__(self) -> None:
        self._nursery = forking.Nursery(_PROGRAM)

    def analyse(
        self,
        sql: str,
        dialect: DialectName,
        params: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        routines: frozenset[RoutineName] = frozenset(),
        watch: Watch | None = None,
    ) -> Statement:
        """Analyses a statement.

        Raises:
            Cancelled: it was cancelled during the analysis.
            SourceTimeout: the analysis exceeded the statement's time limit (``timeout``).
            WorkbenchError: as ``statement.analyse``.
        """
        if not is_long(sql, params) and not is_deep(sql):
            return analyse(sql, dialect, params, limit=limit, routines=routines)
        try:
            forked = self._nursery.fork()
        except OSError:
            raise Unavailable("No process could be started to check the statement.") from None
        request = {
            "sql": sql,
            "dialect": dialect,
            "limit": limit,
            "params": _packed(params),
            "routines": [astuple(each) for each in sorted(routines)],
        }
        return _Work(forked).result(request, watch or Unwatched())

    def close(self) -> None:
        """Ends the nursery."""
        self._nursery.close()


def is_long(sql: str, params: Mapping[str, Any] | None = None) -> bool:
    """True if the analysis of a statement may take long.

    Raises:
        TooLarge: the text is longer than any statement may be.
    """
    if len(sql) > MAX_SQL_BYTES:
        raise TooLarge(f"The SQL text is larger than {MAX_SQL_BYTES:,} bytes.")
    return len(sql) + _size((params or {}).values()) > _SHORT


def is_deep(sql: str) -> bool:
    """True if brackets nest so deep that the parser may take exponential time.

    The parser reads some constructs twice, so what is nested in them is read four times, eight
    times, … The gate counts the known ones; this check covers the unknown.
    """
    depth = deepest = 0
    for bracket in _BRACKETS.findall(sql):
        depth = max(0, depth + (1 if bracket in "([{" else -1))
        deepest = max(deepest, depth)
    return deepest > _DEEP


def _size(values: Iterable[Any]) -> int:
    """The approximate number of characters of some values."""
    total = 0
    for value in values:
        if isinstance(value, Mapping):
            value = value.get("value")
        if isinstance(value, str | bytes):
            total += len(value)
        elif isinstance(value, list | tuple):
            total += _size(value)
        else:
            total += 10
    return total


class _Work:
    """One analysis in a forked process."""

    def __init__(self, forked: forking.Forked) -> None:
        self._forked = forked
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True
        self._forked.kill()

    def result(self, request: dict[str, Any], watch: Watch) -> Statement:
        end = time.monotonic() + watch.seconds
        timer = threading.Timer(watch.seconds, self._forked.kill)
        timer.daemon = True
        timer.start()
        try:
            watch.attach(self)
            try:
                self._forked.send(request)
            except OSError:
                ending = None
            else:
                ending = self._forked.ending()
        finally:
            timer.cancel()
            self._forked.discard()
        if self._cancelled:
            raise Cancelled("The query was cancelled.")
        if ending is None and time.monotonic() >= end:
            raise SourceTimeout("Checking the statement exceeded the time limit.", code="timeout")
        if ending is None:
            raise Unavailable("The process that checks the statement ended.")
        if "error" in ending:
            raise _error(ending["error"])
        return _STATEMENT.validate_python(ending["statement"])


# Between the processes ---------------------------------------------------------------------------


def _packed(params: Mapping[str, Any] | None) -> str:
    return base64.b85encode(pickle.dumps(dict(params or {}))).decode()


def _error(wire: dict[str, Any]) -> WorkbenchError:
    kind: type[WorkbenchError] = getattr(errors, wire["class"])
    return kind(wire["message"], code=wire["code"], **wire["details"])


# In the process ----------------------------------------------------------------------------------


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    # Safe to unpickle: the service wrote it. The answer comes back as JSON.
    params = pickle.loads(base64.b85decode(request["params"]))  # noqa: S301
    try:
        routines = frozenset(RoutineName(*each) for each in request["routines"])
        found = analyse(
            request["sql"], request["dialect"], params, limit=request["limit"], routines=routines
        )
    except WorkbenchError as error:
        wire = {"class": type(error).__name__, "message": error.message}
        return {"error": {**wire, "code": error.code, "details": error.details}}
    return {"statement": _STATEMENT.dump_python(found, mode="json")}


def _work(asked: int, output: int, ended: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    request = forking.request_of(asked)
    if request is not None:
        forking.end_with(ended, _answer(request))


def _warm_up() -> None:
    """Triggers sqlglot's one-time work before the first fork."""
    for dialect in get_args(DialectName):
        analyse("SELECT a, count(*) FROM t WHERE b IN (1, 2) GROUP BY a", dialect)


if __name__ == "__main__":
    _warm_up()
    forking.serve(int(sys.argv[1]), _work)
