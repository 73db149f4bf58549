"""Where a statement's analysis runs, so that it holds up nobody and can be ended.

A short statement takes a few milliseconds and is analysed where it is asked for. A long one, of a
million characters at most, takes as long as a second of Python: in a thread of the service everybody
would feel that, and nobody could stop it. So it gets a process, and so does one that is deeply nested.
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
from typing import Any, Final, Protocol, get_args

from pydantic import TypeAdapter

from ..kit import errors, forking
from ..kit.errors import Conflict, SourceTimeout, TooLarge, Unavailable, WorkbenchError
from .dialects.complexity import MAX_SQL_BYTES
from .models import DialectName, Statement
from .statement import analyse

# Characters of the text and its parameters. More take longer than the process does, some 20 ms.
_SHORT: Final = 10_000
# Nobody's statement in the collections of honest ones has more.
_DEEP: Final = 8
_BRACKETS: Final = re.compile(r"[()\[\]{}]")
_PROGRAM: Final = ["-m", "wb_server.gate.analysis"]
_MEMORY: Final = 4 * 2**30  # bytes
_PASSED: Final = 60.0  # seconds, where nothing else is said
# Both ends follow from the types, so that a new field needs nothing here.
_STATEMENT: Final = TypeAdapter(Statement)


class Stoppable(Protocol):
    """What can be stopped from any thread, at any time."""

    def cancel(self) -> None: ...


class Watch(Protocol):
    """Who has a statement analysed: how long that may take, and how to be told what to stop."""

    @property
    def seconds(self) -> float: ...

    def attach(self, work: Stoppable) -> None: ...


class Unwatched:
    """Nobody who would stop it."""

    seconds = _PASSED

    def attach(self, work: Stoppable) -> None:
        pass


class Analyst:
    """Analyses statements: ``statement.analyse``, with a limit of time for long ones."""

    def __init__(self) -> None:
        self._nursery = forking.Nursery(_PROGRAM)

    def analyse(
        self,
        sql: str,
        dialect: DialectName,
        params: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        watch: Watch | None = None,
    ) -> Statement:
        """A statement's analysis.

        Raises:
            Conflict: it was cancelled meanwhile (``cancelled``).
            SourceTimeout: it took longer than the statement may take (``timeout``).
            WorkbenchError: as ``statement.analyse``.
        """
        if not is_long(sql, params) and not is_deep(sql):
            return analyse(sql, dialect, params, limit=limit)
        try:
            forked = self._nursery.fork()
        except OSError:
            raise Unavailable("No process could be started to check the statement.") from None
        request = {"sql": sql, "dialect": dialect, "limit": limit, "params": _packed(params)}
        return _Work(forked).result(request, watch or Unwatched())

    def close(self) -> None:
        """Ends the nursery."""
        self._nursery.close()


def is_long(sql: str, params: Mapping[str, Any] | None = None) -> bool:
    """Whether the analysis of a statement may take long.

    Raises:
        TooLarge: no statement may be as long as this.
    """
    if len(sql) > MAX_SQL_BYTES:
        raise TooLarge(f"The SQL text is larger than {MAX_SQL_BYTES:,} bytes.")
    return len(sql) + _size((params or {}).values()) > _SHORT


def is_deep(sql: str) -> bool:
    """Whether brackets stand so deep in each other that some may be read too often.

    The parser reads some things twice, and so what is in them four times, eight times, … The gate
    counts those that are known, which is why this is a matter of those that aren't.
    """
    depth = deepest = 0
    for bracket in _BRACKETS.findall(sql):
        depth = max(0, depth + (1 if bracket in "([{" else -1))
        deepest = max(deepest, depth)
    return deepest > _DEEP


def _size(values: Iterable[Any]) -> int:
    """About how many characters values come to."""
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
    """One analysis in a process."""

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
            raise Conflict("The query was cancelled.", code="cancelled")
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
    # The service has written it; nothing comes back this way.
    params = pickle.loads(base64.b85decode(request["params"]))  # noqa: S301
    try:
        found = analyse(request["sql"], request["dialect"], params, limit=request["limit"])
    except WorkbenchError as error:
        said = {"class": type(error).__name__, "message": error.message}
        return {"error": {**said, "code": error.code, "details": error.details}}
    return {"statement": _STATEMENT.dump_python(found, mode="json")}


def _work(asked: int, output: int, ended: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    request = forking.request_of(asked)
    if request is not None:
        forking.end_with(ended, _answer(request))


def _warm_up() -> None:
    """Has sqlglot do what it does with its first statements."""
    for dialect in get_args(DialectName):
        analyse("SELECT a, count(*) FROM t WHERE b IN (1, 2) GROUP BY a", dialect)


if __name__ == "__main__":
    _warm_up()
    forking.serve(int(sys.argv[1]), _work)
